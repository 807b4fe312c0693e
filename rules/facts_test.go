package rules_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

// wantFault checks that the folder has a fault that says so.
func wantFault(t testing.TB, f folder, want string) {
	t.Helper()
	_, faults := rules.Load(f.fs())
	if !slices.ContainsFunc(faults, func(f sigma.Fault) bool { return strings.Contains(f.Error(), want) }) {
		t.Errorf("want a fault %q, got:\n%v", want, faults)
	}
}

var (
	nine = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC) // when every event of these tests is
	ten  = nine.Add(time.Hour)
)

// party is somebody whom no estate knows.
func party(name string) event.Party { return event.Party{Name: name, Person: name, Unknown: true} }

func TestFactsSayWhoIsWhatToWhat(t *testing.T) {
	const raw = `{"verb":"delete","author":"carol","pusher":"","commit":"c0ffee","title":"fix CHG-7",
		"at":"2026-11-16T10:00:00Z","members":["dan","erin","dan",""],"n":7}`
	for _, c := range []struct {
		facts string
		want  []event.Fact
	}{
		{"{who: author, is: author, of: '{scope}@{commit}'}", []event.Fact{{Is: "author", Of: "prod-eu@c0ffee", Who: party("carol"), Since: nine}}},
		{"{who: [pusher, author], is: merged-by, of: '{title ~ CHG-[0-9]+}', since: at}", []event.Fact{{Is: "merged-by", Of: "CHG-7", Who: party("carol"), Since: ten}}},
		{"{who: author, is: author, of: '{commit}', since: title}", []event.Fact{{Is: "author", Of: "c0ffee", Who: party("carol"), Since: nine}}},
		// Who has several values is several people.
		{"{who: members, is: member, of: approvers}", []event.Fact{
			{Is: "member", Of: "approvers", Who: party("dan"), Since: nine}, {Is: "member", Of: "approvers", Who: party("erin"), Since: nine},
		}},
		{"{who: author, is: a, of: x}, {who: author, is: b, of: x}", []event.Fact{
			{Is: "a", Of: "x", Who: party("carol"), Since: nine}, {Is: "b", Of: "x", Who: party("carol"), Since: nine},
		}},
		// What is told by halves is no fact.
		{"{who: pusher, is: a, of: x}, {who: author, is: b, of: x}", []event.Fact{{Is: "b", Of: "x", Who: party("carol"), Since: nine}}},
		{"{who: author, is: a, of: '{nowhere}'}, {who: author, is: b, of: x}", []event.Fact{{Is: "b", Of: "x", Who: party("carol"), Since: nine}}},
	} {
		m := one(t, load(t, folder{"r.yml": head + "facts: [" + c.facts + "]\n"}), kubernetes, raw)
		if !reflect.DeepEqual(m.Facts, c.want) || m.Act != nil || m.Approval != nil {
			t.Errorf("%s:\n got %+v, act %v\nwant %+v", c.facts, m.Facts, m.Act, c.want)
		}
	}
}

func TestAnEventThatStatesNothingIsNoMatch(t *testing.T) {
	p := load(t, folder{"r.yml": head + "facts: [{who: author, is: author, of: '{commit}'}]\n"})
	if matches, dead := matcher(t, p).Match(batch(kubernetes, `{"verb":"delete","author":"carol"}`)); len(matches)+len(dead) > 0 {
		t.Errorf("matches %+v, dead %+v", matches, dead)
	}
}

