package sigma_test

import (
	"fmt"
	"strings"
	"testing"

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
