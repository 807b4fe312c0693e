package rules_test

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"sidedoor/rules"
)

// names lists the rules that are in force.
func names(p *rules.Policy) []string {
	var out []string
	for _, r := range p.Rules {
		out = append(out, r.Name)
	}
	return out
}

func TestARejectedRuleIsNamedWithItsPlaceAndEveryFault(t *testing.T) {
	p, faults := rules.LoadLayers(rules.Layer{Path: "mine", FS: folder{
		"controls.yaml": controls, "g.yml": grants, "good.yml": head + act,
		"broken.yml":   "title: [",
		"two.yml":      "# first\n" + strings.Replace(strings.Replace(head, "name: r", "name: bad", 1), "condition: s", "condition: nowhere\n  timeframe: 5m", 1),
		"unlisted.yml": strings.NewReplacer("name: r", "name: unlisted", "1111-1111", "1111-2222", "verb: delete", "verb|expand: '%verbs%'").Replace(head),
	}.fs()})
	if got := names(p); !slices.Equal(got, []string{"g", "r"}) {
		t.Errorf("in force are %v", got)
	}
	var got []string
	for _, r := range p.Rejected {
		got = append(got, fmt.Sprintf("%s:%d %s %d", r.File, r.Line, r.Name, len(r.Faults)))
	}
	if want := []string{"mine/broken.yml:1  1", "mine/two.yml:1 bad 2", "mine/unlisted.yml:1 unlisted 1"}; !slices.Equal(got, want) {
		t.Errorf("rejected are %q, want %q", got, want)
	}
	if len(faults) != 4 || !strings.Contains(faults.Error(), `the estate has no list "verbs"; lists are defined in an estate.yaml`) {
		t.Errorf("the faults are\n%v", faults)
	}
	if p.RuleAt("mine/two.yml", 9) != "bad" || p.RuleAt("mine/good.yml", 3) != "r" || p.RuleAt("good.yml", 3) != "" {
		t.Error("a line of a file is not known to be its rule's")
	}
}

func TestWhatIsAnnouncedIsWhatIsInForce(t *testing.T) {
	unlisted := strings.Replace(head, "verb: delete", "verb|expand: '%verbs%'", 1)
	p, _ := rules.Load(folder{"g.yml": grants, "r.yml": unlisted}.fs())
	without, _ := rules.Load(folder{"g.yml": grants}.fs())
	a := p.Announce(time.Time{}, "v", nil)
	if p.Digest != without.Digest || len(a.Rules) != 1 || a.Rules[0].Name != "g" {
		t.Errorf("announced are %+v", a.Rules)
	}
	if len(a.Rejected) != 1 || a.Rejected[0].Name != "r" || a.Rejected[0].Line != 7 || a.Rejected[0].File != "r.yml" || !strings.Contains(a.Rejected[0].Message, `no list "verbs"`) {
		t.Errorf("announced as rejected are %+v", a.Rejected)
	}
}

func TestAnAnnouncementIsBoundedHoweverManyRulesAreRejected(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "title: %s%d\n---\n", strings.Repeat("x", 900), i)
	}
	p, _ := rules.Load(folder{"many.yml": text.String()}.fs())
	a := p.Announce(time.Time{}, "v", nil)
	if len(p.Rejected) != 1000 || len(a.Rejected) != 200 || len(a.Rejected[0].Name) > 310 {
		t.Errorf("%d rejected, %d announced, a name of %d", len(p.Rejected), len(a.Rejected), len(a.Rejected[0].Name))
	}
}

func TestAFileThatCannotBeReadIsAFaultAndStopsNoOther(t *testing.T) {
	dir := fstest.MapFS{"a.yml": {Data: []byte(head)}, "b.yml": {Mode: fs.ModeIrregular}, "c.yml": {Data: []byte(grants)}}
	p, faults := rules.LoadLayers(rules.Layer{FS: unreadable{dir}, Path: "p"})
	if len(p.Rules) != 2 || len(p.Rejected) != 1 || len(faults) != 1 || faults[0].File != "p/b.yml" || !slices.Equal(p.Unread, faults) {
		t.Errorf("%d rules, rejected %+v, faults\n%v", len(p.Rules), p.Rejected, faults)
	}
}

// unreadable is a folder whose b.yml cannot be read.
type unreadable struct{ fstest.MapFS }

func (u unreadable) ReadFile(name string) ([]byte, error) {
	if name == "b.yml" {
		return nil, fs.ErrPermission
	}
	return u.MapFS.ReadFile(name)
}

func TestALayerMayBeOneFile(t *testing.T) {
	files := folder{"r.yml": head, "other.yml": grants, "rule.sigma": strings.NewReplacer("name: r", "name: s", "1111-1111", "1111-3333").Replace(head)}.fs()
	p, faults := rules.LoadLayers(rules.Layer{FS: files, File: "r.yml", Path: "dir"}, rules.Layer{FS: files, File: "rule.sigma", Path: "dir"})
	if faults.Err() != nil || !slices.Equal(names(p), []string{"r", "s"}) || p.Rules[0].File != "dir/r.yml" {
		t.Errorf("rules %v, faults %v", names(p), faults)
	}
}

