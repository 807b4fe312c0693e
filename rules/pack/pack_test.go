package pack_test

import (
	"regexp"
	"slices"
	"testing"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/judge/offline"
	"sidedoor/rules/pack"
)

// load returns the pack on its own, as a fresh installation has it.
func load(t testing.TB) *rules.Policy {
	t.Helper()
	p, faults := rules.Load(pack.FS())
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	return p
}

func compile(t testing.TB, p *rules.Policy) *rules.Matcher {
	t.Helper()
	m, faults := p.Compile(rules.Defaults{})
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestEveryRuleDoesWhatItsTestsSay(t *testing.T) {
	p := load(t)
	results := p.Test(logfile.Identify, offline.Verdict)
	for _, r := range results {
		if r.Err != nil {
			t.Errorf("%s: %s: %v", r.Rule, r.Test, r.Err)
		}
	}
	t.Logf("%d tests of %d rules", len(results), len(p.Rules))
}

func TestThePackHasTheBreadthItPromises(t *testing.T) {
	p := load(t)
	families, kinds, acts := map[string]bool{}, map[string]bool{}, 0
	for _, r := range p.Rules {
		families[r.LogSource.Product+"/"+r.LogSource.Service] = true
		if r.Approval != nil {
			kinds[r.Approval.Kind] = true
		}
		if r.Act != nil && !serves(r) {
			acts++
		}
	}
	if acts < 18 || len(p.Controls) < 6 {
		t.Errorf("%d rules find acts and there are %d controls, want at least 18 and 6", acts, len(p.Controls))
	}
	for _, f := range []string{"aws/cloudtrail", "kubernetes/audit", "github/webhook", "github/audit", "approvals/cloudevents", "sidedoor/monitor"} {
		if !families[f] {
			t.Errorf("no rule reads %s", f)
		}
	}
	for _, k := range []string{"access-grant", "break-glass", "change-ticket", "pull-request-review", "merged-pull-request", "deployment-review"} {
		if !kinds[k] {
			t.Errorf("no rule yields approvals of kind %s", k)
		}
	}
}

// serves says whether the rule only serves correlations: it names no control,
// and every rule of the pack that is an act does.
func serves(r *rules.Rule) bool { return r.Act != nil && r.Act.Control == "" }

var uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestEveryRuleSaysWhatPeopleNeedToKnow(t *testing.T) {
	p := load(t)
	ids := map[string]string{}
	for _, r := range p.Rules {
		if !uuid.MatchString(r.ID) {
			t.Errorf("%s: id %q is no random UUID", r.Name, r.ID)
		}
		if other := ids[r.ID]; other != "" {
			t.Errorf("%s and %s have one id", r.Name, other)
		}
		ids[r.ID] = r.Name
		if r.Description == "" || len(r.References) == 0 {
			t.Errorf("%s: needs a description and a reference", r.Name)
		}
		if r.Act == nil || serves(r) {
			continue
		}
		if event.Level(r.Level).Rank() == 0 || len(r.FalsePositives) == 0 || len(r.Tags) == 0 {
			t.Errorf("%s: an act needs a level, false positives and tags", r.Name)
		}
	}
}

// Each rule is shown to fire and to keep silent; where approvals matter, to
// let an approved act pass and to wait for one that may still come.
func TestEveryRuleIsTestedBothWays(t *testing.T) {
	for _, r := range load(t).Rules {
		var has []string
		for _, c := range r.Tests {
			has = append(has, c.Verdict)
		}
		want := []string{"none"}
		switch {
		case r.Approval != nil:
			want = append(want, "approval")
		case r.Revocation != nil:
			want = append(want, "revocation")
		case r.Act == nil:
			want = append(want, "fact")
		case serves(r):
			want = append(want, "contributes")
		case len(r.Act.ApprovedBy) == 0:
			want = append(want, "bypass")
		default:
			want = append(want, "bypass", "approved", "pending")
		}
		for _, w := range want {
			if !slices.Contains(has, w) {
				t.Errorf("%s: no test ends in %q", r.Name, w)
			}
		}
	}
}

func TestEveryControlIsTestedByARule(t *testing.T) {
	p := load(t)
	tested := map[string]bool{}
	for _, r := range p.Rules {
		if r.Act != nil {
			tested[r.Act.Control] = true
		}
	}
	for _, c := range p.Correlations {
		tested[c.Act.Control] = true
	}
	for _, c := range p.Controls {
		if !tested[c.ID] || c.Title == "" || c.Objective == "" || c.Family == "" {
			t.Errorf("control %s: wants a title, an objective, a family and a rule", c.ID)
		}
	}
}

// found runs one event through the pack and returns the names of the rules
// that match.
func found(t testing.TB, m *rules.Matcher, product, service, kind, raw string) []string {
	t.Helper()
	matches, dead := m.Match(event.Batch{
		Envelope: event.Envelope{Source: "s", Product: product, Service: service, Scope: "prod-eu"},
		Events:   []event.Event{{ID: "1", Kind: kind, Raw: []byte(raw), Original: event.DigestOf([]byte(raw))}},
	})
	if len(dead) > 0 {
		t.Fatalf("%s: %s", raw, dead[0].Reason)
	}
	var names []string
	for _, x := range matches {
		names = append(names, x.Rule.Name)
	}
	return names
}
