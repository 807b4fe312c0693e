package engine_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// Each trick is an event in which somebody hides who they are from a rule that
// looks for root, or from one that spares the robot.
var tricks = []struct {
	name, event string
	// found says that the rule for root matches, spared that the event is taken
	// for the robot's.
	found, spared bool
	twice         string // the key that is reported
	refused       string // what the event is refused for
}{
	{name: "nothing hidden", event: `{"user":"root"}`, found: true},
	{name: "the robot", event: `{"user":"robot"}`, spared: true},
	{name: "an escape in the value", event: `{"user":"r\u006fot"}`, found: true},
	{name: "an escape in the key", event: `{"us\u0065r":"root"}`, found: true},
	{name: "every letter escaped", event: `{"\u0075\u0073\u0065\u0072":"\u0072\u006F\u006f\u0074"}`, found: true},
	{name: "other case", event: `{"user":"RooT"}`, found: true},
	{name: "an array around it", event: `{"user":["x",["root"]]}`, found: true},
	{name: "an array of objects before it", event: `{"user":[{"user":"x"},"root"]}`, found: true},
	{name: "white space everywhere", event: " \r\n\t{ \"user\"\n:\t\"root\" \r } ", found: true},
	{name: "another user before it", event: `{"user":"robot","user":"root"}`, found: true, twice: "user"},
	{name: "another user behind it", event: `{"user":"root","user":"robot"}`, found: true, twice: "user"},
	{name: "another user, escaped", event: `{"user":"root","us\u0065r":"robot"}`, found: true, twice: "user"},
	{name: "a null behind it", event: `{"user":"root","user":null}`, found: true, twice: "user"},
	{name: "the robot behind somebody else", event: `{"user":"x","user":"robot"}`, twice: "user"},
	{name: "a second object", event: `{"by":{"user":"x"},"by":{"user":"robot"},"user":"x"}`, twice: "by"},
	{name: "a second key in an array", event: `{"by":[{"user":"x"},{"user":"x","user":"robot"}],"user":"x"}`, twice: "by.user"},
	{name: "a second key with dots, around the same without", event: `{"by.user":"x","by":{"user":"x"},"by.user":"robot"}`, twice: "by.user"},
	{name: "a key with dots in each object of an array", event: `{"l":[{"by.user":"x"},{"by.user":"y"}],"by":[{"user":"root"},{"user":"x"}],"by.user":"x"}`, found: true},
	{name: "a second key that nobody reads", event: `{"other":1,"other":2,"user":"root"}`, found: true},
	{name: "two objects of an array are no second key", event: `{"by":[{"user":"x"},{"user":"y"}],"user":"root"}`, found: true},
	{name: "invalid UTF-8 behind it", event: "{\"user\":\"root\xff\"}"},
	{name: "invalid UTF-8 in another key", event: "{\"\xff\":1,\"user\":\"root\"}", found: true},
	{name: "half a surrogate pair in another value", event: `{"x":"\ud800","user":"root"}`, found: true},
	{name: "a zero byte", event: `{"user":"root\u0000"}`},
	{name: "a letter that folds to one of it", event: "{\"user\":\"r\u00f6ot\"}"},
	{name: "a number that no float holds", event: `{"big":1e999999999,"user":"root"}`, found: true},
	{name: "a number of many digits", event: `{"big":` + strings.Repeat("9", 10_000) + `,"user":"root"}`, found: true},
	{name: "nesting up to the bound", event: `{"deep":` + strings.Repeat("[", 199) + strings.Repeat("]", 199) + `,"user":"root"}`, found: true},
	{name: "nesting beyond it", event: `{"deep":` + strings.Repeat("[", 201) + strings.Repeat("]", 201) + `,"user":"root"}`, refused: "nests deeper"},
	{name: "nesting beyond it, of objects", event: strings.Repeat(`{"by":`, 201) + `1` + strings.Repeat("}", 201), refused: "nests deeper"},
	{name: "a byte order mark", event: "\xef\xbb\xbf{\"user\":\"root\"}", refused: "has to be a JSON object"},
	{name: "a second event behind it", event: `{"user":"robot"}{"user":"root"}`, refused: "something behind the event"},
	{name: "a comment", event: `{"user":"root"/*,*/}`, refused: "a comma or a closing brace is missing"},
	{name: "a control character", event: "{\"user\":\"ro\x01ot\"}", refused: "a control character"},
	{name: "single quotes", event: `{'user':'root'}`, refused: "a key is missing"},
	{name: "no end", event: `{"user":"root"`, refused: "is missing"},
	{name: "an array of events", event: `[{"user":"root"}]`, refused: "has to be a JSON object"},
	{name: "a key that holds dots", event: `{"by.user":"root"}`, found: true},
	{name: "a long value", event: `{"user":"` + strings.Repeat("x", 1<<16) + `","by":{"user":"root"}}`, found: true},
}

