package review

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sidedoor/event"
)

// TestNoSequenceOfCommandsGetsPastIndependence plays random alerts, revisions
// and commands, and checks every command that is accepted against the rules,
// worked out anew from the records alone.
func TestNoSequenceOfCommandsGetsPastIndependence(t *testing.T) {
	people := []string{"dana", "ROB", "rob", "eve", "Eve", "mallory", "DANA "}
	rapid.Check(t, func(rt *rapid.T) {
		s := newStory(t)
		truth := ledger{}
		accepted := func(r event.Record, err error) {
			if err == nil {
				truth.check(rt, r)
				truth = append(truth, r)
				s.record(r)
			}
		}
		person := func(label string) string { return rapid.SampledFrom(people).Draw(rt, label) }
		id := func() string { return rapid.SampledFrom([]string{"aaaa", "bbbb", "cccc"}).Draw(rt, "alert") }
		now := monday
		rt.Repeat(map[string]func(*rapid.T){
			"alert": func(rt *rapid.T) {
				a := bypass(id())
				a.First = monday.Add(time.Duration(rapid.IntRange(-1, 13).Draw(rt, "day")) * 24 * time.Hour)
				a.Actor.Person = "mallory"
				if a.ID == "bbbb" { // an alert keeps its actor
					a.Actor.Person = "Rob"
				}
				if rapid.Bool().Draw(rt, "considered") {
					a.Considered = []event.Party{{Person: person("approver")}}
				}
				a.State = rapid.SampledFrom([]event.State{event.Bypass, event.Undetermined, event.ApprovedLate}).Draw(rt, "state")
				a.Revision = truth.revision(a.ID) + 1
				r := event.AlertRecord(a, now)
				truth = append(truth, r)
				s.record(r)
			},
			"decide": func(rt *rapid.T) {
				d := rapid.SampledFrom([]event.Disposition{event.Authorised, event.Emergency, event.PolicyViolation, event.NeedsInvestigation}).Draw(rt, "disposition")
				c := decision(id(), person("reviewer"), d)
				c.Now = now
				accepted(s.Decide(c))
			},
			"sign": func(rt *rapid.T) {
				c := signing(person("signer"))
				c.Week = rapid.SampledFrom([]string{"2026-W46", "2026-W47", "2026-W48", "2026-W49"}).Draw(rt, "week")
				c.Now = now
				accepted(s.SignOff(c))
			},
			"time passes": func(rt *rapid.T) {
				now = now.Add(time.Duration(rapid.IntRange(1, 240).Draw(rt, "hours")) * time.Hour)
			},
		})
	})
}

// ledger is the records, from which the rules are worked out without State.
type ledger []event.Record

func (l ledger) revision(alert string) int {
	n := 0
	for _, r := range l {
		if a, ok := r.Body.(*event.Alert); ok && a.ID == alert {
			n = a.Revision
		}
	}
	return n
}

func same(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

func (l ledger) check(t *rapid.T, r event.Record) {
	switch body := r.Body.(type) {
	case *event.Review:
		l.checkReview(t, body)
	case *event.SignOff:
		l.checkSignOff(t, body, r.Time)
	}
}

func (l ledger) checkReview(t *rapid.T, v *event.Review) {
	for _, r := range l {
		switch body := r.Body.(type) {
		case *event.Alert:
			if body.ID != v.Alert {
				continue
			}
			if same(body.Actor.Person, v.Reviewer) {
				t.Fatalf("%s decided about their own alert %s", v.Reviewer, v.Alert)
			}
			for _, p := range body.Considered {
				if same(p.Person, v.Reviewer) {
					t.Fatalf("%s decided alert %s, for which their approval was considered", v.Reviewer, v.Alert)
				}
			}
		case *event.SignOff:
			for _, i := range body.Alerts {
				if i.Alert == v.Alert && i.Revision == v.Revision {
					t.Fatalf("alert %s revision %d was decided after it was signed", v.Alert, v.Revision)
				}
			}
		}
	}
	if v.Revision != l.revision(v.Alert) {
		t.Fatalf("revision %d of alert %s was decided, and there is revision %d", v.Revision, v.Alert, l.revision(v.Alert))
	}
}

func (l ledger) checkSignOff(t *rapid.T, so *event.SignOff, now time.Time) {
	week, err := ParseWeek(so.Week)
	if err != nil || now.Before(week.End()) {
		t.Fatalf("week %s was signed at %s: %v", so.Week, now, err)
	}
	latest, holds, settled := map[string]*event.Alert{}, map[string]*event.Review{}, map[string]int{}
	for _, r := range l {
		switch body := r.Body.(type) {
		case *event.Alert:
			latest[body.ID] = body
		case *event.Review:
			holds[body.Alert] = body
		case *event.SignOff:
			if body.Week == so.Week {
				t.Fatalf("week %s was signed twice", so.Week)
			}
			for _, i := range body.Alerts {
				settled[i.Alert] = i.Revision
			}
		}
	}
	listed := map[string]bool{}
	for _, i := range so.Alerts {
		listed[i.Alert] = true
		v := holds[i.Alert]
		if v == nil || v.Revision != latest[i.Alert].Revision || v.Disposition == event.NeedsInvestigation {
			t.Fatalf("week %s was signed with alert %s not decided", so.Week, i.Alert)
		}
		if same(latest[i.Alert].Actor.Person, so.Signer) {
			t.Fatalf("%s signed week %s with their own alert %s", so.Signer, so.Week, i.Alert)
		}
	}
	for id, a := range latest {
		if WeekOf(a.First) == week && settled[id] != a.Revision && !listed[id] {
			t.Fatalf("week %s was signed without its alert %s", so.Week, id)
		}
	}
}
