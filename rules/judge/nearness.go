package judge

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// nearest is sorted, without all but the nearest of those that cannot count:
// no verdict lists more of them.
func (q *inquiry) nearest(list []*finding, at time.Time) []*finding {
	others := 0
	return slices.DeleteFunc(q.sorted(list, at), func(f *finding) bool {
		if f.why == "" || f.alone() {
			return false
		}
		if others++; others <= event.MaxConsidered {
			return false
		}
		q.j.desk.give(f)
		return true
	})
}

// sorted orders findings, the decisive one first.
func (q *inquiry) sorted(list []*finding, at time.Time) []*finding {
	if len(list) < 2 {
		return list
	}
	for _, f := range list {
		f.rank, f.apart = rank(f.why), apart(f.weighed().Recorded, at)
	}
	slices.SortFunc(list, byNearness)
	return list
}

func byNearness(x, y *finding) int {
	switch {
	case x.rank != y.rank:
		return cmp.Compare(x.rank, y.rank)
	case x.apart != y.apart:
		return cmp.Compare(x.apart, y.apart)
	}
	order := strings.Compare(x.weighed().Reference, y.weighed().Reference)
	if order == 0 && x.approval != y.approval { // rarely: an ID has to be worked out
		order = strings.Compare(x.id(), y.id())
	}
	return order
}

// once keeps of several findings of one approval the first.
func once(list []*finding) []*finding {
	if len(list) < 2 {
		return list
	}
	seen := make(map[held]struct{}, len(list))
	return slices.DeleteFunc(list, func(f *finding) bool {
		_, again := seen[f.approval]
		seen[f.approval] = struct{}{}
		return again
	})
}

// apart is how far a and b are apart: of two approvals with the same fault,
// the one recorded nearer to the act says more.
func apart(a, b time.Time) time.Duration { return a.Sub(b).Abs() }
