package sigma_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sidedoor/rules/sigma"
)

func TestAFaultNamesPlaceAndRemedyAndSparesTheOtherRules(t *testing.T) {
	good := "title: G\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n"
	for _, c := range []struct{ name, src, want string }{
		{"an unknown modifier", good + "---\ntitle: B\nlogsource: {product: aws}\ndetection:\n  s:\n    a|contians: x\n  condition: s\n", `f.yml:9:7: there is no modifier "contians"; did you mean "contains"?`},
		{"a dangling selection", good + "---\ntitle: B\nlogsource: {product: aws}\ndetection:\n  selection: {a: 1}\n  condition: selektion\n", `there is no selection "selektion"; did you mean "selection"?`},
		{"a bad condition", good + "---\ntitle: B\nlogsource: {product: aws}\ndetection:\n  s: {a: 1}\n  condition: (s\n", "a closing parenthesis is missing"},
		{"bad YAML", good + "---\ntitle: [B\n", "f.yml:"},
		{"a later feature", good + "---\ntitle: B\ncorrelation: {type: event_count}\n", "a correlation is not a rule"},
		{"no detection", good + "---\ntitle: B\nlogsource: {product: aws}\n", "a rule needs a detection"},
		{"a bad level", good + "---\ntitle: B\nlevel: hi\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n", `level "hi" is none of`},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, faults := sigma.ParseRules("f.yml", []byte(c.src))
			if len(rules) != 1 || rules[0].Title != "G" {
				t.Errorf("got %d rules, want the good one", len(rules))
			}
			if faults.Err() == nil || !strings.Contains(faults.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", faults, c.want)
			}
		})
	}
}

func TestAFaultShowsTheLineWithACaret(t *testing.T) {
	_, faults := sigma.ParseRules("rules/x.yml", []byte("title: T\nlogsource: {product: aws}\ndetection:\n  s:\n    abc|cintains: x\n  condition: s\n"))
	want := "rules/x.yml:5:9: there is no modifier \"cintains\"; did you mean \"contains\"?\n" +
		"5 |     abc|cintains: x\n" +
		"            ^^^^^^^^"
	if faults.Error() != want {
		t.Errorf("got\n%s\nwant\n%s", faults.Error(), want)
	}
}

func indent(s string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(s), "\n", "\n  ") + "\n"
}

// detected returns a rule's source with the given detection.
func detected(title, detection string) string {
	return "title: " + title + "\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n" + indent(detection)
}

// A rule that can only be a mistake says so: each of these would match every
// event, or never, or something else than it says.
func TestARuleThatCannotMeanWhatItSaysIsRefused(t *testing.T) {
	for _, c := range []struct{ name, detection, want string }{
		{"an empty mapping", "s: {}\ncondition: s", "4:3: an empty mapping would match every event"},
		{"an empty list", "s: []\ncondition: s", "4:3: an empty list would match no event"},
		{"a field without values", "s: {a|contains|all: []}\ncondition: s", "4:7: an empty list would match no event"},
		{"no condition in the list", "s: {a: 1}\ncondition: []", "the list of conditions is empty"},
		{"a forgotten filter", "s: {a: 1}\nfilter: {b: 1}\ncondition: s", `5:3: no condition uses the selection "filter"`},
		{"a keyword compared with a field", "s: {'|fieldref': b}\ncondition: s", "need a field"},
		{"the existence of a keyword", "s: {'|exists': true}\ncondition: s", "need a field"},
		{"keywords below a field", "s: {a: {'|all': [x, y]}}\ncondition: s", "a key without a field holds keywords"},
		{"a modifier on a list of mappings", "s: {a|contains: [{b: x}]}\ncondition: s", "a modifier cannot stand on a nested selection"},
		{"two comparisons", "s: {a|gt|lt: 5}\ncondition: s", "these modifiers exclude each other: gt, lt"},
		{"a list in a list", "s: {a: [[x]]}\ncondition: s", "a value has to be a text"},
		{"a key that stands twice", "s: {a: 1, a: 2}\ncondition: s", "stands twice, first in line 4"},
		{"a selection that stands twice", "s: {a: 1}\ns: {a: 2}\ncondition: s", "stands twice, first in line 4"},
		{"an alias", "s: &x {a: 1}\nt: *x\ncondition: s or t", "5:6: YAML aliases and merge keys are not supported"},
		{"a merge key", "s: &x {a: 1}\nt: {<<: *x}\ncondition: s or t", "YAML aliases and merge keys are not supported"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rules, faults := sigma.ParseRules("f.yml", []byte(detected("T", c.detection)))
			if len(rules) != 0 || !strings.Contains(faults.Error(), c.want) {
				t.Errorf("got %d rules and %q, want %q", len(rules), faults.Error(), c.want)
			}
		})
	}
}

