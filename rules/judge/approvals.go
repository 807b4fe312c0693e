package judge

import (
	"container/list"
	"maps"
	"time"

	"sidedoor/event"
)

// approval is an approval that is held.
type approval struct {
	ID     string      `json:"id"`
	Match  event.Match `json:"match"`  // bounded
	Stored time.Time   `json:"stored"` // the judge's clock when it arrived

	place // when it is to be forgotten
	line  *list.Element
}

// approvals holds approvals in the order of their arrival, by what an act asks
// for.
type approvals struct {
	line    *list.List
	byID    map[string]*approval
	exact   index[key, *approval]    // kind and scope
	wild    index[string, *approval] // kind
	person  index[key, *approval]    // kind and actor
	expiry  queue[*approval]         // those that expire at all
	arrived int
}

func newApprovals() *approvals {
	return &approvals{
		line: list.New(), byID: map[string]*approval{},
		exact: index[key, *approval]{}, wild: index[string, *approval]{}, person: index[key, *approval]{},
	}
}

func (s *approvals) len() int { return s.line.Len() }

// add takes an approval in, unless it is held already.
func (s *approvals) add(p *approval, cfg Config) bool {
	if s.byID[p.ID] != nil {
		return false
	}
	ap := p.Match.Approval
	s.byID[p.ID] = p
	p.line = s.line.PushBack(p)
	p.order = s.arrived
	s.arrived++
	switch {
	case wild(ap.Covers):
		s.wild.add(ap.Kind, p)
	case ap.Covers != "":
		s.exact.add(key{ap.Kind, ap.Covers}, p)
	}
	if ap.Actor.Person != "" {
		s.person.add(key{ap.Kind, fold(ap.Actor.Person)}, p)
	}
	if !ap.Until.IsZero() {
		p.due = later(ap.Until, p.Stored).Add(cfg.Memory)
		s.expiry.add(p)
	}
	return true
}

func (s *approvals) drop(p *approval) {
	ap := p.Match.Approval
	delete(s.byID, p.ID)
	s.line.Remove(p.line)
	s.exact.remove(key{ap.Kind, ap.Covers}, p)
	s.wild.remove(ap.Kind, p)
	s.person.remove(key{ap.Kind, fold(ap.Actor.Person)}, p)
	if !ap.Until.IsZero() {
		s.expiry.remove(p)
	}
}

// near returns the approvals of a required kind that cover the required scope
// or, where the approval has to name the actor, name this one. All others are
// unrelated to the act.
func (s *approvals) near(a event.Match) map[*approval]struct{} {
	near := map[*approval]struct{}{}
	for _, r := range a.Act.ApprovedBy {
		maps.Copy(near, s.exact[key{r.Kind, r.Scope}])
		for p := range s.wild[r.Kind] {
			if covers(p.Match.Approval.Covers, r.Scope) {
				near[p] = struct{}{}
			}
		}
		if r.SameActor {
			maps.Copy(near, s.person[key{r.Kind, fold(a.Act.Actor.Person)}])
		}
	}
	return near
}

// forget drops what is too old, or too much, and returns how many were too
// much.
func (s *approvals) forget(clock time.Time, cfg Config) (crowded int) {
	for p := s.expiry.first(); p != nil && clock.After(p.due); p = s.expiry.first() {
		s.drop(p)
	}
	for s.len() > cfg.MaxHeld {
		s.drop(s.line.Front().Value.(*approval))
		crowded++
	}
	return crowded
}
