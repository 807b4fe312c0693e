package rules

import (
	"encoding/json"
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
//	    why: covers
type Test struct {
	Name string
	TestEvent
	// Verdict is a verdict's state; none, if the rule must not match; approval,
	// revocation or fact, if its match must be one; or contributes, if it must
	// only count towards correlations.
	Verdict string
	// Why is the reason of the decisive approval among those considered, if the
	// test asks for it.
	Why    event.Why
	Given  []TestEvent // what was there before or comes later, by its time
	Silent []string    // sources, as product/service, that have not been heard
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
	wantRevocation  = "revocation"
	wantFact        = "fact"
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
	handlers["verdict"] = func(p sigma.Pair) { t.Verdict = r.known(p, append(otherOutcomes(), judged()...)) }
	var why sigma.Pair
	handlers["why"] = func(p sigma.Pair) { t.Why, why = event.Why(r.known(p, reasons())), p }
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
	if t.Why != "" && !slices.Contains(judged()[1:], t.Verdict) {
		r.fault(why.KeyNode, "why is about the approvals that a verdict considers; with verdict %s there are none", t.Verdict)
	}
	return t
}

// otherOutcomes are what may become of a test's event beside a verdict.
func otherOutcomes() []string {
	return []string{wantNone, wantApproval, wantRevocation, wantFact, wantContributes}
}

// judged are the states of an act, the one without a verdict first.
func judged() []string {
	return []string{
		string(event.Pending), string(event.Approved), string(event.Bypass), string(event.Undetermined), string(event.ApprovedLate),
	}
}

func reasons() []string {
	return []string{
		string(event.OtherScope), string(event.OtherActor), string(event.NoApprover), string(event.SelfApproved),
		string(event.OtherGroup), string(event.NewApprover), string(event.NotYetValid), string(event.Expired),
		string(event.Revoked), string(event.MissingLink), string(event.RecordedAfter), string(event.NotEnough),
		string(event.Covers),
	}
}

// known reads one of several words.
func (r *reader) known(p sigma.Pair, words []string) string {
	s := r.scalar(p.Value, p.Key)
	if !slices.Contains(words, s) {
		r.fault(p.Value, "%s %q is none of %s%s", p.Key, s, strings.Join(words, ", "), sigma.Suggest(s, words))
	}
	return s
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
