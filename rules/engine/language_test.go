package engine_test

import (
	"slices"
	"strings"
	"testing"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

var cloudtrail = sigma.LogSource{Product: "aws", Service: "cloudtrail"}

// languageLists are the estate of the cases.
var languageLists = sigma.Lists{
	"admins": {"alice", "b*b"}, "none": {}, "teams": {"red", "blue"}, "networks": {"192.0.2.0/24"}, "limits": {"10", "20"},
}

// matches compiles one rule with the given detection and says whether it
// matches the event. The reference has to say the same.
func matches(t *testing.T, detection, event string) bool {
	t.Helper()
	p := program(t, detection)
	got, err := p.NewMatcher().Match(nil, cloudtrail, "", []byte(event))
	if unread(err) {
		t.Fatalf("%s: %v", event, err)
	}
	read, err := decode([]byte(event))
	if err != nil {
		t.Fatal(err)
	}
	if want := references(t, detected(detection), languageLists)[0].matches(view{event: read}); want != (len(got) == 1) {
		t.Errorf("%s\n%s: the reference says %v", detection, event, want)
	}
	return len(got) == 1
}

// detected returns a rule's source with the given detection.
func detected(detection string) string {
	return "title: T\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n" + indent(detection)
}

func program(t *testing.T, detection string) *engine.Program {
	t.Helper()
	rules, faults := sigma.ParseRules("rule.yml", []byte(detected(detection)))
	if faults.Err() != nil {
		t.Fatalf("%s\n%v", detection, faults)
	}
	p, faults := engine.Compile(rules, languageLists)
	if faults.Err() != nil {
		t.Fatalf("%s\n%v", detection, faults)
	}
	return p
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ") + "\n"
}

// A languageCase is a detection, events that it must match, and events that it
// must not.
type languageCase struct {
	name, detection string
	yes, no         []string
}

var cases = []languageCase{
	{
		name:      "a mapping needs all of its fields, a list any of its values",
		detection: "s: {a: [x, y], b: 1}\ncondition: s",
		yes:       []string{`{"a":"x","b":1}`, `{"a":"Y","b":"1"}`, `{"b":1.0,"a":"y"}`},
		no:        []string{`{"a":"x"}`, `{"a":"z","b":1}`, `{}`, `{"a":"x","b":11}`},
	},
	{
		name:      "a list of mappings needs any of them",
		detection: "s:\n  - {a: x}\n  - {b: y}\ncondition: s",
		yes:       []string{`{"a":"x"}`, `{"b":"y"}`},
		no:        []string{`{"a":"y"}`},
	},
	{
		name:      "a nested selection is a path",
		detection: "s: {a: {b: {c: x}}, d.e: y}\ncondition: s",
		yes:       []string{`{"a":{"b":{"c":"x"}},"d":{"e":"y"}}`, `{"a":{"b":{"c":"x"}},"d.e":"y"}`},
		no:        []string{`{"a":{"b":"x"},"d":{"e":"y"}}`},
	},
	{
		name:      "any member of an array anywhere on the path counts",
		detection: "s: {a.b: x}\ncondition: s",
		yes:       []string{`{"a":[{"b":"n"},{"b":["m","x"]}]}`},
		no:        []string{`{"a":[{"b":"n"},{"c":"x"}]}`, `{"a":[]}`},
	},
	{
		name:      "wildcards stand for runs and for one character, unless escaped",
		detection: `s: {a: 'x*y?z\*'}` + "\ncondition: s",
		yes:       []string{`{"a":"x--y1z*"}`, `{"a":"xyäz*"}`},
		no:        []string{`{"a":"x--yz*"}`, `{"a":"x--y1z-"}`},
	},
	{
		name:      "contains, startswith, endswith",
		detection: "s: {a|contains: mid, b|startswith: pre, c|endswith: post}\ncondition: s",
		yes:       []string{`{"a":"-mid-","b":"prefix","c":"outpost"}`},
		no:        []string{`{"a":"-mid-","b":"-prefix","c":"outpost"}`, `{"a":"m-id","b":"pre","c":"post"}`},
	},
	{
		name:      "all needs every value, of whichever members",
		detection: "s: {a|contains|all: [x, y]}\ncondition: s",
		yes:       []string{`{"a":"xy"}`, `{"a":["-x","y-"]}`},
		no:        []string{`{"a":"x"}`},
	},
	{
		name:      "text ignores case unless cased",
		detection: "s: {a: ÄB, b|cased: Cd}\ncondition: s",
		yes:       []string{`{"a":"äb","b":"Cd"}`},
		no:        []string{`{"a":"äb","b":"cd"}`},
	},
	{
		name:      "re searches, with flags",
		detection: "s: {a|re: '^x[0-9]+$', b|re|i: abc}\ncondition: s",
		yes:       []string{`{"a":"x12","b":"-ABC-"}`},
		no:        []string{`{"a":"x12z","b":"abc"}`, `{"a":"X12","b":"abc"}`},
	},
	{
		name:      "cidr holds addresses of the network",
		detection: "s: {ip|cidr: [10.0.0.0/8, 'fd00::/8']}\ncondition: s",
		yes:       []string{`{"ip":"10.1.2.3"}`, `{"ip":["1.1.1.1","fd00::1"]}`, `{"ip":"::ffff:10.0.0.1"}`},
		no:        []string{`{"ip":"11.1.2.3"}`, `{"ip":"aws.example"}`, `{"ip":10}`},
	},
	{
		name:      "exists asks for the field, null for its absence or null",
		detection: "a: {x|exists: true}\nb: {y: null}\nc: {z|exists: false}\ncondition: a and b and c",
		yes:       []string{`{"x":{}}`, `{"x":"","y":null}`},
		no:        []string{`{"y":null}`, `{"x":1,"y":1}`, `{"x":1,"z":null}`},
	},
	{
		name:      "numbers compare",
		detection: "s: {a|lt: 3, b|lte: 3, c|gt: 3, d|gte: 3}\ncondition: s",
		yes:       []string{`{"a":2.5,"b":3,"c":"4","d":3}`},
		no:        []string{`{"a":3,"b":3,"c":4,"d":3}`, `{"a":"two","b":3,"c":4,"d":3}`, `{"b":3,"c":4,"d":3}`, `{"a":null,"b":3,"c":4,"d":3}`},
	},
	{
		name:      "a number that is too large is greater than any other, and equal to none but itself",
		detection: "a: {n|gt: 5}\nb: {m: 1e400}\ncondition: a or b",
		yes:       []string{`{"n":1e400}`, `{"n":` + strings.Repeat("9", 400) + `}`, `{"n":"` + strings.Repeat("9", 80) + `"}`, `{"m":1e400}`, `{"m":"1E400"}`},
		no:        []string{`{"n":-1e400}`, `{"n":"9x"}`, `{"m":1e401}`, `{"n":"Infinity"}`},
	},
	{
		name:      "expand takes a list of the estate, wildcards and all",
		detection: "s: {user|expand: '%admins%'}\ncondition: s",
		yes:       []string{`{"user":"Alice"}`, `{"user":"bob"}`},
		no:        []string{`{"user":"%admins%"}`, `{"user":"carol"}`},
	},
	{
		name:      "an empty list matches nothing",
		detection: "s: {user|expand: '%none%'}\ncondition: s",
		no:        []string{`{"user":""}`, `{"user":"x"}`, `{}`},
	},
	{
		name:      "fieldref compares two fields",
		detection: "s: {a|fieldref: b, c|endswith|fieldref: d}\ncondition: s",
		yes:       []string{`{"a":"x","b":"X","c":"ab","d":"b"}`},
		no:        []string{`{"a":"x","b":"y","c":"ab","d":"b"}`, `{"c":"ab","d":"b"}`},
	},
	{
		name:      "keywords are looked for in every text",
		detection: "k: [hidden, other]\ncondition: k",
		yes:       []string{`{"a":{"b":["-HIDDEN-"]}}`},
		no:        []string{`{"hidden":"key"}`, `{}`},
	},
	{
		name:      "keywords under all must all be found",
		detection: "k: {'|all': [one, two]}\ncondition: k",
		yes:       []string{`{"a":"one","b":"two"}`},
		no:        []string{`{"a":"one"}`},
	},
	{
		name:      "not binds before and, and before or",
		detection: "a: {x: 1}\nb: {y: 1}\nc: {z: 1}\ncondition: a or not b and c",
		yes:       []string{`{"x":1,"y":1}`, `{"z":1}`},
		no:        []string{`{"y":1,"z":1}`, `{}`},
	},
	{
		name:      "parentheses, 1 of and all of",
		detection: "sel_a: {x: 1}\nsel_b: {y: 1}\nother: {z: 1}\n_hidden: {h: 1}\ncondition: (1 of sel_* AND not other) or all of them",
		yes:       []string{`{"x":1}`, `{"y":1}`, `{"x":1,"y":1,"z":1}`},
		no:        []string{`{"x":1,"z":1}`, `{"h":1}`},
	},
	{
		name:      "several conditions are alternatives",
		detection: "a: {x: 1}\nb: {y: 1}\ncondition: [a, b]",
		yes:       []string{`{"x":1}`, `{"y":1}`},
		no:        []string{`{}`},
	},
	{
		name:      "a star needs a field with a text, an empty text matches itself",
		detection: "a: {x: '*'}\nb: {y: ''}\ncondition: a or b",
		yes:       []string{`{"x":""}`, `{"x":5}`, `{"y":""}`},
		no:        []string{`{}`, `{"x":null}`, `{"y":null}`, `{"y":{}}`},
	},
	{
		name:      "what is hidden behind an escape or a second key is found",
		detection: "s: {user: root}\ncondition: s",
		yes:       []string{`{"us\u0065r":"root"}`, `{"user":"r\u006fot"}`, `{"user":"x","user":"root"}`, `{"user":"root","user":"x"}`},
		no:        []string{`{"user":"x"}`},
	},
	{
		name:      "booleans",
		detection: "s: {ok: true}\ncondition: s",
		yes:       []string{`{"ok":true}`, `{"ok":"true"}`},
		no:        []string{`{"ok":false}`, `{"ok":1}`},
	},
}

func TestDetectionsMatchAsTheSpecificationSays(t *testing.T) {
	for _, c := range slices.Concat(cases, modifierCases) {
		t.Run(c.name, c.check)
	}
}

func (c languageCase) check(t *testing.T) {
	for _, e := range c.yes {
		if !matches(t, c.detection, e) {
			t.Errorf("does not match %s", e)
		}
	}
	for _, e := range c.no {
		if matches(t, c.detection, e) {
			t.Errorf("matches %s", e)
		}
	}
}

func TestARuleSeesOnlyItsLogSource(t *testing.T) {
	src := `
title: broad
logsource: {product: aws}
detection: {s: {a: 1}, condition: s}
---
title: narrow
logsource: {product: aws, service: cloudtrail}
detection: {s: {a: 1}, condition: s}
---
title: other
logsource: {category: process_creation}
detection: {s: {a: 1}, condition: s}
---
title: webhook
logsource: {product: github}
detection: {s: {X-GitHub-Event: push}, condition: s}
`
	rules, faults := sigma.ParseRules("r.yml", []byte(src))
	p, more := engine.Compile(rules, nil)
	if err := append(faults, more...).Err(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		src  sigma.LogSource
		kind string
		want []int
	}{
		{cloudtrail, "", []int{0, 1}},
		{sigma.LogSource{Product: "aws", Service: "guardduty"}, "", []int{0}},
		{sigma.LogSource{Product: "windows", Category: "process_creation"}, "", []int{2}},
		{sigma.LogSource{Product: "github", Service: "webhook"}, "push", []int{3}},
		{sigma.LogSource{Product: "github", Service: "webhook"}, "", nil},
	} {
		got, err := p.NewMatcher().Match(nil, c.src, c.kind, []byte(`{"a":1,"X-GitHub-Event":"push"}`))
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%v %q: got %v, %v; want %v", c.src, c.kind, got, err, c.want)
		}
	}
}

