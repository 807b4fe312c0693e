package rules_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
)

// dated is a stand-in for what ingest knows: every event is of one moment.
func dated(_, _, _ string, raw []byte) (event.Event, error) {
	if strings.Contains(string(raw), "undatable") {
		return event.Event{}, errors.New("it says no time")
	}
	return event.Event{ID: "1", Occurred: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}, nil
}

// lenient approves an act as soon as there is an approval of any kind, unless
// something is taken back.
func lenient(_ event.Policy, _ map[string]time.Time, matches []event.Match, _ string, until time.Time) (event.Verdict, error) {
	why := func(state event.State, why event.Why) (event.Verdict, error) {
		return event.Verdict{Verdict: state, Considered: []event.Considered{{Why: why}}}, nil
	}
	for _, m := range matches {
		if m.Revocation != nil {
			return why(event.Bypass, event.Revoked)
		}
	}
	for _, m := range matches {
		if m.Approval != nil {
			return why(event.Approved, event.Covers)
		}
	}
	if !until.IsZero() {
		return event.Verdict{Verdict: event.Pending}, nil
	}
	return event.Verdict{Verdict: event.Bypass}, nil
}

// others take back, state facts, and approve by the event of an act.
const others = `title: W
name: w
logsource: {product: approvals, service: cloudevents}
detection: {s: {type: withdrawal}, condition: s}
revocation: {kind: access-grant, reference: data.ref}
---
title: F
name: f
logsource: {product: approvals, service: cloudevents}
detection: {s: {type: who}, condition: s}
facts: [{who: data.who, is: author, of: x}]
---
title: O
name: o
logsource: {product: kubernetes, service: audit}
detection: {s: {also: grant}, condition: s}
approval: {kind: own, covers: x}
`

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
		{"event: {verb: delete}, verdict: approved, why: covers, " + grant, ""},
		{"event: {verb: delete}, verdict: approved, why: expired, " + grant, "want approved because of expired, got it because of covers"},
		{"event: {verb: delete}, verdict: bypass, why: expired", "want bypass because of expired, but no approval was considered"},
		{"event: {verb: delete}, verdict: bypass, why: revoked, given: [{product: approvals, service: cloudevents, event: {type: withdrawal, data: {ref: x}}}]", ""},
		{"event: {verb: delete}, verdict: bypass, given: [{product: approvals, service: cloudevents, event: {type: who, data: {who: x}}}]", ""},
		{"event: {verb: delete, also: grant}, verdict: approved", ""}, // by what else the event is
		{"event: {verb: delete}, verdict: bypass, given: [{event: {verb: undatable}}]", "given event 0: it says no time"},
	} {
		p := load(t, folder{"controls.yaml": controls, "g.yml": grants, "o.yml": others, "r.yml": head + act + "tests: [{name: n, " + c.test + "}]\n"})
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

func TestARuleThatFindsNoActSaysWhatItIs(t *testing.T) {
	for _, c := range []struct{ block, test, want string }{
		{"approval: {kind: k, covers: '{a}'}", "event: {verb: delete, a: x}, verdict: approval", ""},
		{"approval: {kind: k, covers: '{a}'}", "event: {verb: delete}, verdict: approval", "want approval, got an approval that covers nothing"},
		{"approval: {kind: k, covers: '{a}'}", "event: {verb: delete, a: x}, verdict: revocation", "want revocation, got approval"},
		{"revocation: {kind: access-grant, reference: a}", "event: {verb: delete, a: x}, verdict: revocation", ""},
		{"revocation: {kind: access-grant, reference: a}", "event: {verb: delete}, verdict: none", ""},
		{"facts: [{who: a, is: author, of: x}]", "event: {verb: delete, a: x}, verdict: fact", ""},
		{"facts: [{who: a, is: author, of: x}]", "event: {verb: delete, a: x}, verdict: bypass", "want bypass, got fact"},
		{"facts: [{who: a, is: author, of: x}]", "event: {verb: delete}, verdict: none", ""},
		{"control: CHG-03\nfacts: [{who: a, is: author, of: x}]", "event: {verb: delete, a: x}, verdict: bypass", ""},
	} {
		p := load(t, folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + c.block + "\ntests: [{name: n, " + c.test + "}]\n"})
		err := p.Test(dated, lenient)[0].Err
		if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want {
			t.Errorf("%s: %s: want %q, got %v", c.block, c.test, c.want, err)
		}
	}
}

func TestAFaultOfATestNamesItsPlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ test, want string }{
		{"verdict: aproved", `r.yml:16:43: verdict "aproved" is none of none, approval, revocation, fact, contributes, pending, approved, bypass, undetermined, approved-late; did you mean "approved"?`},
		{"verdict: bypass, why: self-aproved", `why "self-aproved" is none of other-scope, other-actor, no-approver, self-approved, other-group, new-approver, not-yet-valid, expired, revoked, missing-link, recorded-after, not-enough, covers; did you mean "self-approved"?`},
		{"verdict: none, why: covers", "r.yml:16:49: why is about the approvals that a verdict considers; with verdict none there are none"},
		{"why: covers, verdict: pending", "with verdict pending there are none"},
	} {
		wantFault(t, folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + act + "tests: [{name: n, event: {a: b}, " + c.test + "}]\n"}, c.want)
	}
}

// Every source of which some rule makes more than acts could have said
// something else.
func TestASourceThatTakesBackOrStatesFactsIsComplete(t *testing.T) {
	const audit, cloudtrail = "logsource: {product: kubernetes, service: audit}", "logsource: {product: aws, service: cloudtrail}"
	p := load(t, folder{
		"controls.yaml": controls, "g.yml": grants,
		"w.yml": "title: W\nname: w\n" + cloudtrail + "\ndetection: {s: {a: b}, condition: s}\nrevocation: {kind: access-grant, reference: c}\n",
		"f.yml": "title: F\nname: f\n" + strings.Replace(audit, "audit", "other", 1) + "\ndetection: {s: {a: b}, condition: s}\nfacts: [{who: c, is: d, of: e}]\n",
		"r.yml": head + act + "tests: [{name: n, event: {verb: delete}, verdict: bypass, silent: [aws/cloudtrail]}]\n",
	})
	var ends map[string]time.Time
	var sources []event.SourcePolicy
	p.Test(dated, func(p event.Policy, e map[string]time.Time, _ []event.Match, _ string, _ time.Time) (event.Verdict, error) {
		ends, sources = e, p.Sources
		return event.Verdict{Verdict: event.Bypass}, nil
	})
	if len(sources) != 3 || len(ends) != 2 || ends["approvals-cloudevents"].IsZero() || ends["kubernetes-other"].IsZero() {
		t.Errorf("sources %+v, complete up to %v", sources, ends)
	}
}

func TestTheTestsOfARuleShowThatItFiresAndThatItKeepsSilent(t *testing.T) {
	const fires, silent, pending = "{event: {verb: delete}, verdict: bypass}", "{event: {verb: get}, verdict: none}", "{event: {verb: delete}, verdict: pending}"
	const late = "{event: {verb: delete}, verdict: approved-late}"
	for _, c := range []struct {
		block string
		tests []string
		lacks []rules.Lack
	}{
		{act, nil, []rules.Lack{rules.LacksFiring, rules.LacksSilent, rules.LacksLate}},
		{act, []string{fires}, []rules.Lack{rules.LacksSilent, rules.LacksLate}},
		{act, []string{silent, pending}, nil},
		{act, []string{silent, late}, nil},
		{act, []string{silent, fires}, []rules.Lack{rules.LacksLate}},
		{"control: CHG-03\n", []string{silent, fires}, nil},
		{"control: CHG-03\n", []string{silent}, []rules.Lack{rules.LacksFiring}},
		{"facts: [{who: a, is: b, of: c}]\n", []string{silent, "{event: {verb: delete}, verdict: fact}"}, nil},
	} {
		p := load(t, folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + c.block + "tests: [" + strings.Join(c.tests, ", ") + "]\n"})
		got := p.TestCoverage()
		if len(got) != 2 || got[0].Rule != "g" || got[1].Rule != "r" || got[1].Tests != len(c.tests) || !slices.Equal(got[1].Lacks, c.lacks) {
			t.Errorf("%s%v: %+v, want %v", c.block, c.tests, got, c.lacks)
		}
	}
}
