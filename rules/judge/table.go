package judge

import "hash/maphash"

// hasher hashes texts. Its seed is drawn anew in each process, since whoever
// can write events must not be able to make all of them collide. So nothing
// that comes out of the judge may depend on a hash.
type hasher struct{ seed maphash.Seed }

func newHasher() hasher { return hasher{maphash.MakeSeed()} }

func (h hasher) hash(texts ...string) uint32 {
	var sum uint64
	for _, s := range texts {
		sum = sum*0x9e3779b97f4a7c15 ^ maphash.String(h.seed, s)
	}
	return uint32(sum ^ sum>>32)
}

// table finds numbers by the hash of what they stand for, in 8 bytes for each
// and the room between them: open addressing with linear probing. Its zero
// value is empty.
type table struct {
	cells []cell // a power of two of them
	used  int
}

// cell is a number, plus one, and its hash. The zero value is an empty cell.
type cell struct {
	hash   uint32
	number int32
}

// find returns the number with a hash for which is holds.
func (t *table) find(hash uint32, is func(int32) bool) (int32, bool) {
	if i, ok := t.where(hash, is); ok {
		return t.cells[i].number - 1, true
	}
	return 0, false
}

func (t *table) where(hash uint32, is func(int32) bool) (uint32, bool) {
	if t.used == 0 {
		return 0, false
	}
	for i := hash & t.mask(); t.cells[i].number != 0; i = (i + 1) & t.mask() {
		if c := t.cells[i]; c.hash == hash && is(c.number-1) {
			return i, true
		}
	}
	return 0, false
}

func (t *table) mask() uint32 { return uint32(len(t.cells) - 1) }

// add takes in a number that is not there yet.
func (t *table) add(hash uint32, n int32) {
	if t.used >= len(t.cells)/4*3 {
		old := t.cells
		t.cells = make([]cell, max(8, 2*len(old)))
		for _, c := range old {
			if c.number != 0 {
				t.put(c)
			}
		}
	}
	t.put(cell{hash, n + 1})
	t.used++
}

func (t *table) put(c cell) {
	i := c.hash & t.mask()
	for t.cells[i].number != 0 {
		i = (i + 1) & t.mask()
	}
	t.cells[i] = c
}

// replace puts another number in the place of one with the same hash. It says
// whether that was there.
func (t *table) replace(hash uint32, old, n int32) bool {
	i, ok := t.where(hash, func(k int32) bool { return k == old })
	if ok {
		t.cells[i].number = n + 1
	}
	return ok
}

// remove takes a number out, if it is there, and moves up what had to make way
// for it.
func (t *table) remove(hash uint32, n int32) {
	hole, ok := t.where(hash, func(k int32) bool { return k == n })
	if !ok {
		return
	}
	for i := (hole + 1) & t.mask(); t.cells[i].number != 0; i = (i + 1) & t.mask() {
		home := t.cells[i].hash & t.mask()
		if (i-home)&t.mask() >= (i-hole)&t.mask() {
			t.cells[hole] = t.cells[i]
			hole = i
		}
	}
	t.cells[hole] = cell{}
	t.used--
}
