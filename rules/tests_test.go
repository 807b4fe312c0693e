package rules_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
)

// dated is a stand-in for what ingest knows: every event is of one moment.
func dated(_, _, _ string, raw []byte) (event.Event, error) {
	if strings.Contains(string(raw), "undatable") {
		return event.Event{}, errors.New("it says no time")
	}
	return event.Event{ID: "1", Occurred: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}, nil
}

// lenient approves an act as soon as there is an approval of any kind.
func lenient(_ event.Policy, _ map[string]time.Time, matches []event.Match, _ string, until time.Time) (event.Verdict, error) {
	for _, m := range matches {
		if m.Approval != nil {
			return event.Verdict{Verdict: event.Approved}, nil
		}
	}
	if !until.IsZero() {
		return event.Verdict{Verdict: event.Pending}, nil
	}
	return event.Verdict{Verdict: event.Bypass}, nil
}

// A test that cannot fail is worth nothing: each of these is told apart.
func TestATestOfARuleFailsForTheRightReason(t *testing.T) {
	const grant = "given: [{product: approvals, service: cloudevents, event: {type: grant, data: {scope: s}}}]"
	for _, c := range []struct{ test, want string }{
		{"event: {verb: delete}, verdict: bypass", ""},
		{"event: {verb: delete}, verdict: none", "want none, got bypass"},
		{"event: {verb: get}, verdict: none", ""},
		{"event: {verb: get}, verdict: bypass", "want bypass, got none"},
		{"event: {verb: delete}, verdict: pending", ""},
		{"event: {verb: delete}, verdict: approved, " + grant, ""},
		{"event: {verb: delete}, verdict: bypass, " + grant, "want bypass, got approved"},
		{"event: {verb: delete}, verdict: bypass, given: [{event: {verb: get}}]", "given event 0: no rule matches it"},
		{"event: {verb: undatable}, verdict: none", "it says no time"},
		{"event: {verb: delete}, verdict: bypass, given: [{event: {verb: undatable}}]", "given event 0: it says no time"},
	} {
		p := load(t, folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + act + "tests: [{name: n, " + c.test + "}]\n"})
		results := p.Test(dated, lenient)
		if len(results) != 1 || results[0].Rule != "r" || results[0].Test != "n" {
			t.Fatalf("%s: %+v", c.test, results)
		}
		switch err := results[0].Err; {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.test, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: want %q, got %v", c.test, c.want, err)
		}
	}
}

func TestAPolicyThatDoesNotCompileFailsItsTests(t *testing.T) {
	p := load(t, folder{"r.yml": strings.Replace(head, "{verb: delete}", "{verb|expand: '%verbs%'}", 1), "estate.yaml": "lists: {verbs: [delete]}\n"})
	p.Estate.Lists = nil
	if results := p.Test(dated, lenient); len(results) != 1 || results[0].Err == nil {
		t.Errorf("results: %+v", results)
	}
}