func TestAFaultFoundWhenCompilingLeavesOutThatRuleAlone(t *testing.T) {
	src := "title: G\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n"
	for _, bad := range []struct{ detection, want string }{
		{"{s: {a|re: '(?=x)'}, condition: s}", "no regular expression"},
		{"{s: {a|cidr: 10.0.0}, condition: s}", "no network"},
		{"{s: {a|expand: '%admin%'}, condition: s}", `the estate has no list "admin"; did you mean "admins"?`},
		{"{s: {a|lt: x}, condition: s}", "no number"},
		{"{s: {a|exists: maybe}, condition: s}", "exists takes true or false"},
	} {
		rules, faults := sigma.ParseRules("f.yml", []byte(src+"---\ntitle: B\nlogsource: {product: aws}\ndetection: "+bad.detection+"\n"))
		if faults.Err() != nil {
			t.Fatal(faults)
		}
		p, faults := engine.Compile(rules, sigma.Lists{"admins": {"x"}})
		if faults.Err() == nil || !strings.Contains(faults.Error(), bad.want) {
			t.Errorf("%s: got %v, want %s", bad.detection, faults, bad.want)
		}
		got, err := p.NewMatcher().Match(nil, cloudtrail, "", []byte(`{"a":1}`))
		if err != nil || !slices.Equal(got, []int{0}) {
			t.Errorf("%s: the good rule gives %v, %v", bad.detection, got, err)
		}
	}
}

