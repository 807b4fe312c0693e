package judge

import (
	"cmp"
	"slices"
	"strings"

	"sidedoor/event"
)

// view is what the approvals held say about an act.
type view struct {
	considered []event.Considered // the nearest first
	crowded    bool               // judged early, because too many acts are held
}

func (v view) covered() bool { return v.has(event.Covers) }

func (v view) late() bool { return v.has(event.RecordedAfter) }

func (v view) has(w event.Why) bool {
	return len(v.considered) > 0 && v.considered[0].Why == w
}

// consider weighs all approvals that come near the act.
func (j *Judge) consider(a *act) view {
	var list []event.Considered
	seen := map[string]int{}
	for _, r := range a.Match.Act.ApprovedBy {
		for _, p := range j.approvals.near(a.Match, r) {
			c := considered(Weigh(a.Match, r, p.Match), p.Match)
			if i, ok := seen[p.ID]; !ok {
				seen[p.ID] = len(list)
				list = append(list, c)
			} else if rank(c.Why) < rank(list[i].Why) {
				list[i] = c
			}
		}
	}
	slices.SortFunc(list, nearest)
	return view{considered: list}
}

func considered(why event.Why, m event.Match) event.Considered {
	p := m.Approval
	return event.Considered{
		Why: why, Kind: p.Kind, Reference: p.Reference, Actor: p.Actor, Approver: p.Approver,
		Covers: p.Covers, From: p.From, Until: p.Until, Recorded: p.Recorded, Event: m.Event,
	}
}

// nearest orders by how near an approval came, the most recent first.
func nearest(a, b event.Considered) int {
	ka, kb := a.Event.Key(), b.Event.Key()
	return cmp.Or(
		cmp.Compare(rank(a.Why), rank(b.Why)),
		b.Recorded.Compare(a.Recorded),
		strings.Compare(a.Reference, b.Reference),
		slices.Compare(ka[:], kb[:]),
	)
}

// behind names the sources that could still have approved the act and are not
// known to be complete up to the end of its grace.
func (j *Judge) behind(a *act) []string {
	var names []string
	for name, s := range j.sources {
		if s.Through.Before(a.GraceDue) && s.provides(a.kinds()) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (s *source) provides(kinds map[string]bool) bool {
	return slices.ContainsFunc(s.Provides, func(k string) bool { return kinds[k] })
}

// verdict writes down the act's verdict as it is now.
func (j *Judge) verdict(a *act, v view) event.Verdict {
	m := a.Match
	out := event.Verdict{
		ID: a.ID, Revision: a.Revision, Verdict: a.State,
		Rule: m.Rule, Control: m.Control, Actor: m.Act.Actor, Resource: m.Act.Resource, Scope: m.Act.Scope,
		Event: m.Event, Required: m.Act.ApprovedBy, Considered: v.considered, Alert: a.Alert,
	}
	if a.State == event.Undetermined {
		out.Behind = j.behind(a)
	}
	if extra := len(out.Considered) - event.MaxConsidered; extra > 0 {
		out.Considered, out.Omitted = out.Considered[:event.MaxConsidered], extra
	}
	out.Reason = j.reason(a, v, out.Behind)
	return fitted(out)
}
