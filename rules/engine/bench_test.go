package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// sourced is an event with its log source.
type sourced struct {
	src  sigma.LogSource
	kind string
	raw  []byte
}

// families are the kinds of events of the corpus, by the ends of its files'
// names.
var families = []struct {
	name, suffix string
	src          sigma.LogSource
}{
	{"cloudtrail", "a-cloudtrail.jsonl", sigma.LogSource{Product: "aws", Service: "cloudtrail"}},
	{"kubernetes", "a-k8saudit.jsonl", sigma.LogSource{Product: "kubernetes", Category: "application", Service: "audit"}},
	{"github", "a-github-audit.jsonl", sigma.LogSource{Product: "github", Service: "audit"}},
	{"github", "a-github-webhook.jsonl", sigma.LogSource{Product: "github", Service: "audit"}},
}

// maxBenchEvent leaves out the largest webhooks, so that the mean size is that
// of what a monitor mostly sees.
const maxBenchEvent = 4000

// sizeClass is the power of two in bytes that bounds n, from 512 to 32 kB.
func sizeClass(n int) string {
	class := 512
	for class < n && class < 32<<10 {
		class *= 2
	}
	return strconv.Itoa(class) + " B"
}

// realEvents reads the published events: by family, mixed, and by size.
func realEvents(b *testing.B) map[string][]sourced {
	b.Helper()
	events := map[string][]sourced{}
	for _, path := range shared(b, "corpus", "*.jsonl") {
		for _, f := range families {
			if filepath.Base(path) != f.suffix {
				continue
			}
			body, err := os.ReadFile(path)
			if err != nil {
				b.Fatal(err)
			}
			for line := range bytes.Lines(body) {
				e := sourced{f.src, "", bytes.TrimSpace(line)}
				bySize := "up to " + sizeClass(len(e.raw))
				events[bySize] = append(events[bySize], e)
				if len(e.raw) <= maxBenchEvent {
					events[f.name] = append(events[f.name], e)
					events["mixed"] = append(events["mixed"], e)
				}
			}
		}
	}
	return events
}

// realRules are the public rules for the families.
func realRules(b *testing.B) ([]sigma.LogSource, []sigma.Expr, []*reference) {
	b.Helper()
	var sources []sigma.LogSource
	var exprs []sigma.Expr
	var references []*reference
	for _, path := range shared(b, "sigma", "*.yml") {
		if !strings.Contains(path, "/cloud/aws/") && !strings.Contains(path, "/application/github/") && !strings.Contains(path, "/application/kubernetes/") {
			continue
		}
		src, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		docs, _ := sigma.ParseDocuments(path, src)
		for _, d := range docs {
			rule, faults := sigma.ParseRule(d)
			if faults.Err() != nil {
				b.Fatal(faults)
			}
			e, faults := rule.Detection(nil)
			if faults.Err() != nil {
				b.Fatal(faults)
			}
			sources, exprs, references = append(sources, rule.LogSource), append(exprs, e), append(references, newReference(d, nil))
		}
	}
	return sources, exprs, references
}

// multiply makes n rules of the given ones: all of them again and again, with
// other required values. Values that many rules ask for, such as an event's
// source, stay as they are, as they would with rules that people write.
func multiply(sources []sigma.LogSource, rules []sigma.Expr, n int) ([]sigma.LogSource, []sigma.Expr) {
	users := map[string]int{}
	for _, r := range rules {
		for v := range values(r, map[string]bool{}) {
			users[v]++
		}
	}
	var outSources []sigma.LogSource
	var out []sigma.Expr
	for i := range n {
		k := i % len(rules)
		outSources = append(outSources, sources[k])
		if i < len(rules) {
			out = append(out, rules[k])
		} else {
			out = append(out, varied(rules[k], fmt.Sprintf("%03d", i/len(rules)), users))
		}
	}
	return outSources, out
}

