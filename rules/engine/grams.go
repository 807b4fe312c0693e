package engine

import (
	"encoding/binary"
	"math/bits"
)

// grams finds literals inside of texts. Each literal stands under one of its
// grams (four bytes without regard to case), the one that the fewest literals
// have, so that literals which differ little stand apart. A text is looked at
// gram by gram: a set of bits tells nearly all of those that no literal stands
// under, at about a nanosecond a byte, whatever the number of literals. What is
// left is compared in full.
type grams struct {
	entries []entry
	set     []uint64 // bits by the gram's hash
	shift   uint
	slots   []gramSlot
	mask    uint32
}

// gramSlot is a literal under its gram; those of one gram stand beside each
// other.
type gramSlot struct {
	gram   uint32
	entry  int32 // plus 1
	offset int32 // of the gram in the literal
}

// gramSize is the length of a gram in bytes. Shorter literals are in [pairs].
const gramSize = 4

const gramMix = 0x9e3779b1

func gramAt(b []byte, i int) uint32 {
	return binary.LittleEndian.Uint32(b[i:]) | uint32(caseBits&0xffffffff)
}

func newGrams(entries []entry) grams {
	g := grams{entries: entries}
	if len(entries) == 0 {
		return g
	}
	users := map[uint32]int{}
	for _, e := range entries {
		for i := range len(e.text) - gramSize + 1 {
			users[gramAt(e.text, i)]++
		}
	}
	// 32 bits a literal make one in 32 of the grams of other texts look like
	// one of ours.
	size := max(10, bits.Len(uint(len(entries)*32)))
	g.set, g.shift = make([]uint64, 1<<(size-6)), uint(32-size)
	slots := 4
	for slots < 2*len(entries) {
		slots *= 2
	}
	g.slots, g.mask = make([]gramSlot, slots), uint32(slots-1)
	for i, e := range entries {
		g.add(int32(i), rarest(e.text, users))
	}
	return g
}

// rarest returns the place of the gram that the fewest literals have.
func rarest(text []byte, users map[uint32]int) int {
	best := 0
	for i := range len(text) - gramSize + 1 {
		if users[gramAt(text, i)] < users[gramAt(text, best)] {
			best = i
		}
	}
	return best
}

func (g *grams) add(entry int32, offset int) {
	gram := gramAt(g.entries[entry].text, offset)
	h := gram * gramMix
	bit := h >> g.shift
	g.set[bit>>6] |= 1 << (bit & 63)
	slot := g.slot(h)
	for g.slots[slot].entry != 0 {
		slot = (slot + 1) & g.mask
	}
	g.slots[slot] = gramSlot{gram, entry + 1, int32(offset)}
}

func (g *grams) slot(h uint32) uint32 { return (h ^ h>>15) & g.mask }
