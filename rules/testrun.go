package rules

import (
	"fmt"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Identify reads an event's identity and time from its body; it is ingest's
// knowledge.
type Identify func(product, service, kind string, raw []byte) (event.Event, error)

// JudgeFunc judges matches offline and returns the last verdict of the act with
// the given match ID: one that is pending, and says nothing else, if there is
// none. ends says up to when each source is complete; until, if not zero, is
// when to stop the clock.
type JudgeFunc func(p event.Policy, ends map[string]time.Time, matches []event.Match, act string, until time.Time) (event.Verdict, error)

// TestResult is how one test ended.
type TestResult struct {
	Rule, Test string
	Err        error // nil: passed
}

// Test runs the tests of every rule, each against the whole policy.
func (p *Policy) Test(identify Identify, judge JudgeFunc) []TestResult {
	m, faults := p.Compile(Defaults{})
	if err := faults.Err(); err != nil {
		return []TestResult{{Rule: "policy", Test: "compiles", Err: err}}
	}
	var out []TestResult
	for _, r := range p.Rules {
		for _, t := range r.Tests {
			run := &testRun{policy: p, matcher: m, rule: r, test: t, identify: identify, judge: judge}
			out = append(out, TestResult{Rule: r.Name, Test: t.Name, Err: run.run()})
		}
	}
	return append(out, p.testCorrelations(identify, judge)...)
}

type testRun struct {
	policy   *Policy
	matcher  *Matcher
	rule     *Rule // nil in a test of a correlation
	test     Test
	identify Identify
	judge    JudgeFunc
}

func (t *testRun) run() error {
	matches, err := t.matches(t.test.TestEvent)
	if err != nil {
		return err
	}
	got, err := t.outcome(matches)
	if err != nil {
		return err
	}
	return t.compare(got)
}

// outcome is what became of a test's event.
type outcome struct {
	is         string // a verdict's state, or one of the other words
	considered []event.Considered
}

func outcomeOf(v event.Verdict) outcome { return outcome{string(v.Verdict), v.Considered} }

func (t *testRun) compare(got outcome) error {
	want := t.test
	switch {
	case got.is != want.Verdict:
		return fmt.Errorf("want %s, got %s", want.Verdict, got.is)
	case want.Why == "":
		return nil
	case len(got.considered) == 0:
		return fmt.Errorf("want %s because of %s, but no approval was considered", want.Verdict, want.Why)
	case got.considered[0].Why != want.Why:
		return fmt.Errorf("want %s because of %s, got it because of %s", want.Verdict, want.Why, got.considered[0].Why)
	}
	return nil
}

// outcome returns what becomes of the event that gave the matches.
func (t *testRun) outcome(matches []event.Match) (outcome, error) {
	i := slices.IndexFunc(matches, func(m event.Match) bool { return m.Rule.Name == t.rule.Name })
	if i < 0 {
		return outcome{is: wantNone}, nil
	}
	switch m := matches[i]; {
	case m.Act != nil:
		return t.judged(m, matches)
	case m.Approval != nil && m.Approval.Covers == "":
		return outcome{is: "an approval that covers nothing"}, nil
	case m.Approval != nil:
		return outcome{is: wantApproval}, nil
	case m.Revocation != nil:
		return outcome{is: wantRevocation}, nil
	case len(m.Facts) > 0:
		return outcome{is: wantFact}, nil
	}
	return outcome{is: wantContributes}, nil
}

// judged returns the verdict on an act. Whatever else its event tells counts,
// as it does in a running monitor.
func (t *testRun) judged(act event.Match, own []event.Match) (outcome, error) {
	given, err := t.given()
	if err != nil {
		return outcome{}, err
	}
	sources, ends := t.sources(act.Event.At())
	var until time.Time
	if t.test.Verdict == string(event.Pending) {
		until = act.Event.At().Add(act.Act.Grace / 2)
	}
	v, err := t.judge(t.policy.Announce(time.Time{}, "test", sources), ends, append(given, own...), act.ID(), until)
	return outcomeOf(v), err
}

// given returns the matches of what is given.
func (t *testRun) given() ([]event.Match, error) {
	var all []event.Match
	for k, g := range t.test.Given {
		given, err := t.matches(g)
		if err != nil {
			return nil, fmt.Errorf("given event %d: %w", k, err)
		}
		if len(given) == 0 {
			return nil, fmt.Errorf("given event %d: no rule matches it, so it changes nothing", k)
		}
		all = append(all, given...)
	}
	return all, nil
}

// sources are those of which some rule makes more than acts, all complete for a
// day after the act, but for those that the test says are silent.
func (t *testRun) sources(at time.Time) ([]SourceInfo, map[string]time.Time) {
	var infos []SourceInfo
	ends := map[string]time.Time{}
	for _, r := range t.policy.Rules {
		s := SourceInfo{Name: sourceName(r.LogSource), Product: r.LogSource.Product, Service: r.LogSource.Service}
		tells := r.Approval != nil || r.Revocation != nil || len(r.Facts) > 0
		if !tells || slices.Contains(infos, s) {
			continue
		}
		infos = append(infos, s)
		if !slices.Contains(t.test.Silent, s.Product+"/"+s.Service) {
			ends[s.Name] = at.Add(24 * time.Hour)
		}
	}
	return infos, ends
}

func sourceName(s sigma.LogSource) string { return s.Product + "-" + s.Service }

// matches runs one event of the test through the policy.
func (t *testRun) matches(e TestEvent) ([]event.Match, error) {
	ev, err := t.identify(e.LogSource.Product, e.LogSource.Service, e.Kind, e.Raw)
	if err != nil {
		return nil, err
	}
	ev.Kind, ev.Raw, ev.Original = e.Kind, e.Raw, event.DigestOf(e.Raw)
	if e.Scope == "" {
		e.Scope = "test"
	}
	if e.Received.IsZero() {
		e.Received = ev.Occurred
	}
	matches, dead := t.matcher.Match(event.Batch{
		Envelope: event.Envelope{
			Source: sourceName(e.LogSource), Product: e.LogSource.Product, Service: e.LogSource.Service,
			Scope: e.Scope, Received: e.Received,
		},
		Events: []event.Event{ev},
	})
	if len(dead) > 0 {
		return nil, fmt.Errorf("event: %s", dead[0].Reason)
	}
	return matches, nil
}
