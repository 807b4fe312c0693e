package judge

import "strings"

// dictionary gives texts that occur often small numbers, for as long as they
// are used. Number 0 is the empty text.
//
// Which numbers it gives out depends on what was entered and left before, and
// is part of a judge's state: so its snapshot is written without being
// translated.
type dictionary struct {
	hasher
	numbers
	words  pages[word]
	byText table
}

type word struct {
	text string
	uses int
}

func newDictionary(h hasher) dictionary {
	d := dictionary{hasher: h}
	d.take() // the empty text's
	return d
}

// enter returns the number of a text, which is used once more from here on.
func (d *dictionary) enter(text string) int32 {
	if text == "" {
		return 0
	}
	hash := d.hash(text)
	n, ok := d.byText.find(hash, func(n int32) bool { return d.words.at(n).text == text })
	if !ok {
		n = d.take()
		d.words.at(n).text = strings.Clone(text) // not the message that it is part of
		d.byText.add(hash, n)
	}
	d.words.at(n).uses++
	return n
}

// leave takes back one use of a text.
func (d *dictionary) leave(n int32) {
	if n == 0 {
		return
	}
	w := d.words.at(n)
	if w.uses--; w.uses > 0 {
		return
	}
	d.byText.remove(d.hash(w.text), n)
	*w = word{}
	d.give(n)
}

// text returns the text of a number. Its use has to have been counted.
func (d *dictionary) text(n int32) string { return d.words.at(n).text }

// has says whether the number is one of a text.
func (d *dictionary) has(n uint64) bool {
	return n == 0 || n < uint64(d.next) && d.words.at(int32(n)).text != ""
}
