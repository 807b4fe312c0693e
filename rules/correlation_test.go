package rules_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

// base is a rule for kubernetes events of a verb, named after it.
func base(verb string) string {
	return "title: " + verb + "\nid: id-" + verb + "\nname: " + verb + "\nlogsource: {product: kubernetes, service: audit}\n" +
		"detection: {s: {verb: " + verb + "}, condition: s}\n"
}

// over is a correlation over rules, with what is said besides.
func over(name, refs, rest string) string {
	return "title: " + name + "\nid: id-" + name + "\nname: " + name + "\nlevel: high\ncorrelation:\n  type: temporal\n  rules: [" + refs +
		"]\n  group-by: [user.username]\n  timespan: 10m\n" + rest
}

func TestAFaultOfWhatACorrelationRefersToHasItsPlaceAndRemedy(t *testing.T) {
	long := ""
	for i := range 6 {
		long += over(fmt.Sprint("c", i+1), map[bool]string{true: "get", false: fmt.Sprint("c", i)}[i == 0], "") + "---\n"
	}
	crowded := ""
	for i := range 51 {
		crowded += over(fmt.Sprintf("c%02d", i), "get", "") + "---\n"
	}
	for _, c := range []struct{ name, text, want string }{
		{"nobody knows it", over("c", "gett", ""), `c.yml:7:11: there is no rule or correlation "gett"; did you mean "get"?`},
		{"by name and by id", over("c", "get, id-get", ""), `c.yml:7:16: "id-get" is a rule that stands here already, by its name or its id`},
		{"itself", over("c", "get, c", ""), `c.yml:7:16: "c" is fed by itself: c ← c`},
		{"a circle", over("c", "d", "") + "---\n" + over("d", "e", "") + "---\n" + over("e", "get, c", ""), `c.yml:7:11: "c" is fed by itself: c ← d ← e ← c`},
		{"one with a fault", over("c", "d", "") + "---\n" + over("d", "gett", ""), `c.yml:7:11: the correlation "d" has a fault, so this one is left out, too`},
		{"a chain of six", long, `c.yml:57:11: a chain of correlations may be 5 long; this is one more`},
		{"too many at once", crowded, `the rule "get" would feed more than 50 correlations, at once and along chains`},
		{"an alias for a stranger", over("c", "get, list", "  aliases: {user.username: {gte: x}}\n"), `c.yml:10:29: alias "user.username": "gte" is none of the correlation's rules; did you mean "get"?`},
		{"an alias twice for one rule", over("c", "get, list", "  aliases: {u: {get: x, id-get: y}}\n"), `c.yml:10:25: alias "u" names the field of "id-get" twice`},
		{"an unknown control", over("c", "get", "control: CHG-04\n"), `c.yml:10:10: there is no control "CHG-04"; did you mean "CHG-03"?`},
		{"a control beside an act", over("c", "get", act+"control: CHG-03\n"), `c.yml:17:1: control belongs into the act block`},
		{"an act with a fault", over("c", "get", strings.Replace(act, "10m", "5x", 1)), `c.yml:14:10: grace: "5x" is not a duration`},
		{"an approval", over("c", "get", "approval: {kind: k, covers: x}\n"), "c.yml:10:1: a correlation approves nothing; the rules that it refers to may"},
		{"a verdict that there is not", over("c", "get", "verdict: bypas\n"), `c.yml:10:10: verdict "bypas" is none of approved, bypass, undetermined, approved-late; did you mean "bypass"?`},
		{"verdicts of a rule that has none", over("c", "get", "verdict: bypass\n"), `c.yml:7:11: "get" has no act, so it has no verdicts to count`},
		{"any rule, without a verdict", over("c", "any", ""), `c.yml:7:11: there is no rule or correlation "any"`},
		{"a key that is almost ours", over("c", "get", "contrl: CHG-03\n"), `c.yml:10:1: a rule has no key "contrl"; did you mean "control"?`},
		{"a name that a rule has", over("get", "list", ""), `there is another rule "get" in this folder`},
		{"neither name nor id", strings.NewReplacer("name: c\n", "", "id: id-c\n", "").Replace(over("c", "get", "")), "a rule needs a name or an id"},
	} {
		p, faults := rules.Load(folder{
			"controls.yaml": controls, "g.yml": grants, "c.yml": c.text, "base.yml": base("get") + "---\n" + base("list") + "---\n" + over("sound", "list", ""),
		}.fs())
		if !slices.ContainsFunc(faults, func(f sigma.Fault) bool { return strings.Contains(f.Error(), c.want) }) {
			t.Errorf("%s: want a fault %q, got:\n%v", c.name, c.want, faults)
		}
		if !slices.ContainsFunc(p.Correlations, func(c *rules.Correlation) bool { return c.Name == "sound" }) {
			t.Errorf("%s: took the sound one down", c.name)
		}
		if _, faults := p.Compile(rules.Defaults{}); faults.Err() != nil {
			t.Errorf("%s: what is left does not compile: %v", c.name, faults)
		}
	}
}

