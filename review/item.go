package review

import (
	"slices"
	"time"

	"sidedoor/event"
)

// Standing is how far the review of an alert is.
type Standing string

// The standings.
const (
	Open          Standing = "open"          // nobody has decided it
	Reopened      Standing = "re-opened"     // decided, but the alert was revised since
	Investigating Standing = "investigating" // decided to need investigation
	Decided       Standing = "decided"
	Signed        Standing = "signed" // decided, and its week signed off
)

// Entry is a review entry and when it was recorded.
type Entry struct {
	event.Review
	Time time.Time
}

// Item is an alert as it is under review.
type Item struct {
	Alert    event.Alert // its latest revision
	Week     Week        // in which it is reviewed
	Late     bool        // it came after the sign-off of the week in which it happened
	Standing Standing
	Entries  []Entry // oldest first; the last one holds
	// Barred are all approvers ever considered for it: they may not decide it.
	Barred []event.Party
	// SignOff is that of the week; nil unless Signed.
	SignOff *event.SignOff
}

// Last returns the entry that holds, if there is one.
func (i Item) Last() (Entry, bool) {
	if len(i.Entries) == 0 {
		return Entry{}, false
	}
	return i.Entries[len(i.Entries)-1], true
}

// Done says whether nothing is left to decide.
func (i Item) Done() bool { return i.Standing == Decided || i.Standing == Signed }

// Filter chooses items; zero values choose all.
type Filter struct {
	Control string
	Week    string // such as 2026-W47
	Open    bool   // only what is left to decide
}

func (f Filter) chooses(i Item) bool {
	return (f.Control == "" || f.Control == i.Alert.Control) &&
		(f.Week == "" || f.Week == i.Week.String()) &&
		(!f.Open || !i.Done())
}

// tracked is an alert as the fold keeps it.
type tracked struct {
	alert   event.Alert
	week    Week
	entries []Entry
	barred  []event.Party
	settled *event.SignOff // that lists the latest revision
}

// bar adds the approvers of a revision. Revisions may list different ones.
func (t *tracked) bar(parties []event.Party) {
	for _, p := range parties {
		same := func(b event.Party) bool { return b.Name == p.Name && b.Person == p.Person }
		if !slices.ContainsFunc(t.barred, same) {
			t.barred = append(t.barred, p)
		}
	}
}

func (t *tracked) standing() Standing {
	last := len(t.entries) - 1
	switch {
	case t.settled != nil:
		return Signed
	case last < 0:
		return Open
	case t.entries[last].Revision < t.alert.Revision:
		return Reopened
	case t.entries[last].Disposition == event.NeedsInvestigation:
		return Investigating
	}
	return Decided
}

func (t *tracked) item() Item {
	return Item{
		Alert: t.alert, Week: t.week, Late: t.week != WeekOf(t.alert.First), Standing: t.standing(),
		Entries: slices.Clone(t.entries), Barred: slices.Clone(t.barred), SignOff: t.settled,
	}
}
