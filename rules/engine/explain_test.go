package engine_test

import (
	"errors"
	"math/rand/v2"
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
		if rapid.Bool().Draw(t, "filter") {
			src += "---\ntitle: F\nlogsource: {product: aws}\nfilter:\n  rules: any\n  f: " + drawSelection(t, 0) + "\n  condition: " +
				rapid.SampledFrom([]string{"f", "not f"}).Draw(t, "direction") + "\n"
		}
		rules, faults := sigma.ParseRules("r.yml", []byte(src))
		if faults.Err() != nil {
			t.Skip("drawn was no rule: another case is drawn") // by rapid, in its place
		}
		program, faults := engine.Compile(rules, lists)
		if faults.Err() != nil {
			t.Skip("drawn was no program: another case is drawn")
		}
		x, faults := explain.New(rules[0], lists)
		if faults.Err() != nil {
			t.Fatalf("%s\nit compiles, and its parts do not: %v", src, faults)
		}
		m := program.NewMatcher()
		for range 4 {
			raw, kind := drawEvent(t), rapid.SampledFrom([]string{"", "x"}).Draw(t, "kind")
			found, err := m.Match(nil, cloudtrail, kind, raw)
			if twice := new(engine.DuplicateKeyError); errors.As(err, &twice) {
				err = nil // it is explained, too
			}
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

// So it is for the rules that people write, on events made for them.
func TestPublicRulesAreExplained(t *testing.T) {
	p := loadPublic(t)
	random := rand.New(rand.NewPCG(5, 6))
	matched := 0
	for i, r := range p.rules {
		x, faults := explain.New(r, estate)
		if faults.Err() != nil {
			t.Fatal(faults)
		}
		program, _ := engine.Compile([]*sigma.Rule{r}, estate)
		m := program.NewMatcher()
		for range 3 {
			raw := p.references[i].example(random)
			found, err := m.Match(nil, r.LogSource, "", raw)
			if err != nil {
				t.Fatal(err)
			}
			out, err := x.Event(r.LogSource, "", raw)
			if err != nil || out.Matches != (len(found) == 1) {
				t.Errorf("%s\n%s\nengine %v, explanation %+v, %v", r.File, raw, found, out, err)
			}
			matched += len(found)
		}
	}
	t.Logf("%d matches", matched)
}