func TestACorrelationReplacesItsNamesakeOfAnEarlierFolder(t *testing.T) {
	under := folder{"base.yml": base("get") + "---\n" + base("list"), "c.yml": over("c", "get", "")}
	p := load(t, under, folder{"c.yml": over("c", "list", ""), "list.yml": base("list") + "level: low\n"})
	if len(p.Correlations) != 1 || p.Correlations[0].Rules[0].Name != "list" || len(p.Rules) != 2 {
		t.Errorf("%d rules and %d correlations", len(p.Rules), len(p.Correlations))
	}
	if load(t, under).Digest == p.Digest {
		t.Error("the digest is the same")
	}
	announced := p.Announce(time.Time{}, "v", nil).Rules
	if len(announced) != 3 || announced[2] != (event.RuleVersion{Name: "c", Digest: p.Correlations[0].Digest}) {
		t.Errorf("announced: %v", announced)
	}
	if docs := p.Documents(); len(docs) != 3 || event.DigestOf(docs[2].Text) != docs[2].Digest {
		t.Errorf("documents: %v", docs)
	}
}

// described says what an event's matches are: each rule's name, with * if it is
// an act, and what it contributes to.
func described(matches []event.Match) string {
	var out []string
	for _, m := range matches {
		out = append(out, m.Rule.Name+starred(m.Act)+fed(m.Parts))
	}
	return strings.Join(out, " ")
}

func starred(a *event.Act) string {
	if a != nil {
		return "*"
	}
	return ""
}

func fed(parts []event.Part) string {
	var out []string
	for _, p := range parts {
		out = append(out, p.Rule.Name+starred(p.Act)+fed(p.Parts))
	}
	if len(out) == 0 {
		return ""
	}
	return "(" + strings.Join(out, " ") + ")"
}

