package sigma_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"sidedoor/rules/sigma"
)

// parse returns everything that is wrong with a file, and its rules.
func parse(src string, lists sigma.Lists) ([]*sigma.Rule, sigma.Faults) {
	rules, faults := sigma.ParseRules("f.yml", []byte(src))
	for _, r := range rules {
		_, wrong := r.Detection(lists)
		faults = append(faults, wrong...)
	}
	return rules, faults
}

// The modifiers of the specification, appendix "Sigma Modifiers" 2.1, each with
// a value that it takes.
func TestEveryModifierOfTheSpecificationIsKnown(t *testing.T) {
	for modifier, value := range map[string]string{
		"all": "[x, y]", "startswith": "x", "endswith": "x", "contains": "x", "exists": "true", "cased": "x", "neq": "x", "windash": "-x",
		"re": "x", "re|i": "x", "re|m": "x", "re|s": "x",
		"base64": "x", "base64offset": "xy", "utf16le": "x", "utf16be": "x", "utf16": "x", "wide": "x",
		"lt": "1", "lte": "1", "gt": "1", "gte": "1",
		"minute": "1", "hour": "1", "day": "1", "week": "1", "month": "1", "year": "1",
		"cidr": "10.0.0.0/8", "expand": "'%l%'", "fieldref": "b",
	} {
		if _, faults := parse(detected("T", "s: {a|"+modifier+": "+value+"}\ncondition: s"), sigma.Lists{"l": {"x"}}); faults.Err() != nil {
			t.Errorf("%s: %v", modifier, faults)
		}
	}
}

func TestModifiersThatCannotStandSoAreRefused(t *testing.T) {
	for _, c := range []struct{ field, want string }{
		{"a|containz: x", `4:9: there is no modifier "containz"; did you mean "contains"?`},
		{"a|all|contians: x", `4:13: there is no modifier "contians"; did you mean "contains"?`},
		{"'a|contians': x", `4:10: there is no modifier "contians"; did you mean "contains"?`},
		{"a|: x", "a modifier is missing behind"},
		{"a|i: x", `4:9: modifier "i" is a flag of re and stands behind it: |re|i`},
		{"a|contains|contains: x", `4:18: modifier "contains" stands twice`},
		{"a|gt|lt: 5", "4:12: these modifiers exclude each other: gt, lt"},
		{"a|re|cased: x", "re compares letters as they are, but for its flag i"},
		{"a|contains|re: x", "4:18: re takes its value as it is written; write re|contains"},
		{"a|contains|base64offset: x", "4:18: base64offset cannot encode the wildcards of contains; write base64offset|contains"},
		{"a|base64|windash: x", "windash reads what base64 has already encoded; write windash|base64"},
		{"a|wide|expand: x", "expand reads what wide has already encoded; write expand|wide"},
		{"a|gte|hour: 5", "gte compares the hour; write hour|gte"},
		{"a|neq|exists: true", "these modifiers exclude each other: neq, exists; write exists: false"},
		{"a|neq|all: [x, y]", "neq already means different from every value"},
		{"a|neq|gt: 5", "these modifiers exclude each other: neq, gt; the opposite of gt is lte"},
		{"a|lte|neq: 5", "the opposite of lte is gt"},
		{"a|startswith|endswith: x", "write contains, or two keys"},
		{"a|cidr|contains: 10.0.0.0/8", "these modifiers exclude each other: cidr, contains"},
		{"a|re|base64: x", "these modifiers exclude each other: re, base64"},
		{"a|re|windash: x", "write the dashes into the expression: [-/–—―]"},
		{"'|neq': x", "need a field"},
		{"'|hour': 5", "need a field"},
	} {
		_, faults := parse(detected("T", "s: {"+c.field+"}\ncondition: s"), nil)
		if len(faults) != 1 || !strings.Contains(faults.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.field, faults, c.want)
		}
	}
}

