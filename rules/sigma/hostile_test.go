package sigma_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sidedoor/rules/sigma"
)

// A file of a megabyte must not take a machine's memory: what its modifiers
// multiply is bounded, for a value and for a rule.
func TestWhatModifiersMultiplyIsBounded(t *testing.T) {
	var dashes strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&dashes, "  - '-a -b -c -d -e%d'\n", i)
	}
	for name, c := range map[string]struct{ detection, want string }{
		"an encoding over and over":      {"s: {a" + strings.Repeat("|wide", 40) + ": x}\ncondition: s", "4:" + fmt.Sprint(7+1+5*40+2)},
		"dashes of a long text":          {"s: {a|windash: '-a -b -c -d -e" + strings.Repeat("x", 30_000) + "'}\ncondition: s", "4:18: "},
		"dashes in thousands of values":  {"s:\n  a|windash:\n" + dashes.String() + "condition: s", "the values of this rule stand for more than"},
		"dashes, of which each is moved": {"s:\n  a|windash|base64offset|contains:\n" + dashes.String() + "condition: s", "more than"},
	} {
		_, faults := parse(detected("T", c.detection), nil)
		if len(faults) == 0 || !strings.Contains(faults.Error(), c.want) {
			t.Errorf("%s: %.200s, want %s", name, faults.Error(), c.want)
		}
	}
}

// What people write stays far below the bounds.
func TestTheBoundsLeaveRoom(t *testing.T) {
	var values strings.Builder
	for i := range 500 {
		fmt.Fprintf(&values, "  - ' -exec -flag%d /x'\n", i)
	}
	if _, faults := parse(detected("T", "s:\n  a|contains|windash:\n"+values.String()+"condition: s"), sigma.Lists{}); len(faults) > 0 {
		t.Errorf("%.200s", faults.Error())
	}
}

// A fault in each of a hundred thousand lines costs what each of them costs. Each
// of these took from twenty seconds to minutes once; what it takes is logged.
func TestManyFaultsAreFoundInTime(t *testing.T) {
	many := func(n int, line string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line, i)
		}
		return b.String()
	}
	folded := func(n int, word string) string { return ">\n    " + many(n, word) + "\n" }
	selections := many(10_000, "s%d: {a: b}\n")
	global := "action: global\nk: v\n---\n"
	for name, src := range map[string]string{
		"unknown modifiers":       detected("T", "s:\n"+many(15_000, "  a%d|xx: b\n")+"condition: s"),
		"networks that are none":  detected("T", "s:\n  a|cidr:\n"+many(50_000, "  - 10.x%d\n")+"condition: s"),
		"unused selections":       detected("T", many(15_000, "s%d: {a: b}\n")+"condition: s1"),
		"a list of conditions":    detected("T", "s: {a: b}\ncondition:\n"+many(60_000, "- x%d\n")),
		"unknown selections":      detected("T", selections+"condition: "+folded(40_000, "x%d or ")+"    s1"),
		"patterns of selections":  detected("T", selections+"condition: "+folded(30_000, "1 of s%d* or ")+"    s1"),
		"fields of a correlation": "title: T\nname: c\ncorrelation:\n  type: event_count\n  rules: [a]\n  timespan: 5m\n  condition: {gte: 1}\n  group-by:\n" + many(60_000, "  - f%d\n"),
		"global documents":        strings.Repeat(global, 5_000) + many(5_000, "title: T\nname: n%d\n---\n"),
		"filters of every rule": many(3_000, "{title: R, name: r%d, logsource: {product: k}, detection: {s: {a: b}, condition: s}}\n---\n") +
			many(3_000, "{title: f%d, logsource: {product: k}, filter: {rules: any, s: {a: b}, condition: s}}\n---\n"),
		"rules that a filter names": many(5_000, "{title: R, name: r%d, logsource: {product: k}, detection: {s: {a: b}, condition: s}}\n---\n") +
			"title: F\nlogsource: {product: k}\nfilter:\n  s: {a: b}\n  condition: s\n  rules:\n" + many(40_000, "  - x%d\n"),
	} {
		t.Run(name, func(t *testing.T) {
			started := time.Now()
			docs, _ := sigma.ParseDocuments("f.yml", []byte(src))
			for _, d := range docs {
				if d.Has("correlation") {
					sigma.ParseCorrelation(d)
				}
			}
			parse(src, nil)
			t.Logf("%v for %d bytes", time.Since(started), len(src))
		})
	}
}