// However a document begins, no rule is lost without a word.
func TestEveryDocumentOfAFileIsReadOrReported(t *testing.T) {
	first, second := detected("T", "s: {a: 1}\ncondition: s"), detected("U", "s: {a: 2}\ncondition: s")
	for name, src := range map[string]string{
		"a marker alone":               first + "---\n" + second,
		"a marker with a comment":      first + "--- # the second\n" + second,
		"a marker with trailing space": first + "---  \n" + second,
		"a marker with a mapping":      first + "--- {title: U, logsource: {product: aws}, detection: {s: {a: 2}, condition: s}}\n",
		"Windows line ends":            strings.ReplaceAll(first+"---\n"+second, "\n", "\r\n"),
		"a byte order mark":            "\xef\xbb\xbf" + first + "---\n" + second,
	} {
		rules, faults := sigma.ParseRules("f.yml", []byte(src))
		if faults.Err() != nil || len(rules) != 2 || rules[0].Title != "T" || rules[1].Title != "U" {
			t.Errorf("%s: %d rules, %v", name, len(rules), faults)
		}
	}
	_, faults := sigma.ParseRules("f.yml", []byte(first+"...\n"+second))
	if !strings.Contains(faults.Error(), "write --- before it") {
		t.Errorf("a document behind an end marker: %v", faults)
	}
}

// The YAML parser needs time by the square of the nesting: a file that nests
// without end is refused before it comes there.
func TestAFileThatNestsWithoutEndIsRefused(t *testing.T) {
	for _, unit := range []string{"[", "{a: ", "- ", "? ", "a: "} {
		_, faults := sigma.ParseRules("f.yml", []byte(strings.Repeat(unit, 200_000)))
		if !strings.Contains(faults.Error(), "nests deeper than 100 levels") {
			t.Errorf("%q: %.200s", unit, faults.Error())
		}
	}
	list := strings.Repeat("- {a: [1, 2, {b: c}], d: [x]}\n", 500)
	if _, faults := sigma.ParseDocuments("f.yml", []byte("a:\n"+list)); faults.Err() != nil {
		t.Errorf("a long list is refused: %v", faults[0].Message)
	}
}

// It needs time by the square of a mapping's keys, too.
func TestAMappingWithoutEndIsRefused(t *testing.T) {
	var keys, list strings.Builder
	for i := range 70_000 {
		fmt.Fprintf(&keys, "k%d: v\n", i)
		fmt.Fprintf(&list, "- a: b\n  c: d\n")
	}
	started := time.Now()
	_, faults := sigma.ParseDocuments("f.yml", []byte(keys.String()))
	if !strings.Contains(faults.Error(), "f.yml:20001:1: the mapping has more than 20000 keys; divide it") || time.Since(started) > 10*time.Second {
		t.Errorf("%.200s", faults.Error())
	}
	if _, faults := sigma.ParseDocuments("f.yml", []byte("a:\n"+list.String())); len(faults) > 0 {
		t.Errorf("a list of small mappings is refused: %.200s", faults.Error())
	}
}
