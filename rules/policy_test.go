package rules_test

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

// folder is a policy folder: file names and their text.
type folder map[string]string

func (f folder) fs() fs.FS {
	out := fstest.MapFS{}
	for name, text := range f {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// load loads folders that have no faults.
func load(t testing.TB, folders ...folder) *rules.Policy {
	t.Helper()
	var all []fs.FS
	for _, f := range folders {
		all = append(all, f.fs())
	}
	p, faults := rules.Load(all...)
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

func rule(t testing.TB, p *rules.Policy, name string) *rules.Rule {
	t.Helper()
	i := slices.IndexFunc(p.Rules, func(r *rules.Rule) bool { return r.Name == name })
	if i < 0 {
		t.Fatalf("there is no rule %q", name)
	}
	return p.Rules[i]
}

// head is what every rule of these tests begins with.
const head = `title: T
id: 11111111-1111-4111-8111-111111111111
name: r
level: high
logsource: {product: kubernetes, service: audit}
detection:
  s: {verb: delete}
  condition: s
`

const (
	controls = "controls:\n  - {id: CHG-03, title: T, objective: O, family: change management}\n"
	grants   = `title: G
name: g
logsource: {product: approvals, service: cloudevents}
detection: {s: {type: grant}, condition: s}
approval: {kind: access-grant, actor: data.actor, approver: data.approver, covers: '{data.scope}', until: data.until}
`
	act = `act:
  control: CHG-03
  actor: user.username
  resource: '{scope}/{objectRef.name}'
  grace: 10m
  approved-by:
    - access-grant: {actor: same, skew: 2m}
`
)

func TestAFaultIsReportedWithItsPlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ name, file, text, want string }{
		{"an unknown key in act", "r.yml", head + strings.Replace(act, "grace:", "grase:", 1), `r.yml:13:3: act has no key "grase"; did you mean "grace"?`},
		{"a duration that is none", "r.yml", head + strings.Replace(act, "10m", "5x", 1), `r.yml:13:10: grace: "5x" is not a duration; write "5m" or "1h30m"`},
		{"a negative duration", "r.yml", head + strings.Replace(act, "10m", "-5m", 1), `r.yml:13:10: grace: "-5m" is not a duration`},
		{"a duration of ten years", "r.yml", head + strings.Replace(act, "10m", "87660h", 1), "r.yml:13:10: grace: 87660h is more than a year"},
		{"an unknown control", "r.yml", head + strings.Replace(act, "CHG-03", "CHG-04", 1), `r.yml:10:12: there is no control "CHG-04"; did you mean "CHG-03"?`},
		{"an unknown kind of approval", "r.yml", head + strings.Replace(act, "access-grant:", "acess-grant:", 1), `r.yml:15:7: no rule yields approvals of kind "acess-grant"; did you mean "access-grant"?`},
		{"an actor that is neither", "r.yml", head + strings.Replace(act, "same", "somebody", 1), `r.yml:15:29: actor: "somebody" is neither same nor any`},
		{"a template that does not close", "r.yml", head + strings.Replace(act, "{objectRef.name}", "{objectRef.name", 1), "r.yml:12:13: resource: "},
		{"a template without a field", "r.yml", head + strings.Replace(act, "{objectRef.name}", "{a|}", 1), `names an empty field`},
		{"an actor without a field", "r.yml", head + strings.Replace(act, "user.username", "''", 1), `actor: `},
		{"an actor with half a template", "r.yml", head + strings.Replace(act, "user.username", "user.username}", 1), "closing brace"},
		{"an act without an actor", "r.yml", head + "act: {control: CHG-03, resource: x}\n", "act needs an actor"},
		{"an act that is a text", "r.yml", head + "act: yes\n", "act has to be a mapping"},
		{"an act and an approval", "r.yml", head + act + "approval: {kind: k, covers: x}\n", "r.yml:16:1: a rule is an act, an approval or a revocation, and this one is an act already"},
		{"an approval that covers nothing", "r.yml", head + "approval: {kind: k}\n", "approval needs covers"},
		{"an approval of no kind", "r.yml", head + "approval: {covers: x}\n", "approval needs a kind"},
		{"a key that is almost ours", "r.yml", head + "approvel: {kind: k, covers: x}\n", `r.yml:9:1: a rule has no key "approvel"; did you mean "approval"?`},
		{"another that is almost ours", "r.yml", head + "acts: {control: CHG-03}\n", `a rule has no key "acts"; did you mean "act"?`},
		{"a verdict that is none", "r.yml", head + act + "tests: [{name: n, event: {a: b}, verdict: alarm}]\n", `verdict "alarm" is none of`},
		{"a test without an event", "r.yml", head + act + "tests: [{name: n, verdict: none}]\n", "a test needs an event and a verdict"},
		{"a test's event that is a text", "r.yml", head + act + "tests: [{name: n, event: x, verdict: none}]\n", "event has to be a mapping"},
		{"two rules of one name", "two.yml", head + "---\n" + strings.Replace(head, "1111-1111", "1111-2222", 1), `two.yml:10:1: there is another rule "r"`},
		{"two rules of one id", "two.yml", head + "---\n" + strings.Replace(head, "name: r", "name: q", 1), "there is another rule with the id 11111111-"},
		{"two filters of one name", "two.yml", head + "---\n" + filter + "---\n" + filter, `two.yml:15:1: there is another filter "f"`},
		{"a filter for a rule that is not there", "f.yml", strings.Replace(filter, "[r]", "[grant]", 1), `f.yml:4:18: there is no rule "grant"`},
		{"a filter with an act", "f.yml", filter + act, "f.yml:5:1: a filter has no act"},
		{"a collection's unknown action", "c.yml", "action: globe\n", `c.yml:1:9: action "globe" is none of global`},
		{"a rule without name and id", "r.yml", "title: T\nlogsource: {product: p}\ndetection: {s: {a: b}, condition: s}\n", "a rule needs a name or an id"},
		{"an unknown key of a control", "sub/controls.yaml", "controls:\n  - {id: A, titel: T}\n", `sub/controls.yaml:2:13: control has no key "titel"; did you mean "title"?`},
		{"a control's id that no subject can hold", "sub/controls.yaml", "controls: [{id: A.1}]\n", "a control needs an id without spaces, dots"},
		{"two controls of one id", "sub/controls.yaml", "controls: [{id: A}, {id: A}]\n", `there is another control "A"`},
		{"an owner whom nobody knows", "sub/controls.yaml", "controls:\n  - {id: A, owner: alcie}\n", `sub/controls.yaml:2:20: the estate has no person "alcie"; did you mean "alice"?`},
		{"a reviewer whom nobody knows", "sub/controls.yaml", "controls: [{id: A, reviewers: [alice, zoe]}]\n", `the estate has no person "zoe"`},
		{"an unknown key of the estate", "sub/estate.yaml", "list: {}\n", `sub/estate.yaml:1:1: estate has no key "list"; did you mean "lists"?`},
		{"a list with a mapping in it", "sub/estate.yaml", "lists: {l: [a, {b: c}]}\n", "l has to be a text"},
		{"a person without a name", "sub/estate.yaml", "people: [{email: e}]\n", "a person needs a name"},
		{"an alias of two people", "sub/estate.yaml", "people: [{name: bob, aliases: {github: [X, ALICE-acme]}}]\n", `alice and bob are both "alice-acme" in github`},
		{"an e-mail that is another's alias", "sub/estate.yaml", "people: [{name: bob, aliases: {kubernetes: [alice@acme.example]}}]\n", `alice and bob are both "alice@acme.example" in kubernetes`},
		{"no YAML", "r.yml", "a: [", "r.yml:1:"},
		{"a document that is no mapping", "r.yml", "- a\n", "a document of a policy is a mapping"},
		{"a line beyond reason", "r.yml", "title: " + strings.Repeat("a", 40<<10), "r.yml:1:1: the line has 40967 bytes"},
		{"nesting beyond reason", "r.yml", "a: " + strings.Repeat("[\n", 2000), "r.yml:1001:1: brackets are nested"},
	} {
		t.Run(c.name, func(t *testing.T) {
			base := folder{
				"controls.yaml": controls, "g.yml": grants,
				"estate.yaml": "people: [{name: alice, email: alice@acme.example, aliases: {github: [alice-acme]}}]\n",
			}
			_, faults := rules.Load(base.fs(), folder{c.file: c.text}.fs())
			if !slices.ContainsFunc(faults, func(f sigma.Fault) bool { return strings.Contains(f.Error(), c.want) }) {
				t.Errorf("want a fault %q, got:\n%v", c.want, faults)
			}
		})
	}
}

func TestAFaultyFileDoesNotTakeTheSoundOnesDown(t *testing.T) {
	p, faults := rules.Load(folder{
		"controls.yaml": controls + "  - {titel: nameless}\n", "g.yml": grants, "good.yml": head + act,
		"bad.yml": "title: [", "worse.yml": strings.Replace(head, "condition: s", "condition: nowhere", 1),
	}.fs())
	if len(faults) < 3 {
		t.Errorf("want a fault of each faulty file, got:\n%v", faults)
	}
	if len(p.Rules) != 2 || len(p.Controls) != 1 {
		t.Errorf("%d rules and %d controls are loaded, want 2 and 1", len(p.Rules), len(p.Controls))
	}
}

func TestAFaultyRuleDoesNotTakeASoundOneOfItsNameDown(t *testing.T) {
	p, faults := rules.Load(folder{"a.yml": head + "act: {}\n", "b.yml": head}.fs())
	if len(p.Rules) != 1 || len(faults) == 0 {
		t.Errorf("%d rules are loaded, %d faults", len(p.Rules), len(faults))
	}
}

func TestALaterFolderIsLaidOverTheEarlier(t *testing.T) {
	base := folder{
		"controls.yaml": controls, "g.yml": grants, "r.yml": head + act,
		"estate.yaml": "lists: {a: [x], b: [y]}\npeople: [{name: alice}, {name: bob, email: old@acme.example}]\n",
	}
	over := folder{
		"deep/down/controls.yaml": "controls: [{id: CHG-03, owner: bob, reviewers: [alice]}]\n",
		"deep/estate.yaml":        "lists: {a: [z]}\npeople: [{name: bob, email: new@acme.example}]\n",
		"deep/renamed.yml":        strings.Replace(head, "name: r", "name: renamed", 1) + act,
	}
	p := load(t, base, over)
	if c := p.Controls[0]; c.Title != "T" || c.Owner != "bob" || !slices.Equal(c.Reviewers, []string{"alice"}) || c.Cadence != "weekly" {
		t.Errorf("the control is %+v; what the later folder leaves out stays", c)
	}
	if l := p.Estate.Lists; !slices.Equal(l["a"], []string{"z"}) || !slices.Equal(l["b"], []string{"y"}) {
		t.Errorf("the lists are %v; a later one replaces its namesake", l)
	}
	if n := p.Estate.People; len(n) != 2 || n[1].Email != "new@acme.example" {
		t.Errorf("the people are %+v", n)
	}
	if len(p.Rules) != 2 {
		t.Errorf("%d rules; one with the same id replaces, whatever its name", len(p.Rules))
	}
	rule(t, p, "renamed")
}

func TestHiddenFoldersAreNoPolicy(t *testing.T) {
	p := load(t, folder{
		"r.yml": head, ".github/workflows/ci.yml": "on: push\n", "..2026_11_16/r.yml": head, "README.md": "# no YAML",
	})
	if len(p.Rules) != 1 {
		t.Errorf("%d rules, want 1", len(p.Rules))
	}
}

func TestARuleWithoutAnIDIsIdentifiedByItsName(t *testing.T) {
	p := load(t, folder{"g.yml": grants})
	if r := p.Rules[0]; r.ID != "g" || r.Ref().ID != "g" {
		t.Errorf("the id is %q", r.ID)
	}
}

func TestTheDigestTellsPoliciesApart(t *testing.T) {
	base := folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + act, "estate.yaml": "lists: {a: [x]}\n"}
	want := load(t, base).Digest
	if load(t, base).Digest != want {
		t.Error("the same files give another digest")
	}
	for name, text := range (folder{
		"controls.yaml": strings.Replace(controls, "objective: O", "objective: P", 1),
		"g.yml":         grants + "# a comment\n",
		"estate.yaml":   "lists: {a: [x, y]}\n",
	}) {
		if load(t, base, folder{name: text}).Digest == want {
			t.Errorf("%s changes, and the digest does not", name)
		}
	}
}

