package judge

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sidedoor/event"
)

// matter is what approvals are weighed for: an act or, for the links of an
// approval, the giving of it.
type matter struct {
	at     time.Time
	source string // whose clock says so
	actor  event.Party
}

// weigh finds out what the approval is worth for the matter under requirement
// r: whether it covers it and, if not, the first reason why not, in the order
// of [event.Why]'s constants. Where nothing is wrong but perhaps its links or
// that it came too late, it gives no reason; see conclude.
//
// Skew excuses an approval that seems to begin or to be recorded after the
// act, never one that had ended or was taken back. An approval that was
// recorded after the act and holds from then on, or from before, is
// recorded-after: that is how systems fill in what is given afterwards.
func (q *inquiry) weigh(f *finding, r *event.Requirement, m *matter) {
	ap := f.weighed()
	f.since, f.revoked = ap.Recorded, q.j.revocations.of(ap)
	if f.why, f.detail = q.parties(ap, r, m); f.why != "" {
		return
	}
	skewed := m.at.Add(q.j.skew(r, m.source, f.source()))
	early := skewed.Before(ap.From) // never, if From is zero
	switch {
	case early && (!skewed.Before(ap.Recorded) || ap.From.After(ap.Recorded)):
		f.why = event.NotYetValid
	case !ap.Until.IsZero() && m.at.After(ap.Until):
		f.why = event.Expired
	case !f.revoked.IsZero() && !m.at.Before(f.revoked):
		f.why = event.Revoked
	}
}

// conclude finds out the rest of what weigh did not: links are followed only
// where nothing else is wrong.
func (q *inquiry) conclude(f *finding, r *event.Requirement, m *matter, depth int) {
	skewed := m.at.Add(q.j.skew(r, m.source, f.source()))
	switch {
	case !q.follow(f, depth):
		f.why = event.MissingLink
	case skewed.Before(f.since):
		f.why = event.RecordedAfter
	default:
		f.why = event.Covers
	}
}

// parties weighs who may act and who approved. It returns no reason if nothing
// is wrong with them.
func (q *inquiry) parties(ap *event.Approval, r *event.Requirement, m *matter) (why event.Why, detail string) {
	if !coversAny(ap.Covers, r) {
		return event.OtherScope, ""
	}
	if actor := q.who(ap.Actor); r.SameActor && (!samePerson(actor, m.actor) || actor.Unknown != m.actor.Unknown) {
		return event.OtherActor, "" // a stranger is nobody of the estate, though called the same
	}
	approver := q.who(ap.Approver)
	if (ap.NeedsApprover || r.Group != "" || r.Approvers > 1) && approver.Person == "" {
		return event.NoApprover, ""
	}
	if detail, dependent := q.dependent(approver, r); dependent {
		return event.SelfApproved, detail
	}
	if r.Group == "" {
		return "", ""
	}
	if !slices.Contains(approver.Groups, r.Group) {
		return event.OtherGroup, ""
	}
	if since, fresh := q.fresh(approver, ap.Recorded, r, m); fresh {
		return event.NewApprover, date(since)
	}
	return "", ""
}

// dependent says whether the approver is not independent: one of those named,
// the owner of whom counts as them, or somebody of whom a fact says so.
func (q *inquiry) dependent(approver event.Party, r *event.Requirement) (detail string, dependent bool) {
	if approver.Person == "" {
		return "", false
	}
	owner := event.Party{Person: approver.Owner}
	for _, p := range r.IndependentOf {
		if p = q.who(p); samePerson(p, approver) || samePerson(p, owner) {
			return "", true
		}
	}
	for _, ref := range r.Separate {
		people := q.since(ref)
		if len(people[fold(approver.Person)])+len(people[fold(owner.Person)]) > 0 { // nobody is none of them
			return fmt.Sprintf("%s of %s", ref.Is, ref.Of), true
		}
	}
	return "", false
}

// fresh says whether the approver was made a member of the required group too
// shortly before approving, or after it, and when that was last.
func (q *inquiry) fresh(approver event.Party, recorded time.Time, r *event.Requirement, m *matter) (since time.Time, fresh bool) {
	if r.MemberFor == 0 {
		return time.Time{}, false
	}
	made := q.since(event.FactRef{Is: event.FactMember, Of: r.Group})[fold(approver.Person)]
	known := later(recorded, m.at)
	i, _ := slices.BinarySearchFunc(made, known, func(t, known time.Time) int {
		if t.After(known) {
			return 1
		}
		return -1
	})
	if i == 0 || !made[i-1].After(recorded.Add(-r.MemberFor)) {
		return time.Time{}, false
	}
	return made[i-1], true
}

// skew is by how much the clocks of an act's and an approval's source may
// differ.
func (j *Judge) skew(r *event.Requirement, act, approval string) time.Duration {
	skew := r.Skew
	if act == approval {
		return skew
	}
	for _, name := range []string{act, approval} {
		if s := j.sources[name]; s != nil {
			skew += s.Skew
		}
	}
	return skew
}

// reasons are all that there are, from the nearest to the farthest.
var reasons = []event.Why{
	event.Covers, event.RecordedAfter, event.MissingLink, event.Revoked, event.Expired, event.NotYetValid,
	event.NewApprover, event.OtherGroup, event.SelfApproved, event.NoApprover,
	event.NotEnough, // what is wrong with the others says more
	event.OtherActor, event.OtherScope,
}

// rank orders reasons by how near the approval came. No reason is the rank of
// no approval.
func rank(w event.Why) int {
	if i := slices.Index(reasons, w); i >= 0 {
		return i
	}
	return len(reasons)
}

// coversAny says whether the pattern covers the required scope, or a wider one
// that holds it.
func coversAny(pattern string, r *event.Requirement) bool {
	return covers(pattern, r.Scope) || slices.ContainsFunc(r.Within, func(wider string) bool { return covers(pattern, wider) })
}

// covers says whether the pattern, in which '*' stands for any run of
// characters, covers scope. An empty pattern covers nothing, and an empty scope
// is covered by nothing.
func covers(pattern, scope string) bool {
	return pattern != "" && scope != "" && event.Wildcard(pattern, scope)
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
		if r < utf8.RuneSelf { // no rune that folds to one of these is below its capital
			return unicode.ToUpper(r)
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, person)
}
