package sigma_test

import (
	"strings"
	"testing"
)

const ruleToFilter = "title: T\nid: 11111111-1111-4111-8111-111111111111\nname: direct-change\nlogsource: {product: aws, service: cloudtrail}\ndetection: {s: {a: 1}, condition: s}\n---\n"

func TestAFilterThatCannotMeanWhatItSaysIsRefused(t *testing.T) {
	for _, c := range []struct{ name, filter, want string }{
		{"a rule that is not there", "filter: {rules: [direct-chnage], u: {b: 1}, condition: u}", `9:18: there is no rule "direct-chnage"; did you mean "direct-change"?`},
		{"a second rule that is not there", "filter: {rules: [direct-change, x], u: {b: 1}, condition: u}", `9:33: there is no rule "x"`},
		{"no rules", "filter: {u: {b: 1}, condition: u}", "9:1: a filter needs rules: names or ids of rules, or any"},
		{"an empty list of rules", "filter: {rules: [], u: {b: 1}, condition: u}", "the list of rules is empty; write any"},
		{"a rule that is a mapping", "filter: {rules: [{a: b}], u: {b: 1}, condition: u}", "rules has to list names or ids of rules"},
		{"no condition", "filter: {rules: any, u: {b: 1}}", "filter needs a condition"},
		{"two conditions", "filter: {rules: any, u: {b: 1}, v: {c: 1}, condition: [u, v]}", "a filter has one condition; join them by or"},
		{"everything suppressed", "filter: {rules: any, u: {}, condition: u}", "an empty mapping would match every event"},
		{"nothing suppressed", "filter: {rules: any, u: {b: 1}, condition: u and not u}", "the condition does not depend on its selections"},
		{"a selection that is not there", "filter: {rules: any, u: {b: 1}, condition: u and w}", `there is no selection "w"`},
		{"a selection that nothing uses", "filter: {rules: any, u: {b: 1}, v: {c: 1}, condition: u}", `no condition uses the selection "v"`},
		{"a rule in the same document", "detection: {s: {a: 1}, condition: s}\nfilter: {rules: any, u: {b: 1}, condition: u}", "9:1: a filter has no detection"},
		{"a filter that is a text", "filter: x", "filter has to be a mapping"},
	} {
		_, faults := parse(ruleToFilter+"title: F\nlogsource: {product: aws}\n"+c.filter+"\n", nil)
		if len(faults) == 0 || !strings.Contains(faults.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.name, faults, c.want)
		}
	}
	for _, c := range []struct{ source, want string }{
		{"logsource: {product: aws, service: guardduty}\nfilter: {rules: [direct-change], u: {b: 1}, condition: u}",
			`8:18: the filter is for aws/guardduty, and the rule "direct-change" for aws/cloudtrail; they have no event in common`},
		{"logsource: {product: azure}\nfilter: {rules: any, u: {b: 1}, condition: u}", "7:1: no rule has the log source azure"},
		{"filter: {rules: any, u: {b: 1}, condition: u}", "a filter needs a logsource"},
	} {
		_, faults := parse(ruleToFilter+c.source+"\ntitle: F\n", nil)
		if len(faults) == 0 || !strings.Contains(faults.Error(), c.want) {
			t.Errorf("got %v, want %s", faults, c.want)
		}
	}
}

func TestAFiltersDocumentBelongsToItsRule(t *testing.T) {
	filter := "title: F\nlogsource: {product: aws}\nfilter: {rules: any, u: {b: 1}, condition: not u}"
	rules, faults := parse(filter+"\n---\n"+ruleToFilter+"title: Other\nlogsource: {product: azure}\ndetection: {s: {a: 1}, condition: s}\n", nil)
	if faults.Err() != nil || len(rules) != 2 {
		t.Fatal(faults)
	}
	if want := "---\n" + strings.TrimSuffix(ruleToFilter, "---\n") + "---\n" + filter + "\n"; string(rules[0].Document) != want {
		t.Errorf("got\n%s\nwant\n%s", rules[0].Document, want)
	}
	if len(rules[1].Filters) != 0 || strings.Contains(string(rules[1].Document), "filter") {
		t.Error("a filter reaches a rule of another log source")
	}
}