const filter = "title: F\nname: f\nlogsource: {product: kubernetes}\nfilter: {rules: [r], bot: {user.username: bot}, condition: bot}\n"

func TestAFilterOfALaterFolderTunesARuleOfAnEarlierOne(t *testing.T) {
	base := folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + act}
	plain, tuned := load(t, base), load(t, base, folder{"filters.yml": filter})
	for _, c := range []struct {
		policy *rules.Policy
		event  string
		want   int
	}{
		{plain, `{"verb":"delete","user":{"username":"bot"}}`, 1},
		{tuned, `{"verb":"delete","user":{"username":"bot"}}`, 0},
		{tuned, `{"verb":"delete","user":{"username":"alice"}}`, 1},
	} {
		m, faults := c.policy.Compile(rules.Defaults{})
		if faults.Err() != nil {
			t.Fatal(faults)
		}
		if got, _ := m.Match(batch(kubernetes, c.event)); len(got) != c.want {
			t.Errorf("%s: %d matches, want %d", c.event, len(got), c.want)
		}
	}
	was, is := rule(t, plain, "r"), rule(t, tuned, "r")
	if is.Digest == was.Digest || is.Digest != event.DigestOf(is.Document) || string(is.Document) != string(was.Document)+"---\n"+filter {
		t.Errorf("the rule's evidence does not tell of its filter:\n%s", is.Document)
	}
	if rule(t, tuned, "g").Digest != rule(t, plain, "g").Digest || tuned.Digest == plain.Digest {
		t.Error("a filter changes the policy, and no rule that it is not for")
	}
	if a := tuned.Announce(time.Time{}, "v1", nil); len(a.Filters) != 1 || a.Filters[0].Name != "f" || a.Filters[0].Digest != event.DigestOf([]byte(filter)) {
		t.Errorf("announced: %+v", a.Filters)
	}
}

