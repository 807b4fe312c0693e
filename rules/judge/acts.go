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
	Opens    string          `json:"opens"` // the ID of the alert that it opens, if it opens one
	Match    event.Match     `json:"match"` // bounded
	Together *event.Together `json:"together,omitempty"`
	Stored   time.Time       `json:"stored"` // the judge's clock when it arrived
	State    event.State     `json:"state"`
	Revision int             `json:"revision"`
	Alert    string          `json:"alert,omitempty"`   // that it belongs to
	Waiting  bool            `json:"waiting,omitempty"` // its grace has passed, coverage has not come

	place         // among the acts that wait for the same mark
	awaits string // the source of that mark
	line   *list.Element
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

// requires says whether approvals of the kind can approve the act.
func (a *act) requires(kind string) bool {
	return slices.ContainsFunc(a.Match.Act.ApprovedBy, func(r event.Requirement) bool { return r.Kind == kind })
}

// acts holds acts in the order of their arrival, by what would approve them.
type acts struct {
	line    *list.List
	byID    map[string]*act
	asked   index[key, *act]      // open acts by the kind and scope that they ask for
	scopes  index[string, string] // the scopes in asked, by kind
	pending int
	arrived int
}

func newActs() *acts {
	return &acts{line: list.New(), byID: map[string]*act{}, asked: index[key, *act]{}, scopes: index[string, string]{}}
}

func (s *acts) len() int { return s.line.Len() }

// oldest returns the act that arrived first, nil if none is held.
func (s *acts) oldest() *act {
	if e := s.line.Front(); e != nil {
		return e.Value.(*act)
	}
	return nil
}

func (s *acts) add(a *act) {
	s.byID[a.ID] = a
	a.line = s.line.PushBack(a)
	a.order = s.arrived
	s.arrived++
	if a.State == event.Pending {
		s.pending++
	}
	if a.State == event.Approved {
		return
	}
	for _, r := range a.Match.Act.ApprovedBy {
		s.asked.add(key{r.Kind, r.Scope}, a)
		s.scopes.add(r.Kind, r.Scope)
	}
}

// revise gives the act its next state. An approved act is no longer open.
func (s *acts) revise(a *act, state event.State) {
	if a.State == event.Pending {
		s.pending--
	}
	a.State = state
	a.Revision++
	if state == event.Approved {
		s.close(a)
	}
}

func (s *acts) close(a *act) {
	for _, r := range a.Match.Act.ApprovedBy {
		k := key{r.Kind, r.Scope}
		s.asked.remove(k, a)
		if len(s.asked[k]) == 0 {
			s.scopes.remove(r.Kind, r.Scope)
		}
	}
}

// drop stops holding an act that has its verdict.
func (s *acts) drop(a *act) {
	delete(s.byID, a.ID)
	s.line.Remove(a.line)
	s.close(a)
}

// concernedBy returns the open acts that ask for p's kind in a scope that p
// covers, in the order of their arrival.
func (s *acts) concernedBy(p *event.Approval) []*act {
	found := map[*act]struct{}{}
	if !wild(p.Covers) {
		maps.Copy(found, s.asked[key{p.Kind, p.Covers}])
	} else {
		for scope := range s.scopes[p.Kind] {
			if covers(p.Covers, scope) {
				maps.Copy(found, s.asked[key{p.Kind, scope}])
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), byArrival)
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