func values(e sigma.Expr, into map[string]bool) map[string]bool {
	switch e := e.(type) {
	case sigma.And:
		for _, p := range e {
			values(p, into)
		}
	case sigma.Or:
		for _, p := range e {
			values(p, into)
		}
	case *sigma.Predicate:
		into[string(e.Pattern)] = true
	}
	return into
}

// maxUsers is up to how many rules a value may have to be varied.
const maxUsers = 2

func varied(e sigma.Expr, by string, users map[string]int) sigma.Expr {
	switch e := e.(type) {
	case sigma.And:
		out := sigma.And{}
		for _, p := range e {
			out = append(out, varied(p, by, users))
		}
		return out
	case sigma.Or:
		out := sigma.Or{}
		for _, p := range e {
			out = append(out, varied(p, by, users))
		}
		return out
	case *sigma.Predicate:
		p := *e
		switch p.Op {
		case sigma.Matches:
			if users[string(p.Pattern)] <= maxUsers {
				p.Pattern = vary(p.Pattern, by)
			}
		case sigma.Search:
			p.Regexp = regexp.MustCompile("(?:" + p.Regexp.String() + ")" + by)
		}
		return &p
	}
	return e
}

// vary adds to a pattern's last text.
func vary(p sigma.Pattern, by string) sigma.Pattern {
	end := len(p)
	for end > 0 && p[end-1] < 0 {
		end--
	}
	return append(append(append(sigma.Pattern{}, p[:end]...), []rune(by)...), p[end:]...)
}

// BenchmarkMatch gives for each family of real events and number of rules the
// events matched in a second, from raw bytes, and how that compares with
// encoding/json.Valid over the same bytes, pass by pass in turns: a ratio of 1
// is as fast as that.
func BenchmarkMatch(b *testing.B) {
	events := realEvents(b)
	sources, rules, _ := realRules(b)
	for _, n := range []int{0, 60, 88, 570, 600, 5700, 6000} {
		p := engine.Link(multiply(sources, rules, n))
		for _, family := range []string{"mixed", "cloudtrail", "kubernetes", "github"} {
			if n != 600 && n != 88 && family != "mixed" {
				continue
			}
			b.Run(fmt.Sprintf("rules=%d/events=%s", n, family), func(b *testing.B) {
				m := p.NewMatcher()
				benchAgainstValid(b, events[family], func(e sourced) { match1(b, m, e) })
				b.ReportMetric(bound(n), "x-Valid-bound")
			})
		}
	}
}

// bound is the ratio that the engine is held to with n rules.
func bound(n int) float64 {
	switch {
	case n <= 88:
		return 0.8
	case n <= 600:
		return 0.6
	}
	return 0.3
}

// BenchmarkMatchBySize does the same for events of one size, with 600 rules.
func BenchmarkMatchBySize(b *testing.B) {
	events := realEvents(b)
	sources, rules, _ := realRules(b)
	p := engine.Link(multiply(sources, rules, 600))
	for class := 512; class <= 32<<10; class *= 2 {
		name := "up to " + strconv.Itoa(class) + " B"
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			m := p.NewMatcher()
			benchAgainstValid(b, events[name], func(e sourced) { match1(b, m, e) })
		})
	}
}

// BenchmarkReference is the reference evaluator on the same events: decoding
// each into a tree, and walking each rule's YAML. It takes the same for rules
// with other values, so the public ones are repeated.
func BenchmarkReference(b *testing.B) {
	events := realEvents(b)["mixed"]
	sources, _, references := realRules(b)
	for _, n := range []int{60, 600, 6000} {
		b.Run(fmt.Sprintf("rules=%d/events=mixed", n), func(b *testing.B) {
			some := events[:min(len(events), max(1, 30_000/n))]
			benchAgainstValid(b, some, func(e sourced) {
				event, err := decode(e.raw)
				if err != nil {
					b.Fatal(err)
				}
				for i := range n {
					if k := i % len(references); fits(sources[k], e.src) {
						references[k].matches(view{event: event})
					}
				}
			})
		})
	}
}