func TestARuleStandsAloneUnlessItOnlyServesACorrelation(t *testing.T) {
	get := base("get") + "---\n"
	for _, c := range []struct{ name, text, want string }{
		{"referred to by none", get, "get*"},
		{"referred to", get + over("c", "get", ""), "get(c*)"},
		{"referred to, and generate", get + over("c", "get", "generate: true\n"), "get*(c*)"},
		{"by one of two with generate", get + over("c", "get", "") + "---\n" + over("d", "get", "  generate: true\n"), "get*(c* d*)"},
		{"under a control of its own", strings.Replace(get, "---", "control: CHG-03\n---", 1) + over("c", "get", ""), "get*(c*)"},
		{"with an act of its own", strings.Replace(get, "---", act+"---", 1) + over("c", "get", "generate: false\n"), "get*(c*)"},
		{"a chain", get + over("c", "get", "") + "---\n" + over("d", "c", ""), "get(c(d*))"},
		{"a chain with generate", get + over("c", "get", "") + "---\n" + over("d", "c", "generate: true\n"), "get(c*(d*))"},
		{"a chain, the first under a control", get + over("c", "get", "control: CHG-03\n") + "---\n" + over("d", "c", ""), "get(c*(d*))"},
		{"at once and along a chain", get + over("c", "get", "") + "---\n" + over("d", "get, c", ""), "get(c(d*) d*)"},
		{"by a field that the event lacks", get + strings.Replace(over("c", "get", ""), "user.username", "nothing", 1), ""},
		{"by no field", get + strings.Replace(over("c", "get", ""), "  group-by: [user.username]\n", "", 1), "get(c*)"},
	} {
		p := load(t, folder{"controls.yaml": controls, "g.yml": grants, "c.yml": c.text})
		matches, dead := matcher(t, p).Match(batch(kubernetes, `{"verb":"get","user":{"username":"alice"},"objectRef":{"name":"cart"}}`))
		if got := described(matches); got != c.want || len(dead) > 0 {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestAnApprovalThatIsReferredToStaysAnApproval(t *testing.T) {
	p := load(t, folder{"g.yml": grants, "c.yml": strings.Replace(over("c", "g", ""), "user.username", "data.actor", 1)})
	m := one(t, p, feed, `{"type":"grant","data":{"actor":"alice","scope":"s"}}`)
	if m.Approval == nil || m.Act != nil || fed(m.Parts) != "(c*)" {
		t.Errorf("the match is %+v", m)
	}
}

// The specification's example: the address that is a source for one rule is a
// destination for the other.
func TestAliasesAreResolvedForEachRule(t *testing.T) {
	c := strings.Replace(over("c", "internal_error, new_network_connection", `  aliases:
    internal_ip: {internal_error: destination.ip, new_network_connection: source.ip}
    remote_ip: {internal_error: source.ip, id-new_network_connection: destination.ip}
`), "[user.username]", "[internal_ip, remote_ip, zone]", 1)
	p := load(t, folder{"c.yml": c, "base.yml": base("internal_error") + "---\n" + base("new_network_connection")})
	groups := map[string][]string{}
	for _, raw := range []string{
		`{"verb":"internal_error","source":{"ip":"192.0.2.1"},"destination":{"ip":"10.0.0.1"},"zone":["","a"]}`,
		`{"verb":"new_network_connection","source":{"ip":"10.0.0.1"},"destination":{"ip":"192.0.2.1"},"zone":"a"}`,
	} {
		m := one(t, p, kubernetes, raw)
		groups[m.Rule.Name] = m.Parts[0].Group
	}
	want := []string{"10.0.0.1", "192.0.2.1", "a"}
	if !slices.Equal(groups["internal_error"], want) || !slices.Equal(groups["new_network_connection"], want) {
		t.Errorf("the groups are %v, want %v", groups, want)
	}
}

func TestAPartCarriesWhatTheJudgeNeeds(t *testing.T) {
	text := strings.NewReplacer("temporal", "value_avg", "timespan: 10m\n", "timespan: 10m\n  condition: {field: n, lt: 5}\n").Replace(over("c", "get, list", act))
	p := load(t, folder{"controls.yaml": controls, "g.yml": grants, "c.yml": text, "base.yml": base("get") + "---\n" + base("list")})
	m := one(t, p, kubernetes, `{"verb":"list","user":{"username":"alice"},"objectRef":{"name":"cart"},"n":"1.50"}`)
	if len(m.Parts) != 1 {
		t.Fatalf("%d parts", len(m.Parts))
	}
	part := m.Parts[0]
	if part.Rule != p.Correlations[0].Ref() || part.Type != event.ValueAvg || part.Rules != 2 || part.Position != 1 ||
		part.Timespan != 10*time.Minute || !slices.Equal(part.Condition, []event.Bound{{Is: "lt", Than: 5}}) ||
		part.Wait != 10*time.Minute || part.Value != "1.5" || part.Control != "CHG-03" {
		t.Errorf("the part is %+v", part)
	}
	if a := part.Act; a.Actor.Name != "alice" || a.Resource != "prod-eu/cart" || a.Grace != 10*time.Minute || len(a.ApprovedBy) != 1 {
		t.Errorf("its act is %+v", part.Act)
	}
	if matches, _ := matcher(t, p).Match(batch(kubernetes, `{"verb":"list","user":{"username":"alice"},"n":"many"}`)); len(matches) != 0 {
		t.Errorf("what is no number counts as %+v", matches[0].Parts)
	}
}

// What is judged at its end delays what it feeds: that has to wait for it.
func TestWaitsAddUpAlongAChain(t *testing.T) {
	atEnd := func(name, refs string) string {
		return strings.NewReplacer("temporal", "event_count", "timespan: 10m\n", "timespan: 10m\n  condition: {lt: 5}\n").Replace(over(name, refs, ""))
	}
	p := load(t, folder{"base.yml": base("get"), "c.yml": atEnd("c", "get") + "---\n" + over("d", "c", "") + "---\n" + atEnd("e", "d")})
	m := one(t, p, kubernetes, `{"verb":"get","user":{"username":"alice"}}`)
	c := m.Parts[0]
	d := c.Parts[0]
	e := d.Parts[0]
	if c.Wait != 5*time.Minute || d.Wait != 15*time.Minute || e.Wait != 20*time.Minute {
		t.Errorf("they wait %s, %s and %s; want 5m, the 15m that the first may take, and 5m beyond", c.Wait, d.Wait, e.Wait)
	}
}

func TestALongValueCannotMakeAMatchLong(t *testing.T) {
	p := load(t, folder{"base.yml": base("get"), "c.yml": over("c", "get", "")})
	long := strings.Repeat("x", 100_000)
	m := one(t, p, kubernetes, `{"verb":"get","user":{"username":"`+long+`"}}`)
	if g := m.Parts[0].Group[0]; len(g) > 200 {
		t.Errorf("the group's value has %d bytes", len(g))
	}
	other := one(t, p, kubernetes, `{"verb":"get","user":{"username":"`+long+`y"}}`)
	if m.Parts[0].WindowsID() == other.Parts[0].WindowsID() {
		t.Error("two long values are one group")
	}
}
