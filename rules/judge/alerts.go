package judge

import (
	"slices"
	"time"

	"sidedoor/event"
)

// alert is an alert that is held as long as one of its acts is.
type alert struct {
	ID       string      `json:"id"`
	Group    group       `json:"group"`
	Revision int         `json:"revision"`
	First    time.Time   `json:"first"`
	Last     time.Time   `json:"last"`
	Resource string      `json:"resource"` // of the act that opened it
	Actor    event.Party `json:"actor"`    // likewise
	// Counts and Reasons give for each state how many occurrences are in it
	// and the reason of the last verdict that gave it.
	Counts    map[event.State]int    `json:"counts"`
	Reasons   map[event.State]string `json:"reasons"`
	Approvers []event.Party          `json:"approvers,omitempty"`

	held int // its acts that are held
}

// group is what the acts of an alert have in common.
type group struct {
	Rule   string `json:"rule"`
	Person string `json:"person"`
	Scope  string `json:"scope"`
}

func groupOf(a *act) group {
	return group{Rule: a.Match.Rule.ID, Person: fold(a.actor.Person), Scope: a.Match.Act.Scope}
}

// alerts holds alerts. Those of one group are bursts that do not overlap, in
// the order of their times.
type alerts struct {
	byID   map[string]*alert
	bursts map[group][]*alert
}

func newAlerts() *alerts {
	return &alerts{byID: map[string]*alert{}, bursts: map[group][]*alert{}}
}

// join puts the act into the burst that it continues, or opens one. Acts come
// out of order, so a burst may grow backwards, and be an older one.
func (s *alerts) join(a *act, gap time.Duration) {
	at := a.Match.Event.At()
	al := s.nearest(groupOf(a), at)
	if al == nil || at.After(al.Last.Add(gap)) || at.Before(al.First.Add(-gap)) {
		al = &alert{
			ID: event.AlertOf(a.ID), Group: groupOf(a), First: at, Last: at,
			Resource: a.Match.Act.Resource, Actor: a.actor,
			Counts: map[event.State]int{}, Reasons: map[event.State]string{},
		}
		s.add(al)
	}
	if at.Before(al.First) {
		al.First = at
	}
	al.Last = later(al.Last, at)
	al.held++
	a.Alert = al.ID
}

func (s *alerts) add(al *alert) {
	s.byID[al.ID] = al
	bursts := s.bursts[al.Group]
	i, _ := slices.BinarySearchFunc(bursts, al.First, byFirst)
	s.bursts[al.Group] = slices.Insert(bursts, i, al)
}

func byFirst(al *alert, at time.Time) int { return al.First.Compare(at) }

// nearest returns the group's burst that holds the time or is the closest to
// it, nil if the group has none. To join any other could make bursts overlap.
func (s *alerts) nearest(g group, at time.Time) *alert {
	bursts := s.bursts[g]
	i, found := slices.BinarySearchFunc(bursts, at, byFirst)
	switch {
	case found || i == 0 && len(bursts) > 0:
		return bursts[i]
	case i == 0:
		return nil
	case i == len(bursts) || at.Sub(bursts[i-1].Last) <= bursts[i].First.Sub(at):
		return bursts[i-1]
	}
	return bursts[i]
}

// revise brings the act's alert up to date with its new verdict. old is the
// state that the act was in before.
func (s *alerts) revise(a *act, old event.State, v *event.Verdict) event.Alert {
	al := s.byID[a.Alert]
	if old != event.Pending {
		al.Counts[old]--
	}
	al.Counts[a.State]++
	al.Reasons[a.State] = v.Reason
	al.Revision++
	al.consider(v.Considered)
	out := event.Alert{
		ID: al.ID, Revision: al.Revision, State: al.worst(),
		Rule: v.Rule, Control: v.Control, Actor: al.Actor, Scope: v.Scope, Resource: al.Resource,
		First: al.First, Last: al.Last,
		Verdicts:   []event.VerdictRef{{ID: v.ID, Revision: v.Revision}},
		Considered: slices.Clone(al.Approvers),
	}
	for _, n := range al.Counts {
		out.Occurrences += n
	}
	out.Sentence = sentence(out, al.Reasons[out.State])
	return out
}

// consider adds those who approved what was considered, link by link, to those
// who may not review the alert.
func (al *alert) consider(list []event.Considered) {
	for _, c := range list {
		if c.Approver.Person != "" && len(al.Approvers) < event.MaxConsidered && !anyPerson(al.Approvers, c.Approver) {
			al.Approvers = append(al.Approvers, c.Approver)
		}
		al.consider(c.Links)
	}
}

// worst is the state of the alert: that of its worst occurrence.
func (al *alert) worst() event.State {
	for _, s := range []event.State{event.Bypass, event.Undetermined, event.ApprovedLate} {
		if al.Counts[s] > 0 {
			return s
		}
	}
	return event.Approved
}

// leave is told that an act is no longer held. With its last act the alert
// goes: what comes then opens another.
func (s *alerts) leave(a *act) {
	al := s.byID[a.Alert]
	if al == nil {
		return
	}
	if al.held--; al.held > 0 {
		return
	}
	delete(s.byID, al.ID)
	rest := slices.DeleteFunc(s.bursts[al.Group], func(b *alert) bool { return b == al })
	if len(rest) == 0 {
		delete(s.bursts, al.Group)
		return
	}
	s.bursts[al.Group] = rest
}
