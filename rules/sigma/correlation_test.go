package sigma_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/rules/sigma"
)

// counted is a correlation that has no faults.
const counted = `title: T
id: 0e95725d-7320-415d-80f7-004da920fc11
level: high
correlation:
  type: event_count
  rules: [a, b]
  group-by: [user]
  timespan: 1h
  condition: {gte: 10}
`

func correlation(t *testing.T, text string) (*sigma.Correlation, sigma.Faults) {
	t.Helper()
	docs, faults := sigma.ParseDocuments("c.yml", []byte(text))
	if len(docs) != 1 || len(faults) > 0 || !docs[0].Has("correlation") {
		t.Fatalf("%d documents, %v", len(docs), faults)
	}
	return sigma.ParseCorrelation(docs[0])
}

func TestACorrelationIsReadAsItStands(t *testing.T) {
	c, faults := correlation(t, `title: T
id: i
name: n
status: test
author: A
level: low
tags: [attack.t1110]
correlation:
  type: value_percentile
  rules:
    - a
    - b
  group-by:
    - user
    - host
  timespan: 90m
  aliases:
    host:
      a: source.host
      b: destination.host
  condition:
    field: bytes
    percentile: 95
    gt: 1.5e3
    lte: 9000
generate: true
falsepositives: none
act: {control: C}
`)
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	if c.Title != "T" || c.ID != "i" || c.Name != "n" || c.Level != "low" || c.Tags[0] != "attack.t1110" || c.FalsePositives[0] != "none" {
		t.Errorf("the head is %+v", c)
	}
	if c.Type != "value_percentile" || c.Timespan != 90*time.Minute || c.Percentile != 95 || !c.Generate {
		t.Errorf("read: %+v", c)
	}
	if !slices.Equal(c.Condition, []sigma.Bound{{Is: "gt", Than: 1500}, {Is: "lte", Than: 9000}}) || !slices.Equal(c.Fields, []string{"bytes"}) {
		t.Errorf("the condition is %v of %v", c.Condition, c.Fields)
	}
	if len(c.Rules) != 2 || c.Rules[1].Name != "b" || !slices.Equal(c.GroupBy, []string{"user", "host"}) {
		t.Errorf("rules %v by %v", c.Rules, c.GroupBy)
	}
	if a := c.Aliases[0]; a.Name != "host" || a.Fields[1].Rule.Name != "b" || a.Fields[1].Field != "destination.host" {
		t.Errorf("alias %+v", a)
	}
	if _, ok := c.Extra["act"]; !ok || len(c.Extra) != 1 {
		t.Errorf("what Sigma does not know is %v", c.Extra)
	}
}

func TestATemporalCorrelationNeedsNoCondition(t *testing.T) {
	for _, typ := range []string{"temporal", "temporal_ordered"} {
		for _, condition := range []string{"", "condition: a and b\n", "condition: {gte: 2}\n", "condition: {eq: 2}\n", "condition: {gt: 1, lte: 2}\n"} {
			c, faults := correlation(t, "title: T\ncorrelation:\n  type: "+typ+"\n  rules: [a, b]\n  timespan: 5m\n  "+condition)
			if faults.Err() != nil || !slices.Equal(c.Condition, []sigma.Bound{{Is: "gte", Than: 2}}) {
				t.Errorf("%s %q: %v, %v", typ, condition, c.Condition, faults)
			}
		}
	}
}

