package judge

import (
	"iter"
	"slices"
	"time"

	"sidedoor/event"
)

// facts holds what somebody is to something, in the order of arrival.
type facts struct {
	line []heldFact
	ids  map[string]struct{}
	by   map[event.FactRef][]event.Fact
}

type heldFact struct {
	ID   string     `json:"id"`
	Fact event.Fact `json:"fact"`
}

func newFacts() *facts {
	return &facts{ids: map[string]struct{}{}, by: map[event.FactRef][]event.Fact{}}
}

// add takes a fact in, unless it is held already.
func (s *facts) add(f event.Fact, id string, _ time.Time) bool {
	if _, again := s.ids[id]; again {
		return false
	}
	s.ids[id] = struct{}{}
	s.line = append(s.line, heldFact{id, f})
	ref := event.FactRef{Is: f.Is, Of: f.Of}
	s.by[ref] = append(s.by[ref], f)
	return true
}

func (s *facts) of(ref event.FactRef) iter.Seq[event.Fact] { return slices.Values(s.by[ref]) }
