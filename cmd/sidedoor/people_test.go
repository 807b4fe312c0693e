package main

import (
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
)

func TestTheRecordsTellWhomTheEstateDoesNotKnow(t *testing.T) {
	at := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	unknown := func(name string) event.Party { return event.Party{Name: name, Person: name, Unknown: true} }
	review := event.Considered{
		Kind: "pull-request-review", Approver: unknown("mallory"), Recorded: at, Event: event.Ref{Product: "github", ID: "review"},
		Links: []event.Considered{{Kind: "change-ticket", Approver: unknown("carol"), Recorded: at, Event: event.Ref{Product: "approvals", ID: "ticket"}}},
	}
	u := newUnresolved(rules.Estate{People: []rules.Person{{Name: "alice", Aliases: map[string][]string{"github": {"alice-acme"}}}}})
	for _, v := range []event.Verdict{
		{ID: "1", Revision: 1, Rule: event.RuleRef{Name: "direct-push"}, Actor: unknown("mallory"), Event: event.Ref{Product: "github", Occurred: at}},
		{ID: "1", Revision: 2, Rule: event.RuleRef{Name: "direct-push"}, Actor: unknown("mallory"), Event: event.Ref{Product: "github", Occurred: at}, Considered: []event.Considered{review}},
		{ID: "2", Revision: 1, Rule: event.RuleRef{Name: "merge"}, Actor: unknown("Alice-Acme"), Event: event.Ref{Product: "github", Occurred: at}, Considered: []event.Considered{review}},
		{ID: "3", Revision: 1, Rule: event.RuleRef{Name: "merge"}, Actor: event.Party{Name: "x", Person: "bob"}, Event: event.Ref{Product: "github", Occurred: at.Add(-time.Hour)}},
	} {
		raw, err := event.VerdictRecord(v, at).Encode()
		if err != nil {
			t.Fatal(err)
		}
		if err := u.record(1, raw); err != nil {
			t.Fatal(err)
		}
	}
	all := u.sorted()
	if len(all) != 2 {
		t.Fatalf("%d names; one that the estate has learnt is none: %+v", len(all), all)
	}
	// A second revision, or verdict that considers it, says nothing new.
	if n := all[0]; n.Name != "mallory" || n.Times != 2 || !slices.Equal(n.Where, []string{"actor of direct-push", "approver of pull-request-review"}) || !n.First.Equal(at) {
		t.Errorf("%+v", n)
	}
	if n := all[1]; n.Name != "carol" || n.Product != "approvals" || !slices.Equal(n.Where, []string{"approver of change-ticket"}) {
		t.Errorf("%+v", n)
	}
}