// What is fed by a rejected rule would be silent without a word, along chains.
func TestACorrelationOfARejectedRuleIsRejected(t *testing.T) {
	const of = "title: %[1]s\nid: %[1]s\nname: %[1]s\nlevel: low\ncorrelation: {type: event_count, rules: [%[2]s], timespan: 1m, condition: {gte: 2}}\n"
	p, faults := rules.Load(folder{
		"r.yml":      strings.Replace(head, "verb: delete", "verb|expand: '%verbs%'", 1),
		"sound.yml":  strings.NewReplacer("name: r", "name: sound", "1111-1111", "1111-2222").Replace(head),
		"a.yml":      fmt.Sprintf(of, "a", "r"),
		"b.yml":      fmt.Sprintf(of, "b", "a"),
		"c.yml":      fmt.Sprintf(of, "c", "sound"),
		"lost.yml":   fmt.Sprintf(of, "lost", "nowhere"),
		"filter.yml": "title: F\nlogsource: {product: kubernetes}\nfilter: {rules: [sound], s: {verb|expand: '%verbs%'}, condition: s}\n",
	}.fs())
	var got []string
	for _, r := range p.Rejected {
		got = append(got, r.Name)
	}
	if want := []string{"a", "b", "F", "lost", "r"}; !slices.Equal(got, want) || len(faults) != 5 {
		t.Errorf("rejected are %v, want %v\n%v", got, want, faults)
	}
	if len(p.Correlations) != 1 || !slices.Equal(names(p), []string{"sound"}) || len(p.Filters) != 0 || len(p.Rules[0].Filters) != 0 {
		t.Errorf("in force are %v, %d correlations, %d filters", names(p), len(p.Correlations), len(p.Filters))
	}
	if m, faults := p.Compile(rules.Defaults{}); m == nil || faults.Err() != nil {
		t.Errorf("what is left does not compile: %v", faults)
	}
}

// A rule that is laid over another and does not compile must not switch the
// other off: nobody would be told that its control is silent.
func TestARejectedRuleLeavesTheOneThatItReplacesInForce(t *testing.T) {
	under := folder{"r.yml": head, "a.yml": over("a", "r", ""), "b.yml": over("b", "r", "")}
	unlisted := strings.Replace(head, "verb: delete", "verb|expand: '%verbs%'", 1)
	for _, c := range []struct {
		name, rejected string
		over           folder
	}{
		{"refers to a list that is not there", "r", folder{"mine.yml": unlisted}},
		{"is a correlation of a rule that is not there", "r", folder{"mine.yml": strings.Replace(over("r", "nowhere", ""), "id-r", "11111111-1111-4111-8111-111111111111", 1)}},
		{"is a correlation in the place of another", "a", folder{"mine.yml": over("a", "nowhere", "")}},
		{"is a correlation of one that is rejected", "a b", folder{"mine.yml": over("a", "b", "") + "---\n" + over("b", "nowhere", "")}},
		{"and the correlation over it is sound", "r", folder{"mine.yml": unlisted, "a.yml": over("a", "r", "")}},
	} {
		p, faults := rules.LoadLayers(rules.Layer{FS: under.fs()}, rules.Layer{FS: c.over.fs(), Path: "mine"})
		var rejected []string
		for _, r := range p.Rejected {
			rejected = append(rejected, r.Name)
		}
		if strings.Join(rejected, " ") != c.rejected || len(faults) != len(rejected) {
			t.Errorf("%s: rejected are %v, want %s\n%v", c.name, rejected, c.rejected, faults)
		}
		if !slices.Equal(names(p), []string{"r"}) || len(p.Correlations) != 2 {
			t.Errorf("%s: in force are %v and %d correlations", c.name, names(p), len(p.Correlations))
		}
	}
}

// One rule that is off must not silence what watches over all of them.
func TestACorrelationOfAnyRuleOutlivesARuleWithAFault(t *testing.T) {
	many := `title: Many bypasses
name: many
correlation: {type: event_count, rules: [any], group-by: [identity], timespan: 1d, condition: {gte: 5}}
verdict: bypass
control: CHG-03
`
	unlisted := strings.NewReplacer("name: r", "name: unlisted", "1111-1111", "1111-2222", "verb: delete", "verb|expand: '%verbs%'").Replace(head)
	p, faults := rules.Load(folder{
		"controls.yaml": controls, "g.yml": grants, "good.yml": head + act, "many.yml": many, "unlisted.yml": unlisted + act,
	}.fs())
	if got := names(p); !slices.Equal(got, []string{"g", "r"}) || len(faults) != 1 {
		t.Errorf("in force are %v, and the faults are\n%v", got, faults)
	}
	if len(p.Correlations) != 1 || p.Correlations[0].Name != "many" {
		t.Errorf("correlations in force are %v", p.Correlations)
	}
	if _, faults := p.Compile(rules.Defaults{}); len(faults) > 0 {
		t.Error(faults)
	}
}
