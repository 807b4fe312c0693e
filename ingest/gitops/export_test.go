package gitops

import (
	"time"

	"sidedoor/event"
)

// CompareAll compares two states of an object of each kind, and keeps its bookmark
// between them as a restart does.
func CompareAll(before, after []byte) (all [][]event.Event) {
	for _, k := range []*kind{&applications, &kustomizations, &helmReleases, &gitRepositories} {
		p := place{}
		for _, raw := range [][]byte{before, after} {
			r, err := k.reading(raw)
			if err != nil {
				continue
			}
			n := k.compare(p, r, time.Time{})
			for more := 0; n.more && more < 100; more++ {
				n = k.compare(n.next, r, time.Time{})
			}
			all = append(all, n.events)
			b, err := n.next.bytes(time.Time{}, n.events)
			if err != nil {
				panic(err)
			}
			if p, _, _, err = readPlace(b); err != nil {
				panic(err)
			}
		}
	}
	return all
}