func TestAValueThatItsModifierDoesNotTakeIsRefused(t *testing.T) {
	many := sigma.Lists{"l": make([]string, 100), "wild": {"x", "a*"}, "admins": {"x"}}
	for _, c := range []struct{ field, want string }{
		{"a|base64: 'x*'", "4:17: base64 cannot encode a wildcard; write the text without it, and base64|contains"},
		{"a|utf16le: 'x?'", "utf16le cannot encode a wildcard"},
		{"a|expand|base64: '%wild%'", "base64 cannot encode a wildcard"},
		{"a|base64offset|contains: x", "base64offset finds nothing of \"x\" that is always there; write at least two characters"},
		{"a|windash: '-a -b -c -d -e -f'", "4:18: the value stands for more than 4096 texts"},
		{"a|expand: '%l%%l%%l%'", "have more than 4096 combinations"},
		{"a|expand: 'x'", `"x" names no list; with expand a value has a list's name in it, as '%name%'`},
		{"a|expand: '%not a name%'", "names no list"},
		{`a|expand: '\%admins\%'`, "names no list"},
		{"a|expand: 'x%admin%'", `4:17: the estate has no list "admin"; did you mean "admins"?`},
		{"a|hour: 24", "4:15: hour is a whole number from 0 to 23, never 24"},
		{"a|minute|lt: 2.5", "minute is a whole number from 0 to 59, never 2.5"},
		{"a|week: 0", "week is a whole number from 1 to 53"},
		{"a|month: May", `"May" is no number`},
		{"a|neq: null", "null takes no modifier"},
		{"a|re: '(?!x)y'", "exclude it by a selection of its own: and not"},
		{"a|re: 'x++'", "write + for ++"},
		{"a|re|startswith: 'x)(y'", "no regular expression"},
		{"a|re: '(?=x)'", "no regular expression that can run in linear time (RE2)"},
		{"a|cidr: 10.0.0", `"10.0.0" is no network; write 10.0.0.0/8`},
		{"a|lt: x", `"x" is no number`},
		{"a|lt: 1e400", "1e400 is too large a number to compare with"},
		{"a|exists: maybe", "exists takes true or false"},
	} {
		rules, faults := parse(detected("T", "s: {"+c.field+"}\ncondition: s"), many)
		if len(rules) != 1 || len(faults) != 1 || !strings.Contains(faults.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.field, faults, c.want)
		}
	}
}

// A list of the estate may be longer than what a value may multiply to.
func TestAListAloneMayBeLong(t *testing.T) {
	if _, faults := parse(detected("T", "s: {a|expand: 'u-%l%'}\ncondition: s"), sigma.Lists{"l": make([]string, 20_000)}); faults.Err() != nil {
		t.Error(faults)
	}
}

// The caret of a bad condition stands at the bad word, on whatever line and in
// whatever quotes it is written.
func TestAFaultOfAConditionPointsAtTheWord(t *testing.T) {
	for condition, want := range map[string]string{
		"s and nosuch":                     "5:20: condition: there is no selection \"nosuch\"",
		"'s and nosuch'":                   "5:21: condition: there is no selection \"nosuch\"",
		"\"s  and\\tnosuch\"":              "5:14: condition: there is no selection \"nosuch\"",
		"[s, not nosuch]":                  "5:22: condition: there is no selection \"nosuch\"",
		"s and 1 of filter*":               "5:25: condition: no selection is named \"filter*\"",
		"s and (s or s":                    "5:20: condition: a closing parenthesis is missing",
		"s and":                            "5:18: condition: the condition ends where a selection is expected",
		"s s":                              "5:16: condition: \"s\" is not expected here; join selections by and, or",
		"s | count() > 5":                  "5:16: condition: aggregations behind '|' were removed",
		">-\n    s and\n    not nosuch":    "7:9: condition: there is no selection \"nosuch\"",
		"|\n    s\n    or nosuch or s\n\n": "7:8: condition: there is no selection \"nosuch\"",
		"s and\n    nosuch":                "6:5: condition: there is no selection \"nosuch\"",
	} {
		src := "title: T\nlogsource: {product: aws}\ndetection:\n  s: {a: 1}\n  condition: " + condition + "\n"
		_, faults := parse(src, nil)
		if !strings.Contains(faults.Error(), "f.yml:"+want) {
			t.Errorf("%q: got %v, want %s", condition, faults, want)
		}
	}
}

var wrongWord = regexp.MustCompile(`(?m)^\d+ \| (.*)\n( *)(\^+)$`)

// Whatever word of a condition is wrong, the caret marks it.
func FuzzCaret(f *testing.F) {
	f.Add("s and ", " or s", uint8(0))
	f.Add("s  and (", ") ", uint8(1))
	f.Add("'s' \"s", "\\", uint8(2))
	f.Fuzz(func(t *testing.T, before, after string, style uint8) {
		if !plain(before) || !plain(after) || strings.Contains(before, "nosuch") {
			return
		}
		text := before + " nosuch " + after
		written := []string{"'" + strings.ReplaceAll(text, "'", "''") + "'", fmt.Sprintf("%q", text), ">-\n    s and\n    " + text}[style%3]
		_, faults := sigma.ParseRules("f.yml", []byte("title: T\nlogsource: {product: aws}\ndetection:\n  s: {a: 1}\n  condition: "+written+"\n"))
		for _, fault := range faults {
			m := wrongWord.FindStringSubmatch(fault.Error())
			if !strings.Contains(fault.Message, `no selection "nosuch"`) || m == nil || len(m[3]) != len("nosuch") {
				continue // another fault, or one at the whole condition
			}
			if at := []rune(m[1]); string(at[fault.Column-1:fault.Column+5]) != "nosuch" {
				t.Errorf("%s", fault.Error())
			}
		}
	})
}

func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// Other tools read an address as the network of itself, and rules rely on it.
func TestAnAddressIsANetworkOfOne(t *testing.T) {
	for _, address := range []string{"10.0.0.1", "'2001:db8::1'"} {
		if _, faults := parse(detected("T", "s: {a|cidr: "+address+"}\ncondition: s"), nil); len(faults) > 0 {
			t.Error(faults)
		}
	}
}
