package engine_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules"
	"sidedoor/rules/engine"
	"sidedoor/rules/pack"
	"sidedoor/rules/sigma"
)

// public is the set of public rules that load, each with its reference.
type public struct {
	rules      []*sigma.Rule
	references []*reference
	lists      sigma.Lists // beside those that public rules ask for
}

// all are the indexes of the rules.
func (p public) all() []int {
	list := make([]int, len(p.rules))
	for i := range list {
		list[i] = i
	}
	return list
}

// estate holds the lists that public rules ask for.
var estate = sigma.Lists{"Admins_Workstations": {"admin-*"}, "Workstations": {"ws-?"}, "Servers": {"srv"}}

func loadPublic(t testing.TB) public {
	t.Helper()
	var p public
	refused := map[string]int{}
	for _, path := range shared(t, "sigma", "*.yml") {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		docs, faults := sigma.ParseDocuments(path, src)
		for _, d := range docs {
			rule, wrong := sigma.ParseRule(d)
			if len(wrong) == 0 {
				_, wrong = engine.Compile([]*sigma.Rule{rule}, estate)
			}
			if faults = append(faults, wrong...); len(wrong) == 0 {
				p.rules = append(p.rules, rule)
				p.references = append(p.references, newReference(d, estate))
			}
		}
		if len(faults) > 0 {
			refused[reason(faults[0])]++
		}
	}
	t.Logf("%d public rules load", len(p.rules))
	for why, n := range refused {
		t.Errorf("%d refused: %s", n, why)
	}
	return p
}

// reason is a fault without what is particular to its rule.
func reason(f sigma.Fault) string {
	if strings.Contains(f.Message, "no regular expression") {
		_, why, _ := strings.Cut(f.Message, "error parsing regexp: ")
		why, _, _ = strings.Cut(why, ": `")
		return "a regular expression that RE2 does not run: " + why
	}
	return f.Message
}

