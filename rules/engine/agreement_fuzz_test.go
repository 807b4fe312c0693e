package engine_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// FuzzCondition: a condition is refused with a place, or means to the engine
// what it means to the reference, whichever of its selections hold.
func FuzzCondition(f *testing.F) {
	for _, seed := range []string{"a and not b or c", "NOT (a Or b) AND c", "1 of them", "all of ?", "not not a", "any of *", "a b", "1 of (a)", "((a)", "a | count() > 1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, condition string) {
		if !printable(condition) {
			return
		}
		// The second condition uses what the first one does not, and is never true.
		src := "title: T\nlogsource: {product: aws}\ndetection:\n  a: {x: 1}\n  b: {y: 1}\n  c: {z: 1}\n  condition:\n    - " +
			quoted(condition) + "\n    - 1 of ? and not 1 of ?\n"
		rules, faults := sigma.ParseRules("f.yml", []byte(src))
		if len(rules) == 0 {
			if faults.Err() == nil || faults[0].Line < 1 {
				t.Fatalf("%q: no rule and no fault with a place: %v", condition, faults)
			}
			return
		}
		p, faults := engine.Compile(rules, nil)
		if faults.Err() != nil {
			t.Fatal(faults)
		}
		r := references(t, src, nil)[0]
		m := p.NewMatcher()
		for _, raw := range []string{`{}`, `{"x":1}`, `{"y":1}`, `{"z":1}`, `{"x":1,"y":1}`, `{"x":1,"z":1}`, `{"y":1,"z":1}`, `{"x":1,"y":1,"z":1}`} {
			event, _ := decode([]byte(raw))
			got, err := m.Match(nil, cloudtrail, "", []byte(raw))
			if want := r.matches(view{event: event}); err != nil || want != (len(got) == 1) {
				t.Errorf("%q on %s: engine %v, %v; reference %v", condition, raw, got, err, want)
			}
		}
	})
}

// printable says whether YAML's single quotes hold a text as it is.
func printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// FuzzText: whatever is written in a rule and in an event, the engine's
// comparison is the reference's.
func FuzzText(f *testing.F) {
	f.Add(`a*b?c\*`, "AxxbÄc*", uint8(0))
	f.Add(`\`, `\`, uint8(2))
	f.Add(`**?*`, "\xff", uint8(1))
	f.Add("200", "200.0", uint8(3))
	f.Add(" -x /y", " /x ―y", uint8(8))
	f.Add("né", "xbsOpeA==", uint8(11))
	f.Add("x%l%", "xab", uint8(14))
	modifiers := []string{
		"", "|contains", "|startswith", "|endswith", "|cased", "|contains|cased", "|startswith|cased", "|endswith|cased",
		"|windash", "|windash|contains", "|base64", "|base64offset|contains|cased", "|wide|base64|contains", "|utf16", "|expand", "|neq",
	}
	f.Fuzz(func(t *testing.T, wanted, text string, which uint8) {
		if !printable(wanted) {
			return
		}
		key := "x" + modifiers[int(which)%len(modifiers)]
		src := "title: T\nlogsource: {product: aws}\ndetection:\n  s:\n    " + key + ": " + quoted(wanted) + "\n  condition: s\n"
		raw := []byte(`{"x":"` + text + `"}`)
		event, err := decode(raw)
		if err != nil {
			return
		}
		rules, faults := sigma.ParseRules("f.yml", []byte(src))
		p, more := engine.Compile(rules, sigma.Lists{"l": {"ab", "c*"}})
		if len(faults)+len(more) > 0 { // a wildcard or nothing that could be encoded, no list, too many dashes
			return
		}
		got, err := p.NewMatcher().Match(nil, cloudtrail, "", raw)
		if unread(err) {
			t.Fatal(err)
		}
		if want := references(t, src, sigma.Lists{"l": {"ab", "c*"}})[0].matchesAny(event, ""); want != (len(got) == 1) {
			t.Errorf("%s\n%q: engine %v, reference %v", src, raw, !want, want)
		}
	})
}

// FuzzDatePart: a part of a date is the same to the engine and to the
// reference, and what is no date to one is none to the other.
func FuzzDatePart(f *testing.F) {
	for i, seed := range []string{"2024-02-29T23:59:60.5+01:00", "2023-02-29", "1700000000.5", "0001-01-01 00:00 UTC", "9999-12-31T23:59Z", "253402300799999"} {
		f.Add(seed, uint8(i))
	}
	parts := []string{"minute", "hour", "day", "week", "month", "year"}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		part := parts[int(which)%len(parts)]
		raw, _ := json.Marshal(map[string]string{"x": text})
		event, _ := decode(raw)
		n, ok := datePart(event.members[0].value.(string), part)
		if !ok {
			n = 12
		} else if n == 0 && part != "minute" && part != "hour" {
			t.Fatalf("%q: %s 0", text, part)
		}
		src := fmt.Sprintf("title: T\nlogsource: {product: aws}\ndetection: {s: {x|%s: %v}, t: {x|%s|gte: 1}, condition: [s, not s and t and not t]}\n", part, n, part)
		if got := match(t, src, raw); ok != (len(got) == 1) {
			t.Errorf("%q: %s is %v, %v to the reference; the engine says %v", text, part, n, ok, got)
		}
	})
}

// FuzzExtraction: what an event holds is found by the engine and by the
// reference alike, wherever it stands and however it is written.
func FuzzExtraction(f *testing.F) {
	for _, seed := range []string{
		`{"a":{"b":["x",1,null,true]},"a":{"b":{}},"c":"\u00e4\ud83d\ude00"}`, `{"a.b":[[],"x"],"\u0061":{"b":"X"}}`,
		"{\"a\":{\"b\":\"\xff\"},\"\":1}", `{"a":[{"b":2},{"b":2.0}],"k":["needle"]}`,
	} {
		f.Add([]byte(seed))
	}
	var src []string
	for _, d := range []string{
		"{a.b: x*}", "{a.b: null}", "{a.b|exists: true}", "{a: {b|contains: ä}}", "{a.b: [2, true, '']}", "{a.b|gt: 1.5}", "{c|re: '^.$'}",
		"[needle]", "{a.b|fieldref: c}", "{a.b|contains|all: [x, y]}", "{c: '?'}", "{a|exists: false}", "{'a.': '*'}",
	} {
		src = append(src, "title: T\nlogsource: {product: aws}\ndetection:\n  s: "+d+"\n  condition: s\n")
	}
	all := strings.Join(src, "---\n")
	reference := references(f, all, nil)
	f.Fuzz(func(t *testing.T, raw []byte) {
		event, err := decode(raw)
		if err != nil || strings.Count(string(raw), "[")+strings.Count(string(raw), "{") > 150 {
			return
		}
		var want []int
		for i, r := range reference {
			if r.matchesAny(event, "") {
				want = append(want, i)
			}
		}
		if got := match(t, all, raw); !slices.Equal(got, want) {
			t.Errorf("%q: engine %v, reference %v", raw, got, want)
		}
	})
}
