package rules

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Test is a test that a rule carries: an event, and what becomes of it.
//
//	tests:
//	  - name: kubectl apply by a person
//	    event: {verb: patch, …}
//	    verdict: bypass
//	  - name: during a break-glass activation
//	    given:
//	      - {product: approvals, service: cloudevents, event: {…}}
//	    event: {…}
//	    verdict: approved
type Test struct {
	Name string
	TestEvent
	// Verdict is a verdict's state; none, if the rule must not match; approval,
	// if it must match as an approval; or contributes, if its match must only
	// count towards correlations.
	Verdict string
	Given   []TestEvent // what was there before or comes later, by its time
	Silent  []string    // sources, as product/service, that have not been heard
}

// TestEvent is one event of a test.
type TestEvent struct {
	LogSource sigma.LogSource // default: the rule's
	Kind      string          // of a webhook
	Scope     string          // of its source; default "test"
	Received  time.Time       // if the event does not say when it occurred
	Raw       []byte
}

// Words that a test's verdict may be beside the states.
const (
	wantNone        = "none"
	wantApproval    = "approval"
	wantContributes = "contributes"
)

func (r *reader) tests(node ast.Node, src sigma.LogSource) []Test {
	items, ok := sigma.Items(node)
	if !ok {
		r.fault(node, "tests has to be a list")
		return nil
	}
	out := make([]Test, 0, len(items))
	for _, it := range items {
		out = append(out, r.test(it, src))
	}
	return out
}

func (r *reader) test(node ast.Node, src sigma.LogSource) Test {
	t := Test{TestEvent: TestEvent{LogSource: src}}
	handlers := r.eventHandlers(&t.TestEvent)
	handlers["name"] = r.text(&t.Name)
	handlers["silent"] = r.texts(&t.Silent)
	handlers["verdict"] = func(p sigma.Pair) {
		known := []string{
			wantNone, wantApproval, wantContributes, string(event.Pending), string(event.Approved), string(event.Bypass),
			string(event.Undetermined), string(event.ApprovedLate),
		}
		if t.Verdict = r.scalar(p.Value, "verdict"); !slices.Contains(known, t.Verdict) {
			r.fault(p.Value, "verdict %q is none of %s", t.Verdict, strings.Join(known, ", "))
		}
	}
	handlers["given"] = func(p sigma.Pair) {
		items, _ := sigma.Items(p.Value)
		for _, it := range items {
			g := TestEvent{LogSource: src}
			r.mapping(it, "given event", r.eventHandlers(&g))
			t.Given = append(t.Given, g)
		}
	}
	r.mapping(node, "test", handlers)
	if t.Raw == nil || t.Verdict == "" {
		r.fault(node, "a test needs an event and a verdict")
	}
	return t
}

func (r *reader) eventHandlers(e *TestEvent) map[string]func(sigma.Pair) {
	return map[string]func(sigma.Pair){
		"product": r.text(&e.LogSource.Product),
		"service": r.text(&e.LogSource.Service),
		"kind":    r.text(&e.Kind),
		"scope":   r.text(&e.Scope),
		"received": func(p sigma.Pair) {
			t, err := time.Parse(time.RFC3339, r.scalar(p.Value, "received"))
			if err != nil {
				r.fault(p.Value, "received has to be a time such as 2026-11-16T09:00:00Z")
			}
			e.Received = t
		},
		"event": func(p sigma.Pair) {
			if _, ok := sigma.Pairs(p.Value); !ok {
				r.fault(p.Value, "event has to be a mapping, written out")
			}
			b, err := json.Marshal(plain(p.Value))
			if err != nil {
				r.fault(p.Value, "event: %v", err)
			}
			e.Raw = b
		},
	}
}

// plain turns a node into what encoding/json writes.
func plain(node ast.Node) any {
	if pairs, ok := sigma.Pairs(node); ok {
		out := map[string]any{}
		for _, p := range pairs {
			out[p.Key] = plain(p.Value)
		}
		return out
	}
	if items, ok := sigma.Items(node); ok {
		out := make([]any, len(items))
		for i, it := range items {
			out[i] = plain(it)
		}
		return out
	}
	text, ok := sigma.Text(node)
	switch n := sigma.Unwrap(node).(type) {
	case *ast.BoolNode:
		return n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		if json.Valid([]byte(text)) {
			return json.Number(text)
		}
	}
	if !ok {
		return nil
	}
	return text
}

// Identify reads an event's identity and time from its body; it is ingest's
// knowledge.
type Identify func(product, service, kind string, raw []byte) (event.Event, error)

// JudgeFunc judges matches offline and returns the state of the act with the
// given match ID. ends says up to when each source is complete; until, if not
// zero, is when to stop the clock.
type JudgeFunc func(p event.Policy, ends map[string]time.Time, matches []event.Match, act string, until time.Time) (event.State, error)

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
	i := slices.IndexFunc(matches, func(m event.Match) bool { return m.Rule.Name == t.rule.Name })
	got, err := t.outcome(matches, i)
	if err != nil {
		return err
	}
	return t.compare(got)
}

func (t *testRun) compare(got string) error {
	if got != t.test.Verdict {
		return fmt.Errorf("want %s, got %s", t.test.Verdict, got)
	}
	return nil
}

func (t *testRun) outcome(matches []event.Match, i int) (string, error) {
	if i < 0 {
		return wantNone, nil
	}
	if m := matches[i]; m.Approval != nil {
		if m.Approval.Covers == "" {
			return "an approval that covers nothing", nil
		}
		return wantApproval, nil
	}
	act := matches[i]
	if act.Act == nil {
		return wantContributes, nil
	}
	given, err := t.given()
	if err != nil {
		return "", err
	}
	all := append([]event.Match{act}, given...)
	sources, ends := t.sources(act.Event.At())
	var until time.Time
	if t.test.Verdict == string(event.Pending) {
		until = act.Event.At().Add(act.Act.Grace / 2)
	}
	state, err := t.judge(t.policy.Announce(time.Time{}, "test", sources), ends, all, act.ID(), until)
	return string(state), err
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

// sources are those that some approval rule reads, all complete for a day
// after the act, but for those that the test says are silent.
func (t *testRun) sources(at time.Time) ([]SourceInfo, map[string]time.Time) {
	var infos []SourceInfo
	ends := map[string]time.Time{}
	for _, r := range t.policy.Rules {
		s := SourceInfo{Name: sourceName(r.LogSource), Product: r.LogSource.Product, Service: r.LogSource.Service}
		if r.Approval == nil || slices.Contains(infos, s) {
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