func TestALaterFilterReplacesItsNamesake(t *testing.T) {
	base := folder{"r.yml": head, "f.yml": filter}
	p := load(t, base, folder{"f.yml": strings.ReplaceAll(filter, "bot", "robot")})
	if len(p.Filters) != 1 || !strings.Contains(string(rule(t, p, "r").Document), "robot") || strings.Count(string(rule(t, p, "r").Document), "filter:") != 1 {
		t.Errorf("%d filters; the rule is\n%s", len(p.Filters), rule(t, p, "r").Document)
	}
}

// A filter that cannot be read must not switch its rules off.
func TestAFaultyFilterLeavesItsRulesOn(t *testing.T) {
	p, faults := rules.Load(folder{"r.yml": head, "f.yml": strings.Replace(filter, "user.username", "user.username|expand", 1)}.fs())
	if len(faults) != 1 || !strings.Contains(faults.Error(), "f.yml:4:") {
		t.Errorf("want one fault of the filter, got %v", faults)
	}
	// What is kept as evidence is what was at work.
	if r, alone := rule(t, p, "r"), rule(t, load(t, folder{"r.yml": head}), "r"); r.Digest != alone.Digest || !bytes.Equal(r.Document, alone.Document) {
		t.Errorf("the filter is off, and the rule's document is\n%s", r.Document)
	}
	m, faults := p.Compile(rules.Defaults{})
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	if got, _ := m.Match(batch(kubernetes, `{"verb":"delete","user":{"username":"bot"}}`)); len(got) != 1 {
		t.Errorf("%d matches, want 1", len(got))
	}
}

