package pack_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"sidedoor/event"
	"sidedoor/rules"
	"sidedoor/rules/pack"
	"sidedoor/rules/sigma"
)

// complete are the folders whose acts have everything that people on call and
// reviewers need.
var complete = map[string]bool{
	"aws": true, "kubernetes": true, "github": true, "gitlab": true, "gitops": true, "ci": true, "monitor": true, "people": true,
}

// finder is a rule or a correlation that finds acts.
type finder struct {
	name, description, level   string
	references, falsePositives int
	place                      sigma.Place
	extra                      map[string]sigma.Pair
	act                        *rules.Act
	tests                      []rules.Test
}

// finders returns what finds acts in the folders that are complete.
func finders(p *rules.Policy) []finder {
	var all, out []finder
	for _, r := range p.Rules {
		if r.Act != nil && !serves(r) {
			all = append(all, finder{
				r.Name, r.Description, r.Level, len(r.References), len(r.FalsePositives), r.Place, r.Extra, r.Act, r.Tests,
			})
		}
	}
	for _, c := range p.Correlations {
		if c.Act.Control != "" { // others are steps of one
			all = append(all, finder{
				c.Name, c.Description, c.Level, len(c.References), len(c.FalsePositives), c.Place, c.Extra, c.Act, c.Tests,
			})
		}
	}
	for _, f := range all {
		if complete[path.Base(path.Dir(f.place.File))] {
			out = append(out, f)
		}
	}
	return out
}

func TestEveryActOfACompleteFolderTellsWhoeverIsOnCallWhatToDo(t *testing.T) {
	p := load(t)
	controls := map[string]bool{}
	for _, c := range p.Controls {
		controls[c.ID] = true
	}
	all := finders(p)
	for _, f := range all {
		lacks := []string{}
		lack := func(missing bool, what string) {
			if missing {
				lacks = append(lacks, what)
			}
		}
		lack(f.description == "", "a description")
		lack(f.references == 0, "a reference")
		lack(f.falsePositives == 0, "false positives")
		lack(event.Level(f.level).Rank() == 0, "a level")
		lack(!controls[f.act.Control], "a known control")
		lack(len(runbook(f)) < 100, "a runbook of a paragraph")
		lack(len(f.tests) < 3, "three tests")
		if len(lacks) > 0 {
			t.Errorf("%s: %s lacks %s", f.place.File, f.name, strings.Join(lacks, ", "))
		}
	}
	if len(all) < 40 {
		t.Errorf("only %d acts are found in the complete folders", len(all))
	}
}

// runbook returns what a rule says to whoever is on call.
func runbook(f finder) string {
	pair, ok := f.extra["runbook"]
	if !ok {
		return ""
	}
	var text string
	if err := yaml.NodeToValue(pair.Value, &text); err != nil {
		return ""
	}
	return text
}

// Tests of one file often differ in a word; so may what they are called, or
// nobody knows which of them failed.
func TestNoTwoTestsOfARuleHaveOneName(t *testing.T) {
	for _, f := range finders(load(t)) {
		seen := map[string]bool{}
		for _, c := range f.tests {
			if seen[c.Name] {
				t.Errorf("%s has two tests called %q", f.name, c.Name)
			}
			seen[c.Name] = true
		}
	}
}

// A change by hand that has a rule of its own is left to it, so that rule has
// to find it whatever else the event says.
func TestWhatTheRuleOfManualChangesLeavesToOthersIsFound(t *testing.T) {
	raw, err := pack.FS().Open("rules/aws/manual-change.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	var rule struct {
		Detection struct {
			OwnRule []struct {
				Source oneOrMore `yaml:"eventSource"`
				Names  oneOrMore `yaml:"eventName"`
			} `yaml:"own_rule"`
		}
	}
	if err := yaml.NewDecoder(raw).Decode(&rule); err != nil {
		t.Fatal(err)
	}
	if len(rule.Detection.OwnRule) == 0 {
		t.Fatal("it leaves nothing to others; has it changed?")
	}
	m, act := compile(t, load(t)), acts(t)
	for _, own := range rule.Detection.OwnRule {
		for _, name := range own.Names {
			name = strings.ReplaceAll(name, "*", "X")
			event := `{"eventVersion":"1.11","eventID":"e","eventTime":"2026-11-16T09:00:00Z","eventSource":"` + own.Source[0] +
				`","eventName":"` + name + `","readOnly":false,"managementEvent":true,"recipientAccountId":"111122223333",` +
				`"userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/Engineer/alice"}}`
			names := found(t, m, "aws", "cloudtrail", "", event)
			if !slices.ContainsFunc(names, func(n string) bool { return act[n] }) {
				t.Errorf("%s of %s is left to others, which find %q", name, own.Source[0], names)
			}
		}
	}
}

// oneOrMore is a text, or a list of them.
type oneOrMore []string

func (o *oneOrMore) UnmarshalYAML(node ast.Node) error {
	var one string
	if yaml.NodeToValue(node, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return yaml.NodeToValue(node, (*[]string)(o))
}