func TestAllOfAnEmptyListOfTheEstateMatchesNothing(t *testing.T) {
	if matches(t, "s: {user|contains|expand|all: '%none%'}\ncondition: s", `{"user":"x"}`) {
		t.Error("matches")
	}
}

func TestWhatIsNoEventIsAnError(t *testing.T) {
	p := program(t, "s: {a: 1}\ncondition: s")
	for _, raw := range []string{
		``, `[]`, `{`, `{"a":1`, `{"a":1}}`, `{"a":01}`, `{"a":tru}`, `{"a":"\x"}`, "{\"a\":\"\n\"}", `{"a" 1}`, `{a:1}`,
		`{"a":1,}`, `{"a":[1,]}`, `null`, strings.Repeat(`{"a":`, 300) + "1" + strings.Repeat("}", 300),
	} {
		if _, err := p.NewMatcher().Match(nil, cloudtrail, "", []byte(raw)); err == nil {
			t.Errorf("%.40s: no error", raw)
		}
	}
}

func TestAnEventThatMatchesNothingAllocatesNothing(t *testing.T) {
	p := program(t, "s: {eventname: x, a.b|contains: y, n|gt: 5, l: [u, v]}\ncondition: s or not s and s")
	m := p.NewMatcher()
	raw := []byte(`{"eventname":"putobject","a":{"b":"zzz"},"n":3,"l":["a","b"],"other":{"deep":[1,2,{"x":null}]}}`)
	if got, err := m.Match(nil, cloudtrail, "", raw); err != nil || len(got) != 0 {
		t.Fatal(got, err)
	}
	if n := testing.AllocsPerRun(100, func() { m.Match(nil, cloudtrail, "", raw) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestGetReturnsWhatATemplateWrites(t *testing.T) {
	raw := []byte(`{"a":{"b":[{"c":"x\n"},{"c":2},{"c":null}]},"k.l":{"m":true},"o":{"p":{}}}`)
	for path, want := range map[string][]string{"a.b.c": {"x\n", "2"}, "k.l.m": {"true"}, "o.p": {"{}"}, "a.x": nil} {
		got, ok := engine.Get(raw, path)
		if !slices.Equal(got, want) || ok != (want != nil) {
			t.Errorf("%s: %q, %v; want %q", path, got, ok, want)
		}
	}
}
