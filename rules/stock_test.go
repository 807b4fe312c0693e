package rules_test

import (
	"os"
	"strings"
	"testing"

	"sidedoor/rules"
)

// stock holds public Sigma rules. It is not part of the repository.
const stock = "../../shared/sigma"

func TestStockRulesLoadUnchanged(t *testing.T) {
	if _, err := os.Stat(stock); err != nil {
		t.Skipf("SKIPPED, so no public rule is loaded: there are none at %s", stock)
	}
	p, faults := rules.Load(os.DirFS(stock))
	for _, f := range faults {
		t.Error(f)
	}
	m, compileFaults := p.Compile(rules.Defaults{})
	for _, f := range compileFaults {
		if !strings.Contains(f.Message, "the estate has no list") { // lists are everybody's own
			t.Error(f)
		}
	}
	if len(p.Rules) < 1700 {
		t.Errorf("only %d rules are loaded", len(p.Rules))
	}
	t.Logf("%d rules, of which %d ask for lists", len(p.Rules), len(compileFaults))
	for _, r := range p.Rules {
		if r.Act == nil || r.ID == "" {
			t.Errorf("%s: it has an act: %v, and the id %q", r.Name, r.Act != nil, r.ID)
		}
	}
	m.Match(batch(kubernetes, `{"verb":"delete","user":{"username":"alice"}}`))
}
