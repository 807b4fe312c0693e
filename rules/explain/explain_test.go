package explain_test

import (
	"slices"
	"strings"
	"testing"

	"sidedoor/rules"
	"sidedoor/rules/engine"
	"sidedoor/rules/explain"
	"sidedoor/rules/pack"
	"sidedoor/rules/sigma"
)

var audit = sigma.LogSource{Product: "kubernetes", Service: "audit"}

// explained explains a rule with the given detection.
func explained(t *testing.T, detection, event string) *explain.Explanation {
	t.Helper()
	return explainRule(t, "title: T\nlogsource: {product: kubernetes, service: audit}\ndetection:\n"+detection, event)
}

func explainRule(t *testing.T, src, event string) *explain.Explanation {
	t.Helper()
	rules, faults := sigma.ParseRules("r.yml", []byte(src))
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	x, faults := explain.New(rules[0], sigma.Lists{"robots": {"argo*", "flux"}, "none": nil})
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	out, err := x.Event(audit, "", []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheLastSentenceSaysWhatDecided(t *testing.T) {
	const direct = `  write:
    verb: [create, patch]
    code|lt: 400
  robot:
    user|expand: '%robots%'
  condition: write and not robot
`
	for _, c := range []struct{ detection, event, want string }{
		{direct, `{"verb":"patch","user":"alice"}`, `does not match: write needs code to be less than "400", and it is absent`},
		{direct, `{"verb":"patch","user":"alice","code":200}`, `matches: write, and not robot (user is "alice")`},
		{direct, `{"verb":"patch","user":"argo-1","code":200}`, `does not match: robot holds (user is "argo-1")`},
		{direct, `{"verb":"get","user":"alice","code":200}`, `does not match: write needs verb to be one of "create", "patch", and it is "get"`},
		{direct, `{"verb":"get","user":"flux"}`, `does not match: write needs verb to be one of "create", "patch", and it is "get", and code to be less than "400", and it is absent, and robot holds (user is "flux")`},
		{"  s: {a|contains|all: [x, y]}\n  condition: s\n", `{"a":"x!"}`, `does not match: s needs a to contain "y", and it is "x!"`},
		{"  s: {a|contains|all: [x, y]}\n  condition: s\n", `{"a":["xy","z"]}`, `matches: s`},
		{"  s: [needle, pin]\n  condition: s\n", `{"a":"hay"}`, `does not match: s needs a text that has one of "needle", "pin"`},
		{"  s: {a: null}\n  condition: not s\n", `{"b":1}`, `does not match: s holds (a is absent)`},
		{"  s: [{a: 1}, {b: 2}]\n  condition: s\n", `{"a":2}`, `does not match: s needs any of these: a to be "1", and it is "2", and b to be "2", and it is absent`},
		{"  s1: {a: 1}\n  s2: {b: 2}\n  condition: 1 of s*\n", `{"b":2}`, `matches: s2`},
		{"  s: {a|expand: '%none%'}\n  condition: s\n", `{"a":1}`, `does not match: s needs a to be in the list "%none%", and it is "1"`},
		{"  s1: {a: 1}\n  s2: {b: 2}\n  condition: not 1 of s*\n", `{"b":2}`, `does not match: s2 holds (b is "2")`},
		{"  s1: {a: 1}\n  s2: {b: 2}\n  condition: not (1 of s* and s2)\n", `{"b":2}`, `does not match: (1 of s* and s2) holds (b is "2", and b is "2")`},
		{"  s1: {a: 1}\n  condition: not 1 of s*\n", `{"a":2}`, `matches: not 1 of s* (a is "2")`},
		{"  s1: {a: 1}\n  s2: {b: 2}\n  condition: not (s1 or s2)\n", `{"b":3}`, `matches: none of s1, s2`},
		{"  s1: {a: 1}\n  s2: {b: 2}\n  condition: not (s1 and s2)\n", `{"b":2}`, `matches: not (s1 and s2) (a is absent)`},
		{"  s: {a|endswith: '\\7z.exe'}\n  condition: s\n", `{"a":"C:\\x"}`, `does not match: s needs a to end with "\7z.exe", and it is "C:\x"`},
		{"  s: {a|neq: [x, y]}\n  condition: s\n", `{"a":"y"}`, `does not match: s needs a to be other than "y", and it is "y"`},
		{"  s: {a|base64offset|contains: xyz}\n  condition: s\n", `{"a":"y"}`, `does not match: s needs a to satisfy |base64offset|contains "xyz", and it is "y"`},
		{"  s: {a: [1, 2, 3, 4, 5, 6]}\n  condition: s\n", `{}`, `does not match: s needs a to be one of "1", "2", "3", "4", 2 more, and it is absent`},
		{"  s: {a: \"\\e[31mx\"}\n  condition: s\n", `{"a":"\u001b[31m"}`, `does not match: s needs a to be "\u001b[31mx", and it is "\u001b[31m"`},
	} {
		if got := explained(t, c.detection, c.event).Because; got != c.want {
			t.Errorf("%s%s\n got %s\nwant %s", c.detection, c.event, got, c.want)
		}
	}
}

// What a filter suppresses is explained by the filter.
func TestAFilterIsPartOfTheExplanation(t *testing.T) {
	const rule = "title: T\nname: r\nlogsource: {product: kubernetes, service: audit}\ndetection: {s: {verb: patch}, condition: s}\n---\ntitle: deployers\nlogsource: {product: kubernetes}\nfilter:\n  rules: [r]\n"
	for _, c := range []struct{ filter, event, want string }{
		{"  sel: {user: deployer}\n  condition: sel\n", `{"verb":"patch","user":"deployer"}`, `does not match: filter deployers suppresses it (user is "deployer")`},
		{"  sel: {user: deployer}\n  condition: sel\n", `{"verb":"get","user":"deployer"}`, `does not match: s needs verb to be "patch", and it is "get"; and filter deployers suppresses it (user is "deployer")`},
		{"  sel: {user: deployer}\n  condition: sel\n", `{"verb":"patch","user":"alice"}`, `matches: s`},
		{"  sel: {user: deployer}\n  condition: not sel\n", `{"verb":"patch","user":"deployer"}`, `does not match: filter deployers suppresses it (sel holds (user is "deployer"))`},
		{"  sel: {user: deployer}\n  condition: not sel\n", `{"verb":"patch","user":"alice"}`, `matches: s`},
	} {
		out := explainRule(t, rule+c.filter, c.event)
		if out.Because != c.want || len(out.Filters) != 1 || out.Filters[0].Holds == strings.Contains(c.want, "suppresses") {
			t.Errorf("%s%s\n got %s\nwant %s", c.filter, c.event, out.Because, c.want)
		}
	}
}

// An event that means different things to different readers has every reading
// matched, and is said to be one.
func TestAKeyThatStandsTwiceIsTold(t *testing.T) {
	out := explained(t, "  a: {x: 1}\n  b: {x: 2}\n  condition: a and not b\n", `{"x":1,"x":2}`)
	if !out.Matches || out.Twice != "x" || out.Because != `matches: the event has the key "x" twice, and in some reading of it the rule matches` {
		t.Errorf("%+v", out)
	}
	if out = explained(t, "  a: {x: 1}\n  condition: a\n", `{"x":1,"x":1}`); !out.Matches || out.Twice != "x" || out.Because != "matches: a" {
		t.Errorf("%+v", out)
	}
}

func TestTheTreeIsTheRuleAsItsAuthorWroteIt(t *testing.T) {
	x := explained(t, "  sel:\n    objectRef:\n      name|startswith: [a, b]\n    verb: get\n  condition: sel or not (sel and sel)\n", `{"objectRef":{"name":"beta"},"verb":"get"}`)
	top := x.Conditions[0]
	if top.Text != "sel or not (sel and sel)" || top.Kind != sigma.OutlineAny || len(top.Parts) != 2 {
		t.Fatalf("the condition is %+v", top)
	}
	sel := top.Parts[0]
	name := sel.Parts[0].Parts[0]
	if sel.Text != "sel" || sel.Line != 6 || name.Text != "objectRef.name|startswith" || name.Line != 6 || !slices.Equal(name.Saw, []string{"beta"}) {
		t.Errorf("the selection is %+v, its first field %+v", sel, name)
	}
	if a, b := name.Parts[0], name.Parts[1]; a.Text != "a" || a.Holds || b.Text != "b" || !b.Holds || !name.Holds {
		t.Errorf("the values are %+v and %+v", a, b)
	}
}

func TestAnEventOfAnotherLogSourceIsExplainedAndDoesNotMatch(t *testing.T) {
	parsed, _ := sigma.ParseRules("r.yml", []byte("title: T\nlogsource: {category: process_creation, product: windows}\ndetection: {s: {a: 1}, condition: s}\n"))
	x, _ := explain.New(parsed[0], nil)
	out, err := x.Event(audit, "", []byte(`{"a":1}`))
	if err != nil || out.Matches || out.Fits || !out.Conditions[0].Holds {
		t.Errorf("%+v, %v", out, err)
	}
	if want := "does not match: the rule is for windows/process_creation events, and this is one of kubernetes/audit"; out.Because != want {
		t.Errorf("got %s", out.Because)
	}
	if _, err := x.Event(audit, "", []byte(`{"a":`)); err == nil {
		t.Error("what is no JSON is explained")
	}
}

// Whatever the pack's own tests show of each rule, the explanation comes to
// the engine's verdict, for every rule and every event.
func TestExplanationsOfThePackComeToTheEnginesVerdicts(t *testing.T) {
	p, faults := rules.Load(pack.FS())
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	var all []*sigma.Rule
	explainers := make([]*explain.Explainer, len(p.Rules))
	for i, r := range p.Rules {
		all = append(all, r.Rule)
		if explainers[i], faults = explain.New(r.Rule, p.Estate.Lists); faults.Err() != nil {
			t.Fatal(faults)
		}
	}
	program, _ := engine.Compile(all, p.Estate.Lists)
	m, matched, compared := program.NewMatcher(), 0, 0
	for _, r := range p.Rules {
		for _, test := range r.Tests {
			for _, e := range append(test.Given, test.TestEvent) {
				found, err := m.Match(nil, e.LogSource, e.Kind, e.Raw)
				if err != nil {
					t.Fatal(err)
				}
				matched += len(found)
				for i, x := range explainers {
					out, err := x.Event(e.LogSource, e.Kind, e.Raw)
					if err != nil {
						t.Fatal(err)
					}
					compared++
					if out.Matches != slices.Contains(found, i) {
						t.Errorf("%s on %s: %s", p.Rules[i].Name, e.Raw, out.Because)
					}
					if out.Matches != strings.HasPrefix(out.Because, "matches: ") {
						t.Errorf("%s: %v, because %s", p.Rules[i].Name, out.Matches, out.Because)
					}
				}
			}
		}
	}
	t.Logf("%d comparisons, %d matches", compared, matched)
	if matched < len(p.Rules) {
		t.Errorf("only %d matches", matched)
	}
}
