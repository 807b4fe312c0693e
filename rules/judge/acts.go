package judge

import (
	"cmp"
	"container/list"
	"maps"
	"slices"
	"time"

	"sidedoor/event"
)

// act is an act that is held, with its verdict so far.
type act struct {
	ID       string          `json:"id"`
	Match    event.Match     `json:"match"` // bounded
	Together *event.Together `json:"together,omitempty"`
	Stored   time.Time       `json:"stored"` // the judge's clock when it arrived
	State    event.State     `json:"state"`
	Revision int             `json:"revision"`
	Alert    string          `json:"alert,omitempty"`   // that it belongs to
	Waiting  bool            `json:"waiting,omitempty"` // its grace has passed, coverage has not come
	// Relied are the approvals that made it approved, with their links.
	Relied []token `json:"relied,omitempty"`
	// Parts count towards correlations once the act has a certain verdict.
	Parts []event.Part `json:"parts,omitempty"`
	// Awaits is the source whose mark it waits for. It cannot be worked out
	// again: what led the act to ask for that source may be forgotten.
	Awaits string `json:"awaits,omitempty"`

	actor event.Party   // of the last inquiry
	asked []key         // likewise, in order
	calm  *list.Element // among the approved acts that raised no alert
	place               // among the acts that wait for the same mark
	line  *list.Element
}

// graceEnd is when an act is first looked at again, and up to when its
// approving sources have to be complete.
func (a *act) graceEnd() time.Time { return civil(a.Match.Event.At().Add(a.Match.Act.Grace)) }

// limitEnd is when an act is judged whether they are or not. It counts from the
// act's arrival: an act that arrives late must not be undetermined the moment
// that it does.
func (a *act) limitEnd() time.Time {
	from := later(a.Match.Event.At(), a.Stored)
	return civil(from.Add(a.Match.Act.Grace).Add(a.Match.Act.Limit))
}

// requires says whether approvals of the kind can approve the act, or something
// that it depends on.
func (a *act) requires(kind string) bool {
	for _, k := range a.asked {
		if k.kind == kind {
			return true
		}
	}
	return false
}

// acts holds acts in the order of their arrival, by what they asked for.
type acts struct {
	line    *list.List
	calm    *list.List // those that are approved and raised no alert
	byID    map[string]*act
	asked   index[key, *act]      // by the kind and scope, or the fact, that they asked for
	scopes  index[string, string] // the scopes in asked, by kind
	pending int
	arrived int
}

func newActs() *acts {
	return &acts{line: list.New(), calm: list.New(), byID: map[string]*act{}, asked: index[key, *act]{}, scopes: index[string, string]{}}
}

func (s *acts) len() int { return s.line.Len() }

// oldest returns the act that arrived first, nil if none is held.
func (s *acts) oldest() *act {
	if e := s.line.Front(); e != nil {
		return e.Value.(*act)
	}
	return nil
}

// dispensable returns the act to be let go first where there are too many: what
// was approved is only held because that may be taken back.
func (s *acts) dispensable() *act {
	if e := s.calm.Front(); e != nil {
		return e.Value.(*act)
	}
	return s.oldest()
}

func (s *acts) add(a *act) {
	s.byID[a.ID] = a
	a.line = s.line.PushBack(a)
	a.order = s.arrived
	s.arrived++
	if a.State == event.Pending {
		s.pending++
	}
	s.still(a)
}

// still keeps the line of calm acts.
func (s *acts) still(a *act) {
	switch calm := a.State == event.Approved && a.Alert == ""; {
	case calm && a.calm == nil:
		a.calm = s.calm.PushBack(a)
	case !calm && a.calm != nil:
		s.calm.Remove(a.calm)
		a.calm = nil
	}
}

// ask has the act looked at again when something comes that it asked for.
func (s *acts) ask(a *act, asked []key) {
	for _, k := range a.asked {
		if !among(asked, k) {
			s.unask(a, k)
		}
	}
	for _, k := range asked {
		if !among(a.asked, k) {
			s.asked.add(k, a)
			if !k.isFact() {
				s.scopes.add(k.kind, k.value)
			}
		}
	}
	a.asked = asked
}

func (s *acts) unask(a *act, k key) {
	s.asked.remove(k, a)
	if !s.asked.has(k) && !k.isFact() {
		s.scopes.remove(k.kind, k.value)
	}
}

// revise gives the act its next state.
func (s *acts) revise(a *act, state event.State) {
	if a.State == event.Pending {
		s.pending--
	}
	a.State = state
	a.Revision++
	s.still(a)
}

// drop stops holding an act that has its verdict.
func (s *acts) drop(a *act) {
	delete(s.byID, a.ID)
	s.line.Remove(a.line)
	if a.calm != nil {
		s.calm.Remove(a.calm)
	}
	for _, k := range a.asked {
		s.unask(a, k)
	}
}

// concernedBy returns the acts that asked for approvals of a kind in a scope
// that the pattern covers, in the order of their arrival.
func (s *acts) concernedBy(kind, pattern string) []*act {
	if !wild(pattern) {
		return slices.SortedFunc(s.asked.of(key{kind, pattern}), byArrival)
	}
	found := map[*act]struct{}{}
	for scope := range s.scopes.of(kind) {
		if covers(pattern, scope) {
			for a := range s.asked.of(key{kind, scope}) {
				found[a] = struct{}{}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), byArrival)
}

// concernedByFact returns the acts that asked for a fact, likewise.
func (s *acts) concernedByFact(ref event.FactRef) []*act {
	return slices.SortedFunc(s.asked.of(factKey(ref)), byArrival)
}

// waiting returns the acts that wait for a mark, in the order of their arrival.
func (s *acts) waiting() []*act {
	var list []*act
	for _, a := range s.byID {
		if a.Waiting {
			list = append(list, a)
		}
	}
	slices.SortFunc(list, byArrival)
	return list
}

func byArrival(a, b *act) int { return cmp.Compare(a.order, b.order) }