// fits says whether a rule for one log source is for events of another.
func fits(rule, event sigma.LogSource) bool {
	return (rule.Product == "" || rule.Product == event.Product) && (rule.Category == "" || rule.Category == event.Category) &&
		(rule.Service == "" || rule.Service == event.Service)
}

var matched []int

// match1 matches one event.
func match1(b *testing.B, m *engine.Matcher, e sourced) {
	var err error
	if matched, err = m.Match(matched[:0], e.src, e.kind, e.raw); unread(err) {
		b.Fatal(err)
	}
}

// benchAgainstValid times f over all events, and the floor in turns with it.
func benchAgainstValid(b *testing.B, events []sourced, f func(sourced)) {
	size := 0
	for _, e := range events {
		f(e) // what is made once is not measured
		size += len(e.raw)
	}
	b.SetBytes(int64(size / len(events)))
	b.ReportAllocs()
	var floor, ours time.Duration
	passes := 0
	b.ResetTimer()
	for done := 0; done < b.N; done += len(events) {
		some := events[:min(len(events), b.N-done)]
		begin := time.Now()
		for _, e := range some {
			f(e)
		}
		ours += time.Since(begin)
		b.StopTimer()
		begin = time.Now()
		for _, e := range some {
			if !json.Valid(e.raw) {
				b.Fatal("not valid")
			}
		}
		floor += time.Since(begin)
		passes++
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N)/ours.Seconds(), "events/s")
	b.ReportMetric(floor.Seconds()/ours.Seconds(), "x-Valid")
}

// BenchmarkLoad reads and compiles rules as a monitor does when it starts, down
// to the indexes: the public rules, as often as it takes.
func BenchmarkLoad(b *testing.B) {
	var files [][]byte
	for _, path := range shared(b, "sigma", "*.yml") {
		src, err := os.ReadFile(path)
		if err != nil {
			b.Fatal(err)
		}
		files = append(files, src)
	}
	for _, n := range []int{400, 4000, 6000} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				empty := heap()
				b.StartTimer()
				var rules []*sigma.Rule
				for i := range n {
					parsed, _ := sigma.ParseRules("r.yml", files[i%len(files)])
					rules = append(rules, parsed...)
				}
				b.StopTimer()
				before := heap()
				b.StartTimer()
				p, _ := engine.Compile(rules, estate)
				m := p.NewMatcher()
				for _, src := range sourcesOf(rules) {
					if _, err := m.Match(nil, src, "", []byte(`{}`)); err != nil {
						b.Fatal(err)
					}
				}
				b.StopTimer()
				b.ReportMetric(float64(heap()-before)/1e6, "MB-compiled")
				b.ReportMetric(float64(heap()-empty)/1e6, "MB-in-all")
				runtime.KeepAlive(m)
				runtime.KeepAlive(rules)
				b.StartTimer()
			}
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func sourcesOf(rules []*sigma.Rule) []sigma.LogSource {
	seen := map[sigma.LogSource]bool{}
	var list []sigma.LogSource
	for _, r := range rules {
		if !seen[r.LogSource] {
			seen[r.LogSource] = true
			list = append(list, r.LogSource)
		}
	}
	return list
}

// BenchmarkMatchAllPublicRules puts every public rule, most of them for Windows
// with many texts to find inside of values, upon one log source, and gives it
// events that are made of what the rules ask for.
func BenchmarkMatchAllPublicRules(b *testing.B) {
	p := loadPublic(b)
	src := sigma.LogSource{Product: "any"}
	m := p.program(b, src).NewMatcher()
	random := rand.New(rand.NewPCG(7, 8))
	var events []sourced
	for _, r := range p.references {
		events = append(events, sourced{src, "", r.example(random)})
	}
	benchAgainstValid(b, events, func(e sourced) { match1(b, m, e) })
}
