package engine_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// Rules and events that meet as badly as they can. Each took from ten seconds
// to minutes once, and takes milliseconds now. What each takes is logged; that
// the suite ends in its time says that none of them stalls.
var stalls = []struct{ name, detection, event string }{
	{
		name: "literals that begin each other, in a value of their letter",
		detection: "s: {a|contains: [" + list(1000, func(i int) string { return strings.Repeat("a", 4+i) }) + "]}\n" +
			"t: {b: 1}\ncondition: s and t",
		event: `{"a":"` + strings.Repeat("a", 1<<17) + `"}`,
	},
	{
		name:      "a literal in a value that repeats all of it but the last letter",
		detection: "s: {a|contains: " + strings.Repeat("a", 50_000) + "}\ncondition: s",
		event:     `{"a":"` + strings.Repeat(strings.Repeat("a", 49_999)+"b", 20) + `"}`,
	},
	{
		name: "keys without number, none of which a rule reads",
		detection: "s: {" + list(20_000, func(i int) string { return fmt.Sprintf("k%d.x: 1", i) }) + "}\n" +
			"condition: s",
		event: `{` + strings.Join(members(150_000, func(i int) string { return fmt.Sprintf(`"kk%d":1`, i) }), ",") + `}`,
	},
	{
		name: "keys that differ from those that rules read where nobody looks",
		detection: "s: {" + list(20_000, func(i int) string { return fmt.Sprintf("k%09dxx%09dk: 1", i, i) }) + "}\n" +
			"condition: s",
		event: `{` + strings.Join(members(150_000, func(i int) string { return fmt.Sprintf(`"k%09dxx%09dk":1`, i, i+1) }), ",") + `}`,
	},
	{
		name:      "many texts, and among them one that no index finds",
		detection: "s: {a|contains: ['~', " + list(20_000, func(i int) string { return fmt.Sprintf("word%d", i) }) + "]}\ncondition: s",
		event:     `{"a":[` + strings.Join(members(100_000, func(i int) string { return fmt.Sprintf(`"wort%d"`, i) }), ",") + `]}`,
	},
	{
		name:      "a long text that a field of another's many texts is looked for in",
		detection: "s: {a|contains|fieldref: b}\ncondition: s",
		event: `{"a":"` + strings.Repeat("a", 8<<20) + `","b":[` +
			strings.Join(members(1000, func(int) string { return `"` + strings.Repeat("a", 8000) + `b"` }), ",") + `]}`,
	},
}

func list(n int, f func(i int) string) string { return strings.Join(members(n, f), ", ") }

func members(n int, f func(i int) string) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = f(i)
	}
	return all
}

func TestNothingStalls(t *testing.T) {
	for _, c := range stalls {
		t.Run(c.name, func(t *testing.T) {
			p := program(t, c.detection)
			start := time.Now()
			if _, err := p.NewMatcher().Match(nil, cloudtrail, "", []byte(c.event)); unread(err) {
				t.Fatal(err)
			}
			t.Logf("%v for %d bytes", time.Since(start), len(c.event))
		})
	}
}

// Each of many fields has its large event. The memory of one must not wait for
// the next event that has the field, which may never come.
func TestAMatcherKeepsLittleOfTheEventsBefore(t *testing.T) {
	p := program(t, "s: {"+list(60, func(i int) string { return fmt.Sprintf("f%d: x", i) })+"}\ncondition: s")
	m := p.NewMatcher()
	for i := range 60 {
		for _, raw := range []string{
			fmt.Sprintf(`{"f%d":[%s1]}`, i, strings.Repeat(`"y",`, 50_000)),
			fmt.Sprintf(`{"f%d":"y","x":"%s"}`, 59-i, strings.Repeat("y", 2<<20)),
		} {
			if _, err := m.Match(nil, cloudtrail, "", []byte(raw)); err != nil {
				t.Fatal(err)
			}
		}
	}
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	if mem.HeapAlloc > 50<<20 {
		t.Errorf("%d MB are in use", mem.HeapAlloc>>20)
	}
	runtime.KeepAlive(m)
}