func TestAFaultOfACorrelationHasItsPlaceAndRemedy(t *testing.T) {
	temporal := strings.NewReplacer("event_count", "temporal", "  condition: {gte: 10}\n", "").Replace(counted)
	valued := strings.NewReplacer("event_count", "value_count", "gte: 10", "gte: 10, field: f").Replace(counted)
	for _, c := range []struct{ name, text, old, new, want string }{
		{"an unknown key", counted, "timespan", "timespam", `c.yml:8:3: correlation has no key "timespam"; did you mean "timespan"?`},
		{"an unknown type", counted, "event_count", "event_cout", `c.yml:5:9: type "event_cout" is none of event_count, value_count, temporal, temporal_ordered, value_sum, value_avg, value_percentile; did you mean "event_count"?`},
		{"no type", counted, "  type: event_count\n", "", "c.yml:4:1: a correlation needs type"},
		{"no rules", counted, "  rules: [a, b]\n", "", "c.yml:4:1: a correlation needs rules"},
		{"an empty list of rules", counted, "[a, b]", "[]", "c.yml:6:3: rules has to list names or ids of rules"},
		{"a rule that is a mapping", counted, "[a, b]", "[a, {b: c}]", "c.yml:6:14: rules has to list names or ids of rules"},
		{"a rule twice", counted, "[a, b]", "[a, a]", `c.yml:6:14: rule "a" stands twice`},
		{"no timespan", counted, "  timespan: 1h\n", "", "c.yml:4:1: a correlation needs timespan"},
		{"a timespan without a unit", counted, "1h", "90", `c.yml:8:13: timespan: "90" is not a number and a unit; write "30s", "10m", "1h" or "2d"`},
		{"a timespan of two units", counted, "1h", "1h30m", `timespan: "1h30m" is not a number and a unit`},
		{"a timespan in capitals", counted, "1h", "1H", `timespan: "1H" is not a number and a unit`},
		{"no time at all", counted, "1h", "0s", `timespan: "0s" is not a number and a unit`},
		{"a timespan of years", counted, "1h", "400d", "c.yml:8:13: timespan: 400d is more than a year"},
		{"a timespan beyond numbers", counted, "1h", "99999999999999999999d", "is more than a year"},
		{"a field twice", counted, "[user]", "[user, user]", `c.yml:7:20: field "user" stands twice`},
		{"a group that is a mapping", counted, "[user]", "{a: b}", "group-by has to list fields"},
		{"no condition", counted, "  condition: {gte: 10}\n", "", "c.yml:4:1: event_count needs a condition, such as {gte: 10}"},
		{"a condition that is a number", counted, "{gte: 10}", "10", "c.yml:9:14: a condition in words belongs to version 2.2"},
		{"a condition in words", temporal, "  timespan: 1h\n", "  timespan: 1h\n  condition: a or b\n", "c.yml:9:14: a condition in words belongs to version 2.2 of the specification, which this version does not run; write {gte: 10}, or for all rules of a temporal correlation leave it out"},
		{"a condition in words for some rules", temporal, "  timespan: 1h\n", "  timespan: 1h\n  condition: a\n", "belongs to version 2.2"},
		{"a condition that is a list", counted, "{gte: 10}", "[1]", "c.yml:9:3: condition has to be a mapping, such as {gte: 10}"},
		{"an empty condition", counted, "{gte: 10}", "{}", "c.yml:9:3: condition compares nothing; add one of gt, gte, lt, lte, eq"},
		{"an unknown comparison", counted, "gte: 10", "gte: 10, ltr: 20", `c.yml:9:24: condition has no key "ltr"; did you mean "lt"?; it takes gt, gte, lt, lte, eq, field, percentile`},
		{"a comparison twice", counted, "gte: 10", "gte: 10, gte: 20", `c.yml:9:24: `},
		{"a text for a number", counted, "gte: 10", "gte: ten", `c.yml:9:20: gte: "ten" is not a number`},
		{"half an event", counted, "gte: 10", "gte: 1.5", `gte: event_count counts, so "1.5" has to be a whole number`},
		{"too many events", counted, "gte: 10", "gte: 5001", "c.yml:9:20: gte: 5001 is more than the 5000 that are counted; take a shorter timespan, or chain correlations"},
		{"never", counted, "gte: 10", "gt: 10, lt: 11", "c.yml:9:3: condition never holds: its parts contradict each other"},
		{"fewer than one", counted, "gte: 10", "lt: 1", "condition never holds: a window begins with an event, so there are never fewer than 1"},
		{"always", counted, "gte: 10", "gte: 0", "condition always holds; write gte: 1"},
		{"more than all rules", temporal, "  timespan: 1h\n", "  timespan: 1h\n  condition: {gte: 3}\n", "condition never holds: there are only 2 rules"},
		{"some rules in order", strings.Replace(temporal, "temporal", "temporal_ordered", 1), "  timespan: 1h\n", "  timespan: 1h\n  condition: {gte: 1}\n", "temporal_ordered needs all of its rules, so a condition other than gte: 2 is not supported; leave it out, or use temporal"},
		{"a number between none", strings.Replace(valued, "value_count", "value_sum", 1), "gte: 10", "gt: 10, lt: 10", "condition never holds: its parts contradict each other"},
		{"no field", valued, ", field: f", "", "c.yml:9:3: value_count needs a field in its condition"},
		{"a field where none is looked at", counted, "gte: 10", "gte: 10, field: f", "event_count looks at no field; value_count does"},
		{"two fields to sum", strings.Replace(valued, "value_count", "value_sum", 1), "field: f", "field: [f, g]", "value_sum takes one field, not 2"},
		{"a percentile of a sum", strings.Replace(valued, "value_count", "value_sum", 1), "field: f", "field: f, percentile: 95", "percentile belongs to value_percentile, not to value_sum"},
		{"a percentile of 101", strings.Replace(valued, "value_count", "value_percentile", 1), "field: f", "field: f, percentile: 101", `percentile: "101" is not a number above 0 and up to 100`},
		{"an alias that is a text", counted, "  timespan", "  aliases: {a: b}\n  timespan", `c.yml:8:13: alias "a" has to name the field of each rule, as in {rule_a: source.ip, rule_b: destination.ip}`},
		{"aliases that are a list", counted, "  timespan", "  aliases: [a]\n  timespan", "c.yml:8:3: aliases has to be a mapping"},
		{"an alias without a field", counted, "  timespan", "  aliases: {x: {a: }}\n  timespan", `alias "x": a needs the name of a field`},
		{"generate that is a text", counted, "level: high", "generate: sometimes", "c.yml:3:11: generate is true or false"},
		{"a detection beside it", counted, "level: high", "detection: {s: {a: b}, condition: s}", "c.yml:3:1: a correlation has no detection; its rules have, each in a document of its own"},
		{"a key twice", counted, "level: high", "title: U", `c.yml:3:1: `},
		{"no title", counted, "title: T\n", "", "c.yml:1:1: a correlation needs a title"},
		{"an unknown level", counted, "level: high", "level: hihg", `c.yml:3:8: level "hihg" is none of`},
		{"no mapping", "title: T\ncorrelation: x\n", "", "", "c.yml:2:1: correlation has to be a mapping"},
		{"fifty-one rules", counted, "[a, b]", "[" + many(51) + "]", "a correlation refers to 51 rules; 50 are allowed"},
	} {
		text := strings.Replace(c.text, c.old, c.new, 1)
		docs, faults := sigma.ParseDocuments("c.yml", []byte(text))
		for _, d := range docs {
			_, wrong := sigma.ParseCorrelation(d)
			faults = append(faults, wrong...)
		}
		if !slices.ContainsFunc(faults, func(f sigma.Fault) bool {
			return strings.HasPrefix(f.Error(), "c.yml:") && strings.Contains(f.Error(), c.want)
		}) {
			t.Errorf("%s: want %q, got:\n%v", c.name, c.want, faults)
		}
	}
}

func many(n int) string {
	var names []string
	for i := range n {
		names = append(names, strings.Repeat("r", i+1))
	}
	return strings.Join(names, ", ")
}

func FuzzParseCorrelation(f *testing.F) {
	f.Add([]byte(counted))
	f.Add([]byte(strings.Replace(counted, "{gte: 10}", "{field: [a, b], percentile: .nan, gt: 1e999}", 1)))
	f.Add([]byte("title: T\ncorrelation: {type: temporal_ordered, rules: a, timespan: 1s, aliases: {x: {a: b}}, condition: a}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		docs, _ := sigma.ParseDocuments("c.yml", src)
		for _, d := range docs {
			c, faults := sigma.ParseCorrelation(d)
			if len(faults) == 0 && d.Has("correlation") && (len(c.Condition) == 0 || c.Timespan <= 0 || len(c.Rules) == 0) {
				t.Errorf("no fault in %q, which says too little: %+v", src, c)
			}
		}
	})
}
