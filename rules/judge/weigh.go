package judge

import (
	"slices"
	"strings"
	"unicode"

	"sidedoor/event"
)

// Weigh says whether approval p covers act a under requirement r and, if not,
// the first reason why not, in the order of [event.Why]'s constants. a must be
// an act, p an approval of the required kind.
//
// Skew excuses an approval that seems to begin or to be recorded after the
// act, never one that had ended. An approval that was recorded after the act
// and holds from then on, or from before, is recorded-after: that is how
// systems fill in what is given afterwards.
func Weigh(a event.Match, r event.Requirement, p event.Match) event.Why {
	ap, at := p.Approval, a.Event.At()
	early := at.Add(r.Skew).Before(ap.From) // never, if From is zero
	late := at.Add(r.Skew).Before(ap.Recorded)
	switch {
	case !covers(ap.Covers, r.Scope):
		return event.OtherScope
	case r.SameActor && !samePerson(ap.Actor, a.Act.Actor):
		return event.OtherActor
	case ap.NeedsApprover && ap.Approver.Person == "":
		return event.NoApprover
	case anyPerson(r.IndependentOf, ap.Approver):
		return event.SelfApproved
	case early && (!late || ap.From.After(ap.Recorded)):
		return event.NotYetValid
	case !ap.Until.IsZero() && at.After(ap.Until):
		return event.Expired
	case late:
		return event.RecordedAfter
	}
	return event.Covers
}

// best is what approval p is worth for act a over all requirements of p's
// kind; empty if there is none.
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

// rank orders reasons by how near the approval came: the later in the order
// of Weigh, the nearer.
func rank(w event.Why) int {
	return slices.Index([]event.Why{
		event.Covers, event.RecordedAfter, event.Expired, event.NotYetValid,
		event.SelfApproved, event.NoApprover, event.OtherActor, event.OtherScope,
	}, w)
}

// covers says whether the pattern, in which '*' stands for any run of
// characters, covers scope. An empty pattern covers nothing.
func covers(pattern, scope string) bool {
	return pattern != "" && event.Wildcard(pattern, scope)
}

// wild says whether an approval's Covers has a wildcard.
func wild(covers string) bool { return strings.Contains(covers, "*") }

// samePerson compares people without case; nobody is the same as nobody.
func samePerson(a, b event.Party) bool {
	return a.Person != "" && strings.EqualFold(a.Person, b.Person)
}

func anyPerson(list []event.Party, p event.Party) bool {
	return slices.ContainsFunc(list, func(l event.Party) bool { return samePerson(l, p) })
}

// fold gives people that [samePerson] holds to be the same, and only these,
// the same key. Lower case would not: EqualFold also folds 'ſ' and 's'.
func fold(person string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, person)
}