func TestNothingHidesFromTheRules(t *testing.T) {
	const src = `
title: root
logsource: {product: aws}
detection: {s: [{user: root}, {by.user: root}], condition: s}
---
title: not the robot
logsource: {product: aws}
detection: {all: {user|exists: true}, robot: [{user: robot}, {by.user: robot}], condition: all and not robot}
`
	rules, faults := sigma.ParseRules("r.yml", []byte(src))
	p, more := engine.Compile(rules, nil)
	if err := append(faults, more...).Err(); err != nil {
		t.Fatal(err)
	}
	m := p.NewMatcher()
	for _, c := range tricks {
		t.Run(c.name, func(t *testing.T) {
			got, err := m.Match(nil, cloudtrail, "", []byte(c.event))
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("got %v, %v; want it refused: %s", got, err, c.refused)
				}
				return
			}
			if unread(err) {
				t.Fatal(err)
			}
			if slices.Contains(got, 0) != c.found {
				t.Errorf("root found: %v, want %v", !c.found, c.found)
			}
			if _, ok := engine.Get([]byte(c.event), "user"); ok && slices.Contains(got, 1) == c.spared {
				t.Errorf("taken for the robot: %v, want %v", !c.spared, c.spared)
			}
			var twice *engine.DuplicateKeyError
			if errors.As(err, &twice); (twice != nil) != (c.twice != "") || (twice != nil && twice.Key != c.twice) {
				t.Errorf("reported %v, want %q", err, c.twice)
			}
		})
	}
}

// FuzzStrictPath: whatever the bytes, the fast walk over them and the strict
// reading of encoding/json refuse the same events, and lead to the same matches.
func FuzzStrictPath(f *testing.F) {
	for _, c := range tricks {
		if len(c.event) < 1000 { // larger ones are slow to mutate
			f.Add([]byte(c.event))
		}
	}
	var src []string
	for _, d := range []string{
		"{user: root}", "{by.user: ro*t}", "{user|startswith: ro}", "{user|endswith: ot}", "{user|contains: roo}", "{user|contains: root}",
		"{user|re: '(?i)r.?oot'}", "{by.user: null}", "{by|exists: true}", "{by|contains: user}", "[root, robot]", "{user: [1, 1.5, true]}",
		"{big|gt: 5}", "{user|cased: Root}", "{user|fieldref: by.user}", "{user.by: '?'}",
	} {
		src = append(src, "title: T\nlogsource: {product: aws}\ndetection: {s: "+d+", condition: s}\n")
		src = append(src, "title: T\nlogsource: {product: aws}\ndetection: {s: "+d+", x: {user|exists: true}, condition: x and not s}\n")
	}
	rules, faults := sigma.ParseRules("r.yml", []byte(strings.Join(src, "---\n")))
	p, more := engine.Compile(rules, nil)
	if err := append(faults, more...).Err(); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := p.NewMatcher()
		fast, err := m.Match(nil, cloudtrail, "", raw)
		strict, wrong := m.MatchStrictly(cloudtrail, "", raw)
		var twice *engine.DuplicateKeyError
		switch {
		case err != nil && strings.Contains(err.Error(), "deeper"):
		case unread(err) != (wrong != nil):
			t.Errorf("%q: fast %v, strict %v", raw, err, wrong)
		case errors.As(err, &twice): // the fast path's are those of every reading
			for _, i := range strict {
				if !slices.Contains(fast, i) {
					t.Errorf("%q: fast %v, strict %v", raw, fast, strict)
				}
			}
		case !slices.Equal(fast, strict):
			t.Errorf("%q: fast %v, strict %v", raw, fast, strict)
		}
	})
}
