package judge

import (
	"container/list"
	"slices"
	"time"

	"sidedoor/event"
)

// revocations holds what took approvals back, in the order of arrival.
type revocations struct {
	line   *list.List
	byID   map[string]struct{}
	byWhat map[taken][]*revocation // by the time from which they hold
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
	i, _ := slices.BinarySearchFunc(s.byWhat[t], r.Revocation.At, byAt)
	s.byWhat[t] = slices.Insert(s.byWhat[t], i, r)
	return true
}

func byAt(r *revocation, at time.Time) int { return r.Revocation.At.Compare(at) }

// of returns when the approval was first taken back, the zero time if it was
// not. What was recorded later than a revocation is not touched by it.
func (s *revocations) of(p *event.Approval) (at time.Time) {
	if len(s.byWhat) == 0 {
		return time.Time{}
	}
	look := func(t taken) {
		list := s.byWhat[t]
		i, _ := slices.BinarySearchFunc(list, p.Recorded, byAt)
		if i < len(list) && (at.IsZero() || list[i].Revocation.At.Before(at)) {
			at = list[i].Revocation.At
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
		i, _ := slices.BinarySearchFunc(s.byWhat[t], r.Revocation.At, byAt)
		for s.byWhat[t][i] != r { // of the same time
			i++
		}
		if s.byWhat[t] = slices.Delete(s.byWhat[t], i, i+1); len(s.byWhat[t]) == 0 {
			delete(s.byWhat, t)
		}
		crowded++
	}
	return crowded
}
