package judge

import (
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// alert is an alert that is held as long as one of its acts is.
type alert struct {
	ID       string              `json:"id"`
	Group    string              `json:"group"`
	Revision int                 `json:"revision"`
	First    time.Time           `json:"first"`
	Last     time.Time           `json:"last"`
	Counts   map[event.State]int `json:"counts"`
	Held     int                 `json:"held"` // acts
	Resource string              `json:"resource"`
	Actor    event.Party         `json:"actor"`
	Approver []event.Party       `json:"approvers,omitempty"`
}

// alerts groups acts that were not approved in time into bursts of one rule,
// actor and scope.
type alerts struct {
	byID    map[string]*alert
	current map[string]*alert // latest burst of each group
}

func newAlerts() *alerts {
	return &alerts{byID: map[string]*alert{}, current: map[string]*alert{}}
}

// join puts the act into the burst that it belongs to, or opens one. Acts may
// arrive out of order, so a burst also grows backwards.
func (s *alerts) join(a *act, gap time.Duration) {
	at, m := a.Match.Event.At(), a.Match
	group := strings.Join([]string{m.Rule.ID, m.Rule.Name, strings.ToLower(m.Act.Actor.Person), m.Act.Scope}, "\x00")
	al := s.current[group]
	if al == nil || at.After(al.Last.Add(gap)) || at.Before(al.First.Add(-gap)) {
		al = &alert{
			ID: event.AlertID(m), Group: group, First: at, Last: at,
			Counts: map[event.State]int{}, Resource: m.Act.Resource, Actor: m.Act.Actor,
		}
		s.byID[al.ID] = al
		s.current[group] = al
	}
	if at.Before(al.First) {
		al.First = at
	}
	al.Last = later(al.Last, at)
	al.Held++
	a.Alert = al.ID
}

// maxApprovers bounds the parties that one alert lists.
const maxApprovers = 20

// revise brings the alert up to date with a's new verdict. old is the act's
// state before.
func (s *alerts) revise(a *act, old event.State, v event.Verdict) event.Alert {
	al := s.byID[a.Alert]
	if a.Revision > 1 {
		al.Counts[old]--
	}
	al.Counts[a.State]++
	al.Revision++
	for _, c := range v.Considered {
		p := c.Approver
		if p.Person != "" && !anyPerson(al.Approver, p) && len(al.Approver) < maxApprovers {
			al.Approver = append(al.Approver, p)
		}
	}
	out := event.Alert{
		ID: al.ID, Revision: al.Revision, State: al.worst(),
		Rule: v.Rule, Control: v.Control, Actor: al.Actor, Scope: v.Scope, Resource: al.Resource,
		Occurrences: al.occurrences(), First: al.First, Last: al.Last,
		Verdicts:   []event.VerdictRef{{ID: v.ID, Revision: v.Revision}},
		Considered: slices.Clone(al.Approver),
	}
	out.Sentence = sentence(out, v)
	return out
}

// worst is the state that an alert shows: that of its worst occurrence.
func (al *alert) worst() event.State {
	for _, s := range []event.State{event.Bypass, event.Undetermined, event.ApprovedLate} {
		if al.Counts[s] > 0 {
			return s
		}
	}
	return event.Approved
}

func (al *alert) occurrences() int {
	n := 0
	for _, c := range al.Counts {
		n += c
	}
	return n
}

// leave is told that an act is no longer held; with the last one the alert
// goes.
func (s *alerts) leave(a *act) {
	al := s.byID[a.Alert]
	if al == nil {
		return
	}
	if al.Held--; al.Held > 0 {
		return
	}
	delete(s.byID, al.ID)
	if s.current[al.Group] == al {
		delete(s.current, al.Group)
	}
}