// shared lists the files below a folder of material that is not the project's.
func shared(t testing.TB, folder, pattern string) []string {
	t.Helper()
	root := filepath.Join("..", "..", "..", "shared", folder)
	if _, err := os.Stat(root); err != nil {
		t.Skipf("SKIPPED: %s is not here: %v", folder, err)
	}
	var paths []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if ok, _ := filepath.Match(pattern, d.Name()); ok && err == nil {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// program compiles the public rules as if all of them were for one log source.
func (p public) program(t testing.TB, src sigma.LogSource) *engine.Program {
	t.Helper()
	var rules []*sigma.Rule
	for _, r := range p.rules {
		moved := *r
		moved.LogSource = src
		rules = append(rules, &moved)
	}
	lists := maps.Clone(estate)
	maps.Copy(lists, p.lists)
	program, faults := engine.Compile(rules, lists)
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	return program
}

// agree compares engine and reference on one event, for some of the rules, and
// returns those that matched.
func (p public) agree(t *testing.T, m *engine.Matcher, src sigma.LogSource, raw []byte, some []int) []int {
	t.Helper()
	got, err := m.Match(nil, src, "", raw)
	if err != nil {
		t.Fatalf("%.300s: %v", raw, err)
	}
	event, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range append(some, got...) {
		if want := p.references[i].matches(view{event: event}); want != slices.Contains(got, i) {
			t.Errorf("%s\n%.2000s\nengine %v, reference %v", p.rules[i].File, raw, !want, want)
		}
	}
	return got
}

// everyRule has every public rule meet every real event, which takes the
// reference ten minutes. Without it those for other products meet some.
var everyRule = flag.Bool("every-rule", false, "compare every public rule with the reference on every real event")

// Real events are not what most public rules are for, and every rule has to say
// so: the negations among them are decided by absence.
func TestPublicRulesAgreeWithTheReferenceOnRealEvents(t *testing.T) {
	p := loadPublic(t)
	builtIn, _ := loadPack(t)
	p.rules, p.references = append(p.rules, builtIn.rules...), append(p.references, builtIn.references...)
	p.lists = builtIn.lists
	src := sigma.LogSource{Product: "any"}
	m := p.program(t, src).NewMatcher()
	var likely []int
	for i, r := range p.rules {
		if slices.Contains([]string{"aws", "kubernetes", "github", "approvals"}, r.LogSource.Product) {
			likely = append(likely, i)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	events, compared, hits := 0, 0, 0
	for _, path := range shared(t, "corpus", "*.jsonl") {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for raw := range bytes.Lines(body) {
			some := append(slices.Clone(likely), random.IntN(len(p.rules)), random.IntN(len(p.rules)))
			if events++; *everyRule || events%400 == 0 {
				some = p.all()
			}
			compared += len(some)
			hits += len(p.agree(t, m, src, bytes.TrimSpace(raw), some))
		}
	}
	t.Logf("%d events, %d rules, %d comparisons, %d matches", events, len(p.rules), compared, hits)
	if hits == 0 {
		t.Error("nothing matched: the comparison decides little")
	}
}

// loadPack loads the built-in pack, with the events of its rules' own tests.
func loadPack(t *testing.T) (p public, events [][]byte) {
	t.Helper()
	policy, faults := rules.Load(pack.FS())
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	for _, r := range policy.Rules {
		docs, faults := sigma.ParseDocuments(r.File, r.Document)
		if faults.Err() != nil {
			t.Fatal(faults)
		}
		p.rules = append(p.rules, r.Rule)
		p.references = append(p.references, newReference(docs[0], policy.Estate.Lists))
		for _, test := range r.Tests {
			events = append(events, test.Raw)
		}
	}
	p.lists = policy.Estate.Lists
	return p, events
}

func TestThePackAgreesWithTheReferenceOnTheEventsOfItsTests(t *testing.T) {
	p, events := loadPack(t)
	src := sigma.LogSource{Product: "any"}
	m := p.program(t, src).NewMatcher()
	hits := 0
	for _, raw := range events {
		hits += len(p.agree(t, m, src, raw, p.all()))
	}
	t.Logf("%d events, %d rules, %d matches", len(events), len(p.rules), hits)
	if hits == 0 {
		t.Error("nothing matched: the comparison decides little")
	}
}

// TestPublicRulesAgreeWithTheReferenceOnEventsLikeTheirOwn makes events out of
// what each rule asks for, so that rules do match.
func TestPublicRulesAgreeWithTheReferenceOnEventsLikeTheirOwn(t *testing.T) {
	p := loadPublic(t)
	src := sigma.LogSource{Product: "any"}
	m := p.program(t, src).NewMatcher()
	random := rand.New(rand.NewPCG(3, 4))
	hits, matched := 0, map[int]bool{}
	for i, r := range p.references {
		for range 2 {
			got := p.agree(t, m, src, r.example(random), []int{i, random.IntN(len(p.rules))})
			if hits += len(got); slices.Contains(got, i) {
				matched[i] = true
			}
		}
	}
	t.Logf("%d matches; %d of %d rules match an event made for them", hits, len(matched), len(p.rules))
	if len(matched) < len(p.rules)/2 {
		t.Errorf("only %d of %d rules ever match", len(matched), len(p.rules))
	}
}

// example makes an event of some of a rule's own fields and values.
func (r *reference) example(random *rand.Rand) []byte {
	fields := map[string]any{}
	for _, name := range r.names {
		excludes := strings.Contains(name, "filter") || strings.Contains(name, "exclu")
		if !excludes || random.IntN(6) == 0 {
			fill(fields, r.selections[name], random)
		}
	}
	raw, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	return raw
}

// fill sets the fields that a selection asks for.
func fill(fields map[string]any, n ast.Node, random *rand.Rand) {
	pairs, ok := sigma.Pairs(n)
	if !ok {
		items := listed(n)
		one := items[random.IntN(len(items))]
		if _, isMap := sigma.Pairs(one); isMap {
			fill(fields, one, random)
		} else if text, ok := sigma.Text(one); ok {
			fields["message"] = fmt.Sprint(fields["message"], " ", plain(text))
		}
		return
	}
	for _, p := range pairs {
		name, modifiers, _ := strings.Cut(p.Key, "|")
		values := listed(p.Value)
		if _, nested := sigma.Pairs(values[0]); nested {
			continue
		}
		if !strings.Contains(modifiers, "all") {
			values = values[random.IntN(len(values)):][:1]
		}
		text := ""
		if old, ok := fields[name].(string); ok && modifiers != "" {
			text = old
		}
		for _, v := range values {
			s, _ := sigma.Text(v)
			if strings.Contains(modifiers, "startswith") {
				text = plain(s) + text
			} else {
				text += plain(s)
			}
		}
		fields[name] = text
	}
}

// plain turns a Sigma string into a text that matches it.
func plain(s string) string {
	return strings.NewReplacer(`\\`, `\`, `\*`, `*`, `\?`, `?`, "*", "-", "?", "q").Replace(s)
}
