package engine

import "encoding/binary"

// pairs finds literals of two and three bytes inside of texts, as [grams] finds
// longer ones.
type pairs struct {
	set    [1 << 16 / 64]uint64 // of the pairs that literals begin with
	byPair map[uint16][]entry
}

const pairSize = 2

func pairAt(b []byte, i int) uint16 {
	return binary.LittleEndian.Uint16(b[i:]) | uint16(caseBits&0xffff)
}

// newPairs returns nil if there is nothing to find.
func newPairs(entries []entry) *pairs {
	if len(entries) == 0 {
		return nil
	}
	p := &pairs{byPair: map[uint16][]entry{}}
	for _, e := range entries {
		pair := pairAt(e.text, 0)
		p.set[pair>>6] |= 1 << (pair & 63)
		p.byPair[pair] = append(p.byPair[pair], e)
	}
	return p
}
