package judge

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// weighed is an approval that came near an act, and what it is worth for it.
type weighed struct {
	why      event.Why
	approval held
	match    event.Match
}

// view is the approvals that came near an act, the decisive one first.
type view []weighed

// state is the verdict on an act if no other approval comes.
func (v view) state() event.State {
	switch {
	case len(v) > 0 && v[0].why == event.Covers:
		return event.Approved
	case len(v) > 0 && v[0].why == event.RecordedAfter:
		return event.ApprovedLate
	}
	return event.Bypass
}

// near returns the approvals of a required kind that cover the required scope
// or, where the approval has to name the actor, name this one. All others are
// unrelated to the act.
func (j *Judge) near(a event.Match) map[held]struct{} {
	near := map[held]struct{}{}
	for _, r := range a.Act.ApprovedBy {
		for p := range j.approvals.covering(r.Kind, r.Scope) {
			near[p] = struct{}{}
		}
		if !r.SameActor {
			continue
		}
		for p := range j.approvals.naming(r.Kind, a.Act.Actor.Person) {
			near[p] = struct{}{}
		}
	}
	return near
}

// weigh weighs every approval that comes near the act.
func (j *Judge) weigh(a *act) view {
	near := j.near(a.Match)
	v := make(view, 0, len(near))
	for p := range near {
		m := p.match()
		v = append(v, weighed{best(a.Match, m), p, m})
	}
	at := a.Match.Event.At()
	slices.SortFunc(v, func(x, y weighed) int {
		px, py := x.match.Approval, y.match.Approval
		order := cmp.Or(
			cmp.Compare(rank(x.why), rank(y.why)),
			cmp.Compare(apart(px.Recorded, at), apart(py.Recorded, at)),
			strings.Compare(px.Reference, py.Reference),
		)
		if order == 0 { // rarely: an ID takes time
			order = strings.Compare(x.approval.id(), y.approval.id())
		}
		return order
	})
	return v
}

// apart is how far a and b are apart: of two approvals with the same fault,
// the one recorded nearer to the act says more.
func apart(a, b time.Time) time.Duration { return a.Sub(b).Abs() }

// considered writes the view down, as far as a verdict lists approvals.
func (v view) considered() []event.Considered {
	list := make([]event.Considered, 0, min(len(v), event.MaxConsidered))
	for _, w := range v[:cap(list)] {
		m := w.match
		p := m.Approval
		list = append(list, event.Considered{
			Why: w.why, Kind: p.Kind, Reference: p.Reference, Actor: p.Actor, Approver: p.Approver,
			Covers: p.Covers, From: p.From, Until: p.Until, Recorded: p.Recorded, Event: m.Event,
		})
	}
	return list
}

// verdict writes down the act's verdict as it is now.
func (j *Judge) verdict(a *act, view view) event.Verdict {
	m := a.Match
	v := event.Verdict{
		ID: a.ID, Revision: a.Revision, Verdict: a.State,
		Rule: m.Rule, Control: m.Control, Actor: m.Act.Actor, Resource: m.Act.Resource, Scope: m.Act.Scope,
		Event: m.Event, Required: m.Act.ApprovedBy, Considered: view.considered(), Alert: a.Alert,
		Together: a.Together,
	}
	v.Omitted = len(view) - len(v.Considered)
	if a.State != event.Approved {
		v.Behind = j.behind(a)
	}
	v.Reason = j.reason(a, v)
	return fitVerdict(v, j.now)
}
