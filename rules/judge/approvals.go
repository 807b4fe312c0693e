package judge

import (
	"container/list"
	"iter"
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
	line       *list.List
	byID       map[string]*approval
	exact      index[key, *approval]    // kind and scope
	wild       index[string, *approval] // kind
	person     index[key, *approval]    // kind and actor
	references index[key, *approval]    // kind and reference
	expiry     queue[*approval]         // those that expire at all
	arrived    int
}

func newApprovals() *approvals {
	return &approvals{
		line: list.New(), byID: map[string]*approval{},
		exact: index[key, *approval]{}, wild: index[string, *approval]{}, person: index[key, *approval]{}, references: index[key, *approval]{},
	}
}

func (s *approvals) len() int { return s.line.Len() }

// add takes an approval in, unless it is held already.
func (s *approvals) add(m event.Match, id string, stored time.Time, cfg Config) (held, bool) {
	if s.byID[id] != nil {
		return nil, false
	}
	p := &approval{ID: id, Match: m, Stored: stored}
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
	if ap.Reference != "" {
		s.references.add(key{ap.Kind, ap.Reference}, p)
	}
	if !ap.Until.IsZero() {
		p.due = later(ap.Until, p.Stored).Add(cfg.Memory)
		s.expiry.add(p)
	}
	return p, true
}

func (s *approvals) drop(p *approval) {
	ap := p.Match.Approval
	delete(s.byID, p.ID)
	s.line.Remove(p.line)
	s.exact.remove(key{ap.Kind, ap.Covers}, p)
	s.wild.remove(ap.Kind, p)
	s.person.remove(key{ap.Kind, fold(ap.Actor.Person)}, p)
	s.references.remove(key{ap.Kind, ap.Reference}, p)
	if !ap.Until.IsZero() {
		s.expiry.remove(p)
	}
}

// held is an approval that is held.
type held = *approval

func (p *approval) id() string         { return p.ID }
func (p *approval) match() event.Match { return p.Match }

// has says whether the approval is held.
func (s *approvals) has(id string) bool { return s.byID[id] != nil }

// covering returns the approvals of a kind that cover a scope.
func (s *approvals) covering(kind, scope string) iter.Seq[held] {
	return func(yield func(held) bool) {
		for p := range s.exact[key{kind, scope}] {
			if !yield(p) {
				return
			}
		}
		for p := range s.wild[kind] {
			if covers(p.Match.Approval.Covers, scope) && !yield(p) {
				return
			}
		}
	}
}

// naming returns the approvals of a kind that name the person as who may act.
func (s *approvals) naming(kind, person string) iter.Seq[held] {
	return maps.Keys(s.person[key{kind, fold(person)}])
}

// referenced returns the approvals of a kind that have a reference.
func (s *approvals) referenced(kind, reference string) iter.Seq[held] {
	return maps.Keys(s.references[key{kind, reference}])
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
