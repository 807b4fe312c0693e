package judge

import (
	"time"

	"sidedoor/event"
)

// considered writes findings down.
func considered(list []*finding) []event.Considered {
	if len(list) == 0 {
		return nil
	}
	out := make([]event.Considered, len(list))
	for i, f := range list {
		f.considered(&out[i])
	}
	return out
}

// considered writes the finding to c, which is zero.
func (f *finding) considered(c *event.Considered) {
	p := f.weighed()
	c.Why, c.Kind, c.Reference, c.Actor, c.Approver, c.Covers = f.why, p.Kind, p.Reference, p.Actor, p.Approver, p.Covers
	c.From, c.Until, c.Recorded, c.Revoked = p.From, p.Until, p.Recorded, f.revoked
	c.Event, c.Detail, c.Links = f.whole().match.Event, clip(f.detail, maxText), considered(f.links)
}

// counted is when an approval began to count: when it was recorded, or the last
// of its links.
func counted(c *event.Considered) time.Time {
	at := c.Recorded
	for i := range c.Links {
		at = later(at, counted(&c.Links[i]))
	}
	return at
}

// verdict writes down the act's verdict as it is now.
func (j *Judge) verdict(a *act, found answer) *event.Verdict {
	m := &a.Match
	listed := found.findings[:min(len(found.findings), event.MaxConsidered)]
	v := &event.Verdict{
		ID: a.ID, Revision: a.Revision, Verdict: a.State,
		Rule: m.Rule, Control: m.Control, Actor: a.actor, Resource: m.Act.Resource, Scope: m.Act.Scope,
		Event: m.Event, Required: m.Act.ApprovedBy, Considered: considered(listed), Alert: a.Alert,
		Together: a.Together,
	}
	v.Omitted = found.total - len(v.Considered)
	if a.State != event.Approved {
		v.Behind = j.behind(a)
	}
	v.Reason = j.reason(a, v)
	fitVerdict(v, j.now)
	return v
}
