package engine_test

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

var lists = sigma.Lists{
	"texts": {"x*", "Ä?", `\*`, "1"}, "none": {}, "plain": {"x", "Xy"}, "days": {"3", "10"}, "networks": {"10.0.0.0/8", "fd00::/8"},
}

// comparisons is how many pairs of a rule and an event engine and reference are
// compared on at least, in every run of the tests.
const comparisons = 100_000

// TestTheEngineAgreesWithTheReference: on whatever rules and events, whatever
// the order in which one matcher sees them.
func TestTheEngineAgreesWithTheReference(t *testing.T) {
	const mostRules, someEvents = 6, 12
	checks(t, comparisons/(mostRules/2*someEvents))
	hits, events, compared := 0, 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var src []string
		for range rapid.IntRange(1, mostRules).Draw(t, "rules") {
			src = append(src, drawRule(t))
		}
		all := strings.Join(src, "---\n")
		rules, faults := sigma.ParseRules("r.yml", []byte(all))
		p, more := engine.Compile(rules, lists)
		if err := append(faults, more...).Err(); err != nil {
			t.Fatalf("%s\n%v", all, err)
		}
		docs, _ := sigma.ParseDocuments("r.yml", []byte(all))
		m := p.NewMatcher()
		var references []*reference
		for _, d := range docs {
			references = append(references, newReference(d, lists))
		}
		for range someEvents {
			raw := drawEvent(t)
			kind := rapid.SampledFrom([]string{"", "x", "X1"}).Draw(t, "kind")
			event, err := decode(raw)
			if err != nil {
				t.Fatalf("%s: %v", raw, err)
			}
			var want []int
			for i, r := range references {
				if r.matchesAny(event, kind) {
					want = append(want, i)
				}
			}
			got, err := m.Match(nil, sigma.LogSource{Product: "aws"}, kind, raw)
			if unread(err) || !slices.Equal(got, want) {
				t.Fatalf("%s\n%s, kind %q\nengine %v, %v\nreference %v", all, raw, kind, got, err, want)
			}
			hits, events, compared = hits+len(want), events+1, compared+len(references)
		}
	})
	t.Logf("%d cases: %d matches in %d events", compared, hits, events)
	if hits == 0 || hits > 3*events {
		t.Errorf("%d matches in %d events decide nothing", hits, events)
	}
}

// checks has rapid make at least n checks; its flag asks for more.
func checks(t *testing.T, n int) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	if asked, err := strconv.Atoi(f.Value.String()); err == nil && asked >= n {
		return
	}
	before := f.Value.String()
	if err := f.Value.Set(strconv.Itoa(n)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(before) })
}

// TestGetAgreesWithTheReference: a template writes what the rules have read.
func TestGetAgreesWithTheReference(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := drawEvent(t)
		path := drawKey.Filter(func(k string) bool { return k != sigma.KindField }).Draw(t, "path") // which no body holds
		event, err := decode(raw)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		var texts []string
		for _, v := range valuesAt(event, path) {
			if text, ok := textOf(v); ok { // not null, and no array without members
				texts = append(texts, string([]rune(text))) // an object may hold what is no UTF-8
				n++
			}
		}
		got, ok := engine.Get(raw, path)
		scalars := slices.DeleteFunc(slices.Clone(got), func(s string) bool { return !slices.Contains(texts, s) })
		if len(got) != n || ok != (n > 0) || !slices.Equal(scalars, texts) {
			t.Fatalf("%s at %q: got %q, want %q among %d", raw, path, got, texts, n)
		}
	})
}

// TestARuleAmongOthersMatchesAsItDoesAlone: rules share the extraction, and
// must not disturb each other.
func TestARuleAmongOthersMatchesAsItDoesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := []string{drawRule(t), drawRule(t), drawRule(t)}
		raw := drawEvent(t)
		together := match(t, strings.Join(src, "---\n"), raw)
		var alone []int
		for i, s := range src {
			if len(match(t, s, raw)) > 0 {
				alone = append(alone, i)
			}
		}
		if !slices.Equal(together, alone) {
			t.Fatalf("%s\n%s: together %v, alone %v", strings.Join(src, "---\n"), raw, together, alone)
		}
	})
}

func match(t interface{ Fatalf(string, ...any) }, src string, raw []byte) []int {
	rules, faults := sigma.ParseRules("r.yml", []byte(src))
	p, more := engine.Compile(rules, lists)
	if err := append(faults, more...).Err(); err != nil {
		t.Fatalf("%s\n%v", src, err)
	}
	got, err := p.NewMatcher().Match(nil, sigma.LogSource{Product: "aws", Service: "cloudtrail"}, "", raw)
	if unread(err) {
		t.Fatalf("%s: %v", raw, err)
	}
	return got
}

// unread says whether an event could not be read at all.
func unread(err error) bool {
	if err == nil {
		return false
	}
	var twice *engine.DuplicateKeyError
	return !errors.As(err, &twice)
}

// TestAnEventIsReadTheSameHoweverItIsSpelt: white space and escapes change
// nothing.
func TestAnEventIsReadTheSameHoweverItIsSpelt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawRule(t)
		key, text := drawKey.Draw(t, "key"), strings.ToValidUTF8(drawText.Draw(t, "text"), "")
		plain, escaped := "", ""
		for _, r := range text {
			switch {
			case r == '\\':
				plain += `\\`
			case r < ' ':
				plain += fmt.Sprintf(`\u%04x`, r)
			default:
				plain += string(r)
			}
			if r < 0x10000 {
				escaped += fmt.Sprintf(`\u%04x`, r)
			} else {
				escaped += string(r)
			}
		}
		a := match(t, src, fmt.Appendf(nil, `{"%s":"%s"}`, key, plain))
		b := match(t, src, fmt.Appendf(nil, " {\n\"%s\"\t: [ [\"%s\"\r] ] } ", key, escaped))
		if !slices.Equal(a, b) {
			t.Fatalf("%s\n%q at %q: %v, escaped %v", src, text, key, a, b)
		}
	})
}
