package engine_test

import "testing"

// What was found wrong once: rules that matched what they do not ask for, or
// missed what they do.
var found = []languageCase{
	{
		name:      "a letter of several bytes that folds to one of a single byte",
		detection: `s: {a|contains: "\u017f", b|contains|cased: "\u212a", c|re: "\u212a", d: "*?\u017f?*"}` + "\ncondition: 1 of s",
		yes:       []string{"{\"a\":\"\u017f\",\"b\":\"\u212a\",\"c\":\"\u212a\",\"d\":\"-\u017f-\"}"},
		no:        []string{`{"a":"s","b":"k","c":"k","d":"-s-"}`},
	},
	{
		name:      "a letter that only a regular expression takes for an ASCII one",
		detection: `s: {a: "\u017f", b|startswith: "\u017fab", c|contains: "x\u017fx", d|endswith: "ab\u017f"}` + "\ncondition: 1 of s",
		yes:       []string{"{\"a\":\"\u017f\",\"b\":\"\u017fAb\",\"c\":\"-x\u017fx-\",\"d\":\"ab\u017f\"}"},
		no:        []string{`{"a":"s"}`, `{"b":"Sab"}`, `{"c":"-xsx-"}`, `{"d":"abs"}`, `{"a":"s","b":"sab","c":"xsx","d":"abs"}`},
	},
	{
		name:      "a star of the rule's own before an end",
		detection: "s: {a|endswith: '*abcd', b: '**ab'}\ncondition: s",
		yes:       []string{`{"a":"xABCD","b":"ab"}`},
		no:        []string{`{"a":"abcdx","b":"ab"}`, `{"a":"abcd","b":"abx"}`},
	},
	{
		name:      "an object as it is written, with letters that are not ASCII",
		detection: "s: {a|contains: ÄÖ, b: '*äö*', c|endswith|cased: 'äö\"}'}\ncondition: s",
		yes:       []string{`{"a":{"x":"äö"},"b":{"x":"ÄÖ"},"c":{"x":"äö"}}`},
		no:        []string{`{"a":{"x":"ao"},"b":{"x":"ÄÖ"},"c":{"x":"äö"}}`, `{"a":{"x":"äö"},"b":{"x":"ÄÖ"},"c":{"x":"ÄÖ"}}`},
	},
	{
		name:      "an object that holds bytes which are no UTF-8",
		detection: `s: {a|cased: '*x?y"}', b|cased|contains: "\uFFFD\uFFFD"}` + "\ncondition: 1 of s",
		yes:       []string{"{\"a\":{\"k\":\"x\xffy\"},\"b\":{\"k\":\"\xff\x80\"}}"},
		no:        []string{"{\"a\":{\"k\":\"x\xff\x80y\"}}", "{\"b\":{\"k\":\"\xff\"}}"},
	},
	{
		name:      "a network of version 4, written as one of version 6",
		detection: "s: {a|cidr: '::ffff:10.0.0.0/104'}\ncondition: s",
		yes:       []string{`{"a":"10.1.2.3"}`, `{"a":"::ffff:10.1.2.3"}`, `{"a":"::FFFF:a01:203%eth0"}`},
		no:        []string{`{"a":"11.1.2.3"}`, `{"a":"::10.1.2.3"}`},
	},
}

func TestWhatWasFoundStaysRight(t *testing.T) {
	for _, c := range found {
		t.Run(c.name, c.check)
	}
}
