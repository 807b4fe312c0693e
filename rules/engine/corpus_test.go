package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// public is the set of public rules that load, each with its reference.
type public struct {
	rules      []*sigma.Rule
	references []*reference
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
	program, faults := engine.Compile(rules, estate)
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

// Real events are not what most public rules are for, and every rule has to say
// so: the negations among them are decided by absence.
func TestPublicRulesAgreeWithTheReferenceOnRealEvents(t *testing.T) {
	p := loadPublic(t)
	all := make([]int, len(p.rules))
	for i := range all {
		all[i] = i
	}
	src := sigma.LogSource{Product: "any"}
	m := p.program(t, src).NewMatcher()
	random := rand.New(rand.NewPCG(1, 2))
	events, compared, hits := 0, 0, 0
	for _, path := range shared(t, "corpus", "*.jsonl") {
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for raw := range bytes.Lines(body) {
			some := []int{random.IntN(len(all)), random.IntN(len(all)), random.IntN(len(all))}
			if events++; events%300 == 0 {
				some = all
			}
			compared += len(some)
			hits += len(p.agree(t, m, src, bytes.TrimSpace(raw), slices.Clone(some)))
		}
	}
	t.Logf("%d events, %d comparisons, %d matches", events, compared, hits)
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
