package engine_test

import (
	"testing"

	"pgregory.net/rapid"

	"sidedoor/rules/engine"
	"sidedoor/rules/explain"
	"sidedoor/rules/sigma"
)

// An explanation adds up what the engine says of a rule's parts. It comes to
// what the engine says of the whole, whatever the rule and the event.
func TestAnExplanationComesToTheEnginesVerdict(t *testing.T) {
	lists := sigma.Lists{"texts": {"x*", "1", "Ä?"}, "none": nil}
	rapid.Check(t, func(t *rapid.T) {
		src := drawRule(t)
		rules, faults := sigma.ParseRules("r.yml", []byte(src))
		if faults.Err() != nil {
			t.Skip("no rule")
		}
		program, faults := engine.Compile(rules, lists)
		if faults.Err() != nil {
			t.Skip("no program")
		}
		x, faults := explain.New(rules[0], lists)
		if faults.Err() != nil {
			t.Fatalf("%s\nit compiles, and its parts do not: %v", src, faults)
		}
		m := program.NewMatcher()
		for range 4 {
			raw, kind := drawEvent(t), rapid.SampledFrom([]string{"", "x"}).Draw(t, "kind")
			found, err := m.Match(nil, cloudtrail, kind, raw)
			out, explainErr := x.Event(cloudtrail, kind, raw)
			if (err == nil) != (explainErr == nil) {
				t.Fatalf("%s\n%s\nengine %v, explanation %v", src, raw, err, explainErr)
			}
			if err == nil && out.Matches != (len(found) == 1) {
				t.Fatalf("%s\n%s\nengine %v, explanation %v: %s", src, raw, found, out.Matches, out.Because)
			}
		}
	})
}
