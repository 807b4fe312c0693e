package judge

import (
	"container/list"
	"time"

	"sidedoor/event"
)

// revocations holds what took approvals back, in the order of arrival.
type revocations struct {
	line   *list.List
	byID   map[string]struct{}
	byWhat map[taken][]*revocation
}

// revocation is one that is held.
type revocation struct {
	ID         string           `json:"id"`
	Revocation event.Revocation `json:"revocation"` // bounded
}

// taken is what a revocation takes back: the approvals with a reference, or
// those that somebody gave for exactly a scope.
type taken struct{ kind, reference, covers, approver string }

func newRevocations() *revocations {
	return &revocations{line: list.New(), byID: map[string]struct{}{}, byWhat: map[taken][]*revocation{}}
}

func takes(r event.Revocation) taken {
	if r.Reference != "" {
		return taken{kind: r.Kind, reference: r.Reference}
	}
	return taken{kind: r.Kind, covers: r.Covers, approver: fold(r.Approver.Person)}
}

// add takes a revocation in, unless it is held already.
func (s *revocations) add(r *revocation) bool {
	if _, again := s.byID[r.ID]; again {
		return false
	}
	s.byID[r.ID] = struct{}{}
	s.line.PushBack(r)
	t := takes(r.Revocation)
	s.byWhat[t] = append(s.byWhat[t], r)
	return true
}

// of returns when the approval was first taken back, the zero time if it was
// not. What was recorded later than a revocation is not touched by it.
func (s *revocations) of(p event.Approval) (at time.Time) {
	look := func(t taken) {
		for _, r := range s.byWhat[t] {
			if !r.Revocation.At.Before(p.Recorded) && (at.IsZero() || r.Revocation.At.Before(at)) {
				at = r.Revocation.At
			}
		}
	}
	if p.Reference != "" {
		look(taken{kind: p.Kind, reference: p.Reference})
	}
	if p.Covers != "" && p.Approver.Person != "" {
		look(taken{kind: p.Kind, covers: p.Covers, approver: fold(p.Approver.Person)})
	}
	return at
}

// forget drops the oldest where there are too many.
func (s *revocations) forget(most int) (crowded int) {
	for s.line.Len() > most {
		r := s.line.Remove(s.line.Front()).(*revocation)
		delete(s.byID, r.ID)
		t := takes(r.Revocation)
		if s.byWhat[t] = s.byWhat[t][1:]; len(s.byWhat[t]) == 0 { // the oldest of all is the first of its own
			delete(s.byWhat, t)
		}
		crowded++
	}
	return crowded
}