func TestTheRulesOfACollectionAreRulesOfThePolicy(t *testing.T) {
	common := "action: global\nlevel: high\nlogsource: {product: kubernetes, service: audit}\ndetection: {condition: s}\n"
	p := load(t, folder{"c.yml": common + "---\ntitle: A\nname: a\ndetection: {s: {verb: create}}\n---\naction: repeat\nname: b\ndetection: {s: {verb: delete}}\n"})
	m, faults := p.Compile(rules.Defaults{})
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	got, _ := m.Match(batch(kubernetes, `{"verb":"delete"}`))
	if len(p.Rules) != 2 || len(got) != 1 || got[0].Rule.Name != "b" || got[0].Rule.Level != event.High {
		t.Errorf("%d rules, %+v", len(p.Rules), got)
	}
}

func TestThePolicyAnnouncesWhichSourceApprovesWhat(t *testing.T) {
	p := load(t, folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + act})
	now := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	a := p.Announce(now, "v1", []rules.SourceInfo{
		{Name: "access", Product: "approvals", Service: "cloudevents"}, {Name: "prod", Product: "kubernetes", Service: "audit"},
	})
	if len(a.Rules) != 2 || a.Digest != p.Digest || !a.Loaded.Equal(now) || a.Version != "v1" {
		t.Errorf("announced: %+v", a)
	}
	if !slices.Equal(a.Sources[0].Provides, []string{"access-grant"}) || len(a.Sources[1].Provides) != 0 {
		t.Errorf("the sources provide %v and %v", a.Sources[0].Provides, a.Sources[1].Provides)
	}
}
