package sigma_test

import (
	"strings"
	"testing"

	"sidedoor/rules/sigma"
)

// A mistake that many make is told from others, and its remedy named.
func TestACommonMistakeIsCalledByItsName(t *testing.T) {
	for _, c := range []struct{ name, src, want string }{
		{"a misspelt title", "titel: T\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n", `f.yml:1:1: a rule needs a title, and has no use for "titel"; did you mean "title"?`},
		{"a misspelt log source, besides", "title: T\nlevel: x\nlogsuorce: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n", `f.yml:3:1: a rule needs a logsource, and has no use for "logsuorce"; did you mean "logsource"?`},
		{"no log source, besides", "title: T\nlevel: x\ndetection: {s: {a: 1}, condition: s}\n", "f.yml:1:1: a rule needs a logsource\n"},
		{"a condition in capitals", detected("T", "s: {a: 1}\nCondition: s"), `f.yml:5:3: detection needs a condition; did you mean "condition"?`},
		{"a level without a neighbour", "title: T\nlevel: hihg\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n", `did you mean "high"?`},
		{"an empty selection", detected("T", "s:\ncondition: s"), `f.yml:4:3: the selection "s" is empty`},
		{"a keyword null", detected("T", "s: [x, null]\ncondition: s"), `f.yml:4:10: null is no keyword`},
		{"an aggregation", detected("T", "s: {a: 1}\ncondition: s | count() by b > 5"), `f.yml:5:16: condition: aggregations behind '|' were removed from Sigma; write a document with correlation: that refers to this rule`},
		{"a time frame", detected("T", "s: {a: 1}\ntimeframe: 5m\ncondition: s"), `f.yml:5:3: timeframe belongs to aggregations, which were removed from Sigma; write a document with correlation: that refers to this rule`},
		{"operators of other languages", detected("T", "s: {a: 1}\nt: {b: 1}\ncondition: s && t"), `f.yml:6:16: condition: "&&" is not expected here; write and`},
		{"operators of other languages", detected("T", "s: {a: 1}\nt: {b: 1}\ncondition: s || t"), `f.yml:6:16: condition: "||" is not expected here; write or`},
		{"operators of other languages", detected("T", "s: {a: 1}\nt: {b: 1}\ncondition: s and !t"), `f.yml:6:20: condition: there is no selection "!t"; write not t`},
		{"some number of them", detected("T", "s: {a: 1}\ncondition: 2 of s*"), `f.yml:5:14: condition: only 1 of, any of and all of are known, not 2 of`},
		{"a condition without text", detected("T", "s: {a: 1}\ncondition:"), `f.yml:5:3: the condition is empty`},
		{"a condition that is a mapping", detected("T", "s: {a: 1}\ncondition: {a: s}"), `f.yml:5:3: a condition is a text, or a list of them`},
		{"no modifier", detected("T", "s: {a|: 1}\ncondition: s"), `f.yml:4:8: a modifier is missing behind '|'`},
		{"letters that changed places", detected("T", "s: {a|contian: 1}\ncondition: s"), `there is no modifier "contian"; did you mean "contains"?`},
		{"a modifier of another language", detected("T", "s: {a|equals: 1}\ncondition: s"), `there is no modifier "equals"; there are all, base64, `},
		{"not null", detected("T", "s: {a|neq: null}\ncondition: s"), `null takes no modifier; exclude it by a selection of its own: and not`},
		{"a back-reference", detected("T", `s: {a|re: '(x)\1'}`+"\ncondition: s"), `; it has no back-references`},
		{"a large repetition", detected("T", `s: {a|re: 'x{2000}'}`+"\ncondition: s"), `; it repeats at most 1000 times`},
		{"a possessive repetition", detected("T", "s: {a|re: 'x++'}\ncondition: s"), "; write + for ++"},
		{"tabs", "title: T\nlogsource:\n\tproduct: aws\n", "f.yml:3:1: YAML is indented with spaces, and not with tabs"},
		{"an indentation that fits nowhere", "title: T\ndetection:\n  s:\n    a: 1\n   t:\n    b: 1\n", "f.yml:5:4: value is not allowed in this context; is the line indented as its neighbours are?"},
		{"a key twice", "title: T\ntitle: U\n", `f.yml:2:1: key "title" stands twice, first in line 1`},
		{"another encoding", "title: caf\xe9\n", "f.yml:1:11: the file is not UTF-8; save it in that encoding"},
		{"UTF-16", "\xff\xfet\x00i\x00", "f.yml:1:1: the file is UTF-16; save it as UTF-8"},
	} {
		_, faults := parse(c.src, nil)
		if !strings.Contains(faults.Error()+"\n", c.want) {
			t.Errorf("%s: got\n%v\nwant %s", c.name, faults, c.want)
		}
	}
}

// What is wrong with values is not kept until the rest is mended.
func TestAllFaultsOfARuleAreReportedAtOnce(t *testing.T) {
	_, faults := sigma.ParseRules("f.yml", []byte(detected("T", "s:\n  a|cntains: x\n  b|re: (\n  c|cidr: 10\n  d|gt|lt: x\n  e|hour: 25\n  f|expand: '%l%'\ncondition: t")))
	for _, want := range []string{`f.yml:5:7: there is no modifier`, "f.yml:6:11: ", "f.yml:7:13: ", "f.yml:8:10: these modifiers", "f.yml:9:13: ", `f.yml:11:14: condition: there is no selection "t"`} {
		if !strings.Contains(faults.Error(), want) {
			t.Errorf("%s is missing from\n%v", want, faults)
		}
	}
	if len(faults) != 6 {
		t.Errorf("%d faults, want 6:\n%v", len(faults), faults)
	}
}

// Levels are compared without case, as other tools do.
func TestALevelInCapitalsIsKnown(t *testing.T) {
	rules, faults := sigma.ParseRules("f.yml", []byte("title: T\nlevel: High\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n"))
	if len(faults) > 0 || rules[0].Level != "high" {
		t.Errorf("%v", faults)
	}
}

// Public rules leave empty what informs people alone, and list their authors.
func TestWhatInformsPeopleMayBeEmptyOrAList(t *testing.T) {
	rules, faults := sigma.ParseRules("f.yml", []byte("title: T\nauthor: [a, b]\ndescription:\nstatus:\ndate:\nmodified:\nreferences:\ntags:\nfalsepositives:\nfields:\nscope: [server]\ntaxonomy: sigma\nlicense: MIT\nrelated:\n  - {id: x, type: derived}\nlogsource: {product: aws}\ndetection: {s: {a: 1}, condition: s}\n"))
	if len(faults) > 0 || rules[0].Author != "a, b" {
		t.Errorf("%v", faults)
	}
}
