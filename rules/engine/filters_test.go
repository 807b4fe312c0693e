package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

const filteredRule = "title: T\nid: i\nname: n\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n"

func withFilter(rules, selections, condition string) string {
	return filteredRule + "---\ntitle: F\nlogsource: {product: aws}\nfilter:\n  rules: " + rules + "\n" + indent(selections) + "  condition: " + condition + "\n"
}

// However a filter's condition is written, it never hides an event that has
// nothing of what the filter is about.
func TestAFilterSuppressesWhatItsSelectionsFind(t *testing.T) {
	for _, c := range []struct {
		rules, selections, condition string
		yes, no                      []string
	}{
		{"[n]", "user: {u: bot}", "user", []string{`{"a":1}`, `{"a":1,"u":"eve"}`}, []string{`{"a":1,"u":"bot"}`, `{"u":"eve"}`}},
		{"[i]", "user: {u: bot}", "not user", []string{`{"a":1}`, `{"a":1,"u":"eve"}`}, []string{`{"a":1,"u":"bot"}`}},
		{"n", "u: {u: bot}\nh: {h: night}", "u and not h", []string{`{"a":1,"u":"bot","h":"night"}`, `{"a":1}`}, []string{`{"a":1,"u":"bot"}`}},
		{"n", "u: {u: bot}\nh: {h: night}", "not u or h", []string{`{"a":1,"u":"bot","h":"night"}`, `{"a":1}`}, []string{`{"a":1,"u":"bot"}`}},
		{"any", "u: {u: bot}\nh: {h: night}", "1 of them", []string{`{"a":1}`}, []string{`{"a":1,"u":"bot"}`, `{"a":1,"h":"night"}`}},
		{"ALL", "u: {u: bot}\nh: {h: night}", "not 1 of u* and not h", []string{`{"a":1}`}, []string{`{"a":1,"u":"bot"}`, `{"a":1,"h":"night"}`}},
	} {
		src := withFilter(c.rules, c.selections, c.condition)
		for _, raw := range append(slices.Clone(c.yes), c.no...) {
			got := match(t, src, []byte(raw))
			event, _ := decode([]byte(raw))
			if len(got) == 1 != slices.Contains(c.yes, raw) {
				t.Errorf("%s, %s: matches is %v", c.condition, raw, len(got) == 1)
			}
			if want := references(t, src, lists)[0].matches(view{event: event}); want != (len(got) == 1) {
				t.Errorf("%s, %s: the reference says %v", c.condition, raw, want)
			}
		}
	}
}

// TestFiltersAndCollectionsAgreeWithTheReference: a rule cut into documents,
// with filters behind it.
func TestFiltersAndCollectionsAgreeWithTheReference(t *testing.T) {
	hits, events := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		src := drawCollection(t)
		rules, faults := sigma.ParseRules("r.yml", []byte(src))
		p, more := engine.Compile(rules, lists)
		if err := append(faults, more...).Err(); err != nil {
			if strings.Contains(err.Error(), "does not depend on its selections") {
				t.Skip("drawn was no filter: another case is drawn") // by rapid, in its place
			}
			t.Fatalf("%s\n%v", src, err)
		}
		docs, _ := sigma.ParseDocuments("r.yml", []byte(src))
		want := referencesOf(docs, lists)
		for range 3 {
			raw := drawEvent(t)
			event, err := decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			got, err := p.NewMatcher().Match(nil, cloudtrail, "", raw)
			if twice := new(engine.DuplicateKeyError); errors.As(err, &twice) {
				continue // it is matched in every reading, and the reference knows one
			}
			for i, r := range want {
				if r.matches(view{event: event}) != slices.Contains(got, i) {
					t.Fatalf("%s\n%s\nrule %d: engine %v, %v", src, raw, i, got, err)
				}
			}
			hits, events = hits+len(got), events+1
		}
	})
	t.Logf("%d matches in %d events", hits, events)
}

// drawCollection writes a global part, rules that complete it and repeat each
// other, and filters for some of them.
func drawCollection(t *rapid.T) string {
	docs := []string{
		"action: global\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n  s1: " + drawMapping(t, 0) +
			"\n  s2: " + drawMapping(t, 0) + "\n  condition: [" + quoted(drawCondition(t, 0)) + ", not 1 of s* and all of s*]\n",
		"title: A\nname: a\ndetection:\n  s3: " + drawSelection(t, 0) + "\n",
		"title: B\nname: b\ndetection:\n  s2: " + drawMapping(t, 0) + "\n  s3: " + drawSelection(t, 0) + "\n",
	}
	if rapid.Bool().Draw(t, "repeat") {
		docs = append(docs, "action: repeat\nname: c\ndetection:\n  s1: "+drawSelection(t, 0)+"\n")
	}
	if rapid.Bool().Draw(t, "reset") {
		docs = append(docs, "action: reset\n", drawRule(t))
	}
	for i := range rapid.IntRange(0, 2).Draw(t, "filters") {
		// The second part of the condition uses every selection.
		docs = append(docs, fmt.Sprintf("title: F%d\nlogsource: {product: aws}\nfilter:\n  rules: %s\n  s1: %s\n  s2: %s\n  s3: %s\n  condition: %s\n", i,
			rapid.SampledFrom([]string{"any", "a", "[a, b]"}).Draw(t, "rules"), drawSelection(t, 0), drawSelection(t, 0), drawSelection(t, 0),
			quoted("("+drawCondition(t, 0)+") or not 1 of s* and all of s*")))
	}
	return strings.Join(docs, "---\n")
}
