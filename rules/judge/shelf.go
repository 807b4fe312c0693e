package judge

import (
	"iter"
)

// shelf holds what was written down by a [codec], by number and by ID, in the
// order of arrival: a million entries have to fit, and be of no concern to the
// garbage collector.
type shelf struct {
	hasher
	words  dictionary
	places numbers
	slots  *pages[slot]
	texts  blocks
	ids    table
	line   rings
	oldest int32 // if there is one
	held   int
}

func newShelf() shelf {
	h, slots := newHasher(), new(pages[slot])
	return shelf{hasher: h, words: newDictionary(h), slots: slots, texts: blocks{slots: slots}, line: rings{row{slots, arrival}}}
}

// by returns chains of which the links are one of the rows of the shelf.
func (s *shelf) by(of int) chains { return chains{rings: rings{row{s.slots, of}}} }

// len returns how many entries are held.
func (s *shelf) len() int { return s.held }

// put takes in an entry, whose words have been entered, as the newest.
func (s *shelf) put(text string, id uint32) int32 {
	n := s.places.take()
	s.texts.put(n, text)
	s.ids.add(id, n)
	if s.held == 0 {
		s.line.begin(n)
		s.oldest = n
	} else {
		s.line.append(s.oldest, n)
	}
	s.held++
	return n
}

// take takes out an entry, whose words remain to be left.
func (s *shelf) take(n int32, id uint32) {
	next, _ := s.line.leave(n)
	if n == s.oldest {
		s.oldest = next
	}
	s.ids.remove(id, n)
	s.texts.remove(n)
	s.places.give(n)
	s.held--
}

// all goes through the entries in the order of their arrival.
func (s *shelf) all() iter.Seq[int32] {
	if s.held == 0 {
		return func(func(int32) bool) {}
	}
	return s.line.from(s.oldest)
}

// writer returns what an entry is written with.
func (s *shelf) writer() codec { return codec{words: &s.words} }

// reader returns what the text of an entry is read with.
func (s *shelf) reader(text string) codec { return codec{words: &s.words, reading: true, in: text} }