func TestFactsStandBesideWhateverARuleIs(t *testing.T) {
	const facts = "facts: [{who: user.username, is: author, of: x}]\n"
	for name, c := range map[string]struct {
		block string
		right func(event.Match) bool
	}{
		"an act":        {act, func(m event.Match) bool { return m.Act != nil && m.Control == "CHG-03" }},
		"a detection":   {"control: CHG-03\n", func(m event.Match) bool { return m.Act != nil && m.Control == "CHG-03" }},
		"an approval":   {"approval: {kind: k, covers: x}\n", func(m event.Match) bool { return m.Approval != nil }},
		"a revocation":  {"revocation: {kind: access-grant, reference: verb}\n", func(m event.Match) bool { return m.Revocation != nil }},
		"nothing other": {"", func(m event.Match) bool { return m.Act == nil && m.Control == "" }},
	} {
		p := load(t, folder{"controls.yaml": controls, "g.yml": grants, "r.yml": head + c.block + facts})
		m := one(t, p, kubernetes, `{"verb":"delete","user":{"username":"carol"}}`)
		if !c.right(m) || len(m.Facts) != 1 || m.Facts[0].Who.Name != "carol" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}

func TestAFactThatFeedsACorrelationStaysAFact(t *testing.T) {
	p := load(t, folder{"controls.yaml": controls, "r.yml": head + "facts: [{who: user.username, is: author, of: x}]\n---\n" +
		over("c", "r", "  condition: {gte: 1}\n") + "control: CHG-03\n"})
	m := one(t, p, kubernetes, `{"verb":"delete","user":{"username":"carol"}}`)
	if m.Act != nil || len(m.Facts) != 1 || len(m.Parts) != 1 {
		t.Errorf("%+v", m)
	}
}

func TestARevocationNamesWhatItTakesBack(t *testing.T) {
	const raw = `{"verb":"delete","url":"u-1","by":"bob","what":"prod","at":"2026-11-16T10:00:00Z"}`
	for _, c := range []struct {
		keys string
		want *event.Revocation // nil: nothing is taken back
	}{
		{"reference: url", &event.Revocation{Reference: "u-1", At: nine}},
		{"reference: url, at: at", &event.Revocation{Reference: "u-1", At: ten}},
		{"reference: url, at: by", &event.Revocation{Reference: "u-1", At: nine}},
		{"covers: '{what}', approver: by", &event.Revocation{Covers: "prod", Approver: party("bob"), At: nine}},
		{"reference: nowhere, covers: '{what}', approver: by", &event.Revocation{Covers: "prod", Approver: party("bob"), At: nine}},
		{"reference: nowhere", nil},
		{"covers: '{what}', approver: nowhere", nil},
		{"covers: '{nowhere}', approver: by", nil},
	} {
		p := load(t, folder{"g.yml": grants, "r.yml": head + "revocation: {kind: access-grant, " + c.keys + "}\n"})
		matches, _ := matcher(t, p).Match(batch(kubernetes, raw))
		if c.want == nil {
			if len(matches) > 0 {
				t.Errorf("%s: %+v", c.keys, matches[0].Revocation)
			}
			continue
		}
		c.want.Kind = "access-grant"
		if len(matches) != 1 || !reflect.DeepEqual(matches[0].Revocation, c.want) || matches[0].Act != nil {
			t.Errorf("%s: %+v, want %+v", c.keys, matches, c.want)
		}
	}
}

func TestAFaultOfARevocationOrFactNamesItsPlaceAndRemedy(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"revocation: {kind: acess-grant, reference: a}", `r.yml:9:20: no rule yields approvals of kind "acess-grant"; did you mean "access-grant"?`},
		{"revocation: {kind: access-grant}", "r.yml:9:13: revocation needs a reference, or covers and approver"},
		{"revocation: {kind: access-grant, covers: x}", "r.yml:9:13: revocation: covers and approver belong together"},
		{"revocation: {reference: a}", "r.yml:9:13: revocation needs a kind"},
		{"revocation: {kind: access-grant, refernce: a}", `revocation has no key "refernce"; did you mean "reference"?`},
		{"revocation: yes", "r.yml:9:13: revocation has to be a mapping"},
		{"revocations: {kind: access-grant, reference: a}", `r.yml:9:1: a rule has no key "revocations"; did you mean "revocation"?`},
		{"revocation: {kind: access-grant, reference: a}\napproval: {kind: k, covers: x}", "r.yml:9:1: a rule is an act, an approval or a revocation, and this one is an approval already"},
		{"revocation: {kind: access-grant, reference: a}\ncontrol: CHG-03", "control belongs into the act block"},
		{"facts: {who: a, is: b, of: c}", "r.yml:9:8: facts has to be a list such as"},
		{"facts: []", "r.yml:9:8: facts has to be a list such as"},
		{"facts: [{who: a, is: b}]", "r.yml:9:9: a fact needs who, is and of"},
		{"facts: [{who: a, is: the author, of: c}]", `r.yml:9:22: is: "the author" is not a word in small letters`},
		{"facts: [{who: a, is: b, of: '{c'}]", "r.yml:9:29: of: \"{c\" has a brace"},
		{"facts: [{who: a, is: b, off: c}]", `fact has no key "off"; did you mean "of"?`},
		{"fact: [{who: a, is: b, of: c}]", `r.yml:9:1: a rule has no key "fact"; did you mean "facts"?`},
		{"runbok: x", `a rule has no key "runbok"; did you mean "runbook"?`},
		{over("c", "r", "  condition: {gte: 1}\n") + "facts: [{who: a, is: b, of: c}]", "a correlation states no facts"},
		{over("c", "r", "  condition: {gte: 1}\n") + "revocation: {kind: access-grant, reference: a}", "a correlation takes nothing back"},
	} {
		text := head
		if strings.Contains(c.text, "correlation:") {
			text += "---\n"
		}
		wantFault(t, folder{"controls.yaml": controls, "g.yml": grants, "r.yml": text + c.text + "\n"}, c.want)
	}
}

// The author's own keys stay theirs.
func TestAKeyThatIsNotNearToOursIsTheAuthorsOwn(t *testing.T) {
	load(t, folder{"r.yml": head + "runbook: https://x.example\nparts: 1\nstats: 1\nacme: 1\nrevision: 3\n"})
}
