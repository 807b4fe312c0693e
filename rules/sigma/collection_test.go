package sigma_test

import (
	"strings"
	"testing"

	"sidedoor/rules/sigma"
)

const collection = `action: global
title: Common
level: high
logsource: {product: aws}
detection:
  s: {a: 1, b|contians: x}
  condition: s
---
title: First
detection:
  s: {b|contians: null}
  t: {c: 2}
  condition: s or t
--- # the second
title: Second
level: low
---
action: repeat
title: Third
tags: [x]
`

func TestDocumentsOfACollectionAreMerged(t *testing.T) {
	src := strings.ReplaceAll(collection, "b|contians", "b")
	rules, faults := parse(src, nil)
	if faults.Err() != nil || len(rules) != 3 {
		t.Fatalf("%d rules, %v", len(rules), faults)
	}
	for i, want := range []struct{ title, level string }{{"First", "high"}, {"Second", "low"}, {"Third", "low"}} {
		if r := rules[i]; r.Title != want.title || r.Level != want.level || r.LogSource.Product != "aws" {
			t.Errorf("rule %d is %+v, want %v", i, r, want)
		}
	}
	cut := func(from, to string) string { return src[strings.Index(src, from):strings.Index(src, to)] }
	global, first, second := cut("action: global", "---\ntitle: First"), cut("---\ntitle: First", "--- # the"), cut("--- # the", "---\naction: repeat")
	_, third, _ := strings.Cut(src, second)
	for i, want := range []string{global + first, global + second, global + second + third} {
		if string(rules[i].Document) != want {
			t.Errorf("the document of rule %d is\n%s\nwant\n%s", i, rules[i].Document, want)
		}
	}
}

// The evidence of a rule can be read again, and is that rule.
func TestTheDocumentOfACollectedRuleIsThatRule(t *testing.T) {
	rules, _ := parse(strings.ReplaceAll(collection, "b|contians", "b"), nil)
	for _, r := range rules {
		again, faults := parse(string(r.Document), nil)
		if faults.Err() != nil || len(again) == 0 || again[len(again)-1].Title != r.Title {
			t.Errorf("%s: %v", r.Title, faults)
		}
	}
}

func TestAFaultInACollectionIsReportedOnceWhereItStands(t *testing.T) {
	_, faults := parse(collection, nil)
	var got []string
	for _, f := range faults {
		got = append(got, strings.Join(strings.Split(f.Error(), "\n")[:2], " "))
	}
	want := []string{
		`f.yml:11:9: there is no modifier "contians"; did you mean "contains"? 11 |   s: {b|contians: null}`,
		`f.yml:6:15: there is no modifier "contians"; did you mean "contains"? 6 |   s: {a: 1, b|contians: x}`,
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestACollectionThatCannotMeanWhatItSaysIsRefused(t *testing.T) {
	rule := "title: T\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n"
	for _, c := range []struct{ name, src, want string }{
		{"an action that is none", rule + "---\naction: globl\n", `f.yml:5:9: action "globl" is none of global, reset, repeat; did you mean "global"?`},
		{"a repetition of nothing", "action: repeat\ntitle: T\n", "1:9: there is no rule before this document that it could repeat"},
		{"a reset that holds a rule", "action: reset\n" + rule, "1:1: a document that resets holds nothing else"},
		{"a global part of nothing", rule + "---\naction: global\ntags: [x]\n", "no rule follows that this global document applies to"},
		{"a global part that is forgotten at once", "action: global\ntags: [x]\n---\naction: reset\n---\n" + rule, "no rule follows"},
		{"a rule that is not complete", "action: global\ntitle: G\n---\nlevel: low\n", "a rule needs a detection"},
	} {
		if _, faults := parse(c.src, nil); len(faults) == 0 || !strings.Contains(faults.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, faults, c.want)
		}
	}
}

func TestResetForgetsWhatIsGlobal(t *testing.T) {
	rule := "title: T\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n"
	rules, faults := parse("action: global\ntags: [x]\n---\naction: global\nlevel: low\n---\n"+rule+"---\naction: reset\n---\n"+rule, nil)
	if faults.Err() != nil || len(rules) != 2 || len(rules[0].Tags) != 1 || rules[0].Level != "low" || rules[1].Tags != nil || rules[1].Level != "" {
		t.Errorf("%d rules, %v", len(rules), faults)
	}
}

// What is global is read again for each rule: a file must not come to more
// than the machine holds.
func TestACollectionIsBounded(t *testing.T) {
	src := "action: global\ntitle: T\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\ndescription: '" +
		strings.Repeat("x", 500_000) + "'\n" + strings.Repeat("---\nid: x\n", 40_000)
	rules, faults := sigma.ParseRules("f.yml", []byte(src))
	if len(rules) > 40 || !strings.Contains(faults[0].Message, "come to more than") {
		t.Errorf("%d rules, %v", len(rules), faults[0].Message)
	}
}
