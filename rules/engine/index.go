package engine

import (
	"bytes"
	"cmp"
	"slices"
)

// fieldIndex finds, for a value of one field, the leaves that it may make hold.
type fieldIndex struct {
	whole, starts, ends table
	startLengths        []int // of the literals in starts, ascending
	endLengths          []int // of those in ends
	inside              grams
	short               *pairs // nil: none
	texts               bool   // any of these is not empty
	// numbers are what numbers are equal to whatever their spelling. Two
	// integers are equal by their texts alone, so an integer is looked up
	// among the decimals only.
	numbers, decimals map[float64][]posting
	// present are the rules that can only match where the field is there.
	present []int32
}

// posting says what follows if a literal is found.
type posting struct {
	leaf  int32
	check int32 // the predicate that has to confirm it
	exact bool  // found in ASCII, it needs no confirmation
}

// entry is a literal of an index.
type entry struct {
	hash     uint64
	text     []byte
	postings []posting
	number   int32 // of one that is looked for inside of texts
}

// table finds texts by their hash: open addressing, at most half full.
type table struct {
	slots   []int32 // index of the entry, plus 1
	mask    uint64
	entries []entry
}

func newTable(entries []entry) table {
	t := table{entries: entries}
	if len(entries) == 0 {
		return t
	}
	size := 4
	for size < 2*len(entries) {
		size *= 2
	}
	t.slots, t.mask = make([]int32, size), uint64(size-1)
	for i := range entries {
		entries[i].hash = hash(entries[i].text)
		slot := entries[i].hash & t.mask
		for t.slots[slot] != 0 {
			slot = (slot + 1) & t.mask
		}
		t.slots[slot] = int32(i) + 1
	}
	return t
}

// find returns the postings of a text, which is ASCII in whatever case, or
// folded.
func (t *table) find(text []byte) []posting {
	h := hash(text)
	for slot := h & t.mask; t.slots[slot] != 0; slot = (slot + 1) & t.mask {
		e := &t.entries[t.slots[slot]-1]
		if e.hash == h && len(e.text) == len(text) && equalFolded(text, e.text) {
			return e.postings
		}
	}
	return nil
}

// draft collects the literals of a field before its index is built.
type draft struct {
	literals [places]map[string][]posting
	numbers  map[float64][]posting
	decimals map[float64][]posting
}

func (d *draft) add(l literal, p posting) {
	if d.literals[l.place] == nil {
		d.literals[l.place] = map[string][]posting{}
	}
	list := d.literals[l.place][string(l.text)]
	if len(list) == 0 || list[len(list)-1] != p { // those of one predicate come together
		d.literals[l.place][string(l.text)] = append(list, p)
	}
}

// number adds a text that is a number, which other spellings are equal to.
func (d *draft) number(t *text, p posting) {
	if d.numbers == nil {
		d.numbers, d.decimals = map[float64][]posting{}, map[float64][]posting{}
	}
	d.numbers[t.number] = append(d.numbers[t.number], p)
	if !t.integer {
		d.decimals[t.number] = append(d.decimals[t.number], p)
	}
}

// entries returns the literals of a place, in a fixed order.
func (d *draft) entries(at place) []entry {
	list := make([]entry, 0, len(d.literals[at]))
	for s, p := range d.literals[at] {
		list = append(list, entry{text: []byte(s), postings: p})
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(cmp.Compare(len(a.text), len(b.text)), bytes.Compare(a.text, b.text))
	})
	return list
}

// build makes the index. numbered is how many literals are looked for inside of
// texts by the indexes so far.
func (d *draft) build(x *fieldIndex, numbered *int32) {
	starts, ends := d.entries(atStart), d.entries(atEnd)
	x.startLengths, x.endLengths = lengths(starts), lengths(ends)
	x.whole, x.starts, x.ends = newTable(d.entries(whole)), newTable(starts), newTable(ends)
	parts := d.entries(inside) // the shortest first
	for i := range parts {
		parts[i].number = *numbered
		*numbered++
	}
	long, _ := slices.BinarySearchFunc(parts, gramSize, func(e entry, n int) int { return cmp.Compare(len(e.text), n) })
	x.short, x.inside = newPairs(parts[:long]), newGrams(parts[long:])
	x.numbers, x.decimals = d.numbers, d.decimals
	x.texts = len(x.whole.entries)+len(starts)+len(ends)+len(parts) > 0
}

func lengths(sorted []entry) []int {
	var list []int
	for _, e := range sorted {
		list = append(list, len(e.text))
	}
	return slices.Compact(list)
}
