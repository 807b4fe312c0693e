package judge

import (
	"time"

	"sidedoor/event"
)

// considered writes findings down, as far as a verdict lists approvals.
func considered(list []*finding) []event.Considered {
	out := make([]event.Considered, 0, min(len(list), event.MaxConsidered))
	for _, f := range list[:cap(out)] {
		out = append(out, f.considered())
	}
	return out
}

func (f *finding) considered() event.Considered {
	p := f.weighed()
	c := event.Considered{
		Why: f.why, Kind: p.Kind, Reference: p.Reference, Actor: p.Actor, Approver: p.Approver,
		Covers: p.Covers, From: p.From, Until: p.Until, Recorded: p.Recorded, Event: f.whole().match.Event,
		Revoked: f.revoked, Detail: clip(f.detail, maxText),
	}
	for _, l := range f.links {
		c.Links = append(c.Links, l.considered())
	}
	return c
}

// counted is when an approval began to count: when it was recorded, or the last
// of its links.
func counted(c event.Considered) time.Time {
	at := c.Recorded
	for _, l := range c.Links {
		at = later(at, counted(l))
	}
	return at
}

// verdict writes down the act's verdict as it is now.
func (j *Judge) verdict(a *act, found answer) event.Verdict {
	m := a.Match
	v := event.Verdict{
		ID: a.ID, Revision: a.Revision, Verdict: a.State,
		Rule: m.Rule, Control: m.Control, Actor: a.actor, Resource: m.Act.Resource, Scope: m.Act.Scope,
		Event: m.Event, Required: m.Act.ApprovedBy, Considered: considered(found.findings), Alert: a.Alert,
		Together: a.Together,
	}
	v.Omitted = found.total - len(v.Considered)
	if a.State != event.Approved {
		v.Behind = j.behind(a)
	}
	v.Reason = j.reason(a, v)
	return fitVerdict(v, j.now)
}
