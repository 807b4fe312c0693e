package engine

import (
	"fmt"
	"slices"
)

// DuplicateKeyError says that an object of an event has a key more than once
// where a rule reads: readers differ in which one they take, so the event means
// different things to different people. Nobody's serializer writes that.
type DuplicateKeyError struct {
	Key string // dotted, from the event's root
}

// Error names the key.
func (e *DuplicateKeyError) Error() string {
	return fmt.Sprintf("event: key %q stands more than once in an object", e.Key)
}

// duplicates are the keys of an event that stand again in an object, where
// rules read, by where they begin.
type duplicates struct {
	path    string       // of the first that was found
	later   map[int]bool // every one but the first of its object
	earlier map[int]bool // every one but the last
}

func (d *duplicates) add(n *pathNode, before, at int) {
	if d.later == nil {
		d.path, d.later, d.earlier = n.path, map[int]bool{}, map[int]bool{}
	}
	d.later[at], d.earlier[before] = true, true
}

// ambiguous matches an event in which a key stands twice under each reading:
// with every member, as it was walked, with the first ones, with the last ones.
// What one of them does not show must not be hidden by it.
func (m *Matcher) ambiguous(dst []int, kind string) ([]int, error) {
	from, found := len(dst), m.twice
	dst = m.run.matching(dst)
	for _, hidden := range []map[int]bool{found.later, found.earlier} {
		m.begin(kind)
		m.hidden = hidden
		m.event() // which has been found sound
		dst = m.run.matching(dst)
	}
	m.hidden = nil
	slices.Sort(dst[from:])
	return append(dst[:from], slices.Compact(dst[from:])...), &DuplicateKeyError{Key: found.path}
}
