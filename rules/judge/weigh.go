package judge

import (
	"strings"
	"time"

	"sidedoor/event"
)

// Weigh says whether approval p covers act a under requirement r and, if not,
// the first reason why, in the order of [event.Why]'s constants. p must be of
// the required kind.
func Weigh(a event.Match, r event.Requirement, p event.Match) event.Why {
	ap, at := p.Approval, a.Event.At()
	switch {
	case !covers(ap.Covers, r.Scope):
		return event.OtherScope
	case r.SameActor && !samePerson(ap.Actor, a.Act.Actor):
		return event.OtherActor
	case ap.NeedsApprover && ap.Approver.Person == "":
		return event.NoApprover
	case ap.NeedsApprover && anyPerson(r.IndependentOf, ap.Approver):
		return event.SelfApproved
	case !ap.From.IsZero() && !validBy(ap, at.Add(r.Skew)):
		return event.NotYetValid
	case !ap.Until.IsZero() && at.After(ap.Until):
		return event.Expired
	case ap.Recorded.After(at.Add(r.Skew)):
		return event.RecordedAfter
	}
	return event.Covers
}

// validBy says whether the approval's window had begun at t. An approval that
// was recorded only later and then made to begin later still is first of all
// late, so its recording decides.
func validBy(p *event.Approval, t time.Time) bool {
	return !p.From.After(t) || (p.Recorded.After(t) && !p.From.After(p.Recorded))
}

// best is what the approval is worth for the act over all requirements.
func best(a, p event.Match) event.Why {
	var why event.Why
	for _, r := range a.Act.ApprovedBy {
		if r.Kind != p.Approval.Kind {
			continue
		}
		if w := Weigh(a, r, p); why == "" || rank(w) < rank(why) {
			why = w
		}
	}
	return why
}

// rank orders reasons by how near the approval came.
func rank(w event.Why) int {
	for i, o := range []event.Why{
		event.Covers, event.RecordedAfter, event.Expired, event.NotYetValid, event.SelfApproved,
		event.NoApprover, event.OtherActor, event.OtherScope,
	} {
		if w == o {
			return i
		}
	}
	return len(w) + 8
}

// covers says whether the pattern, in which '*' stands for any run of
// characters, covers scope. An empty pattern covers nothing.
func covers(pattern, scope string) bool {
	if pattern == "" || scope == "" {
		return false
	}
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == scope
	}
	if !strings.HasPrefix(scope, first) {
		return false
	}
	scope = scope[len(first):]
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(scope, part)
		}
		i := strings.Index(scope, part)
		if i < 0 {
			return false
		}
		scope, rest = scope[i+len(part):], more
	}
}

func samePerson(a, b event.Party) bool {
	return a.Person != "" && strings.EqualFold(a.Person, b.Person)
}

func anyPerson(list []event.Party, p event.Party) bool {
	for _, l := range list {
		if samePerson(l, p) {
			return true
		}
	}
	return false
}
