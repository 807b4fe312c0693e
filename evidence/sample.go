package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// PopulationRoot digests the IDs of a population: each behind its length, in
// the order given, which has to be sorted.
func PopulationRoot(ids []string) [sha256.Size]byte {
	h := sha256.New()
	h.Write([]byte("sidedoor-population-v1\n"))
	for _, id := range ids {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(id)))
		h.Write(n[:])
		h.Write([]byte(id))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// Draw returns the first n items of a population by ticket. The ticket of an
// item is the SHA-256 of the seed, the population's root and the item's ID;
// nobody who does not know the seed when the population is frozen can choose
// what is drawn, and a larger sample begins with the smaller one.
//
// Method: consistent sampling as in election audits, Rivest 2018.
func Draw(ids []string, root, seed string, n int) []string {
	type ticket struct {
		sum [sha256.Size]byte
		id  string
	}
	tickets := make([]ticket, len(ids))
	for i, id := range ids {
		tickets[i] = ticket{sha256.Sum256([]byte("sidedoor-sample-v1\n" + seed + "\n" + root + "\n" + id + "\n")), id}
	}
	slices.SortFunc(tickets, func(a, b ticket) int { return slices.Compare(a.sum[:], b.sum[:]) })
	out := make([]string, 0, min(n, len(tickets)))
	for _, t := range tickets[:min(max(n, 0), len(tickets))] {
		out = append(out, t.id)
	}
	return out
}
