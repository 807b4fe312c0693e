package judge

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errCut is that of a section that ends too early, or is none.
var errCut = errors.New("it is cut, or is no snapshot")

// save appends the shelf to a snapshot: its words by number, the numbers that
// are free, and its entries as they arrived, each text behind its length.
func (s *shelf) save(b []byte) []byte {
	d := &s.words
	b = binary.AppendUvarint(b, uint64(d.next))
	for n := int32(1); n < d.next; n++ {
		b = appendText(b, d.words.at(n).text) // empty: free
	}
	for _, n := range d.free {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = binary.AppendUvarint(b, uint64(s.held))
	for n := range s.all() {
		b = appendText(b, s.texts.at(n))
	}
	return b
}

// size is at least how many bytes save appends, and not many more.
func (s *shelf) size() int {
	size := binary.MaxVarintLen64 * (2 + len(s.words.free))
	for n := range s.words.next {
		size += len(s.words.words.at(n).text) + binary.MaxVarintLen32
	}
	for n := range s.places.next {
		size += len(s.texts.at(n)) + binary.MaxVarintLen32
	}
	return size
}

func appendText(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// load fills a shelf that holds nothing from what [shelf.save] wrote, and
// returns what follows it. place is told each entry; it reads it with the codec
// and puts it where it belongs. Nothing holds nothing.
func (s *shelf) load(b []byte, place func(text string, r *codec) error) ([]byte, error) {
	if len(b) == 0 {
		return nil, nil
	}
	in := section{rest: b}
	s.loadWords(&in)
	for i := range in.uint() {
		text := in.text()
		if in.err != nil {
			break
		}
		r := s.reader(text)
		r.visit = func(n int32) { s.words.words.at(n).uses++ }
		if err := place(text, &r); err != nil {
			return nil, fmt.Errorf("entry %d: %w", i, err)
		}
	}
	for n := int32(1); n < s.words.next && in.err == nil; n++ {
		if w := s.words.words.at(n); w.text != "" && w.uses == 0 {
			return nil, fmt.Errorf("no entry has the word %q", w.text)
		}
	}
	return in.rest, in.err
}

func (s *shelf) loadWords(in *section) {
	d := &s.words
	free := map[int32]bool{}
	for count := in.uint(); uint64(d.next) < count && in.err == nil; {
		text, n := in.text(), d.take()
		if text == "" {
			free[n] = true
			continue
		}
		hash := d.hash(text)
		if _, twice := d.byText.find(hash, func(n int32) bool { return d.words.at(n).text == text }); twice {
			in.fail(fmt.Errorf("the word %q is there twice", text))
			return
		}
		d.words.at(n).text = text
		d.byText.add(hash, n)
	}
	for range len(free) {
		n := in.uint()
		if n >= uint64(d.next) || !free[int32(n)] {
			in.fail(fmt.Errorf("word %d is not free", n))
			return
		}
		free[int32(n)] = false
		d.give(int32(n))
	}
}

// section is what remains of a snapshot to be read. After an error nothing
// does.
type section struct {
	rest []byte
	err  error
}

func (s *section) fail(err error) {
	if s.err == nil {
		s.err, s.rest = err, nil
	}
}

func (s *section) uint() uint64 {
	n, size := binary.Uvarint(s.rest)
	if size <= 0 {
		s.fail(errCut)
		return 0
	}
	s.rest = s.rest[size:]
	return n
}

func (s *section) text() string {
	n := s.uint()
	if n > uint64(len(s.rest)) {
		s.fail(errCut)
		return ""
	}
	text := string(s.rest[:n])
	s.rest = s.rest[n:]
	return text
}
