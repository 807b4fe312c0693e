package judge

import (
	"math"
	"slices"
	"strconv"

	"sidedoor/event"
)

// tally keeps a figure of the contributions of a window while it moves on:
// they are added in their order, and removed in the same.
type tally interface {
	add(c *contribution)
	remove(c *contribution)
	// holds says whether the condition holds of the window that begins at start.
	holds(start int64) bool
}

// newTally returns the tally of a correlation whose marks are below a number.
func newTally(c event.Correlation, marks int) tally {
	switch c.Type {
	case event.EventCount:
		return &count{c: c}
	case event.ValueCount, event.Temporal:
		return &distinct{c: c, times: make([]int, max(marks, c.Rules))}
	case event.TemporalOrdered:
		return newOrdered(c.Rules)
	case event.ValueSum:
		return &sum{c: c}
	}
	return &spread{sum: sum{c: c}}
}

type count struct {
	c event.Correlation
	n int
}

func (t *count) add(*contribution)    { t.n++ }
func (t *count) remove(*contribution) { t.n-- }
func (t *count) holds(int64) bool     { return t.c.Holds(float64(t.n)) }

// distinct counts the different marks.
type distinct struct {
	c     event.Correlation
	times []int // by mark
	n     int   // that are not zero
}

func (t *distinct) add(c *contribution) {
	if t.times[c.mark]++; t.times[c.mark] == 1 {
		t.n++
	}
}

func (t *distinct) remove(c *contribution) {
	if t.times[c.mark]--; t.times[c.mark] == 0 {
		t.n--
	}
}

func (t *distinct) holds(int64) bool { return t.c.Holds(float64(t.n)) }

// ordered finds a contribution of each rule, in the order of the rules. For
// each rule it keeps the latest moment at which contributions of it and all
// before it can begin: of all ways to it that is the one that stays in the
// window the longest.
type ordered struct{ best []int64 }

const never = math.MinInt64

func newOrdered(rules int) *ordered {
	t := &ordered{best: make([]int64, rules)}
	for i := range t.best {
		t.best[i] = never
	}
	return t
}

func (t *ordered) add(c *contribution) {
	if c.Position == 0 {
		t.best[0] = c.at
	} else if before := t.best[c.Position-1]; before != never {
		t.best[c.Position] = before
	}
}

func (t *ordered) remove(*contribution)   {}
func (t *ordered) holds(start int64) bool { return t.best[len(t.best)-1] >= start }

// number is a number to the millionth, so that sums are exact and do not depend
// on what was added and removed before.
type number struct{ whole, millionths int64 }

// parseNumber takes a number up to 1e14, of either sign; anything else is zero.
// As many as a group may hold do not overflow when they are added up.
func parseNumber(s string) number {
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(math.Abs(x) <= event.MaxNumber) { // nor NaN
		return number{}
	}
	whole, part := math.Modf(x)
	return number{int64(whole), int64(math.Round(part * 1e6))}
}

func (n number) float() float64 { return float64(n.whole) + float64(n.millionths)/1e6 }

type sum struct {
	c event.Correlation
	number
}

func (t *sum) add(c *contribution) {
	t.whole += c.number.whole
	t.millionths += c.number.millionths
}

func (t *sum) remove(c *contribution) {
	t.whole -= c.number.whole
	t.millionths -= c.number.millionths
}

func (t *sum) holds(int64) bool { return t.c.Holds(t.float()) }

// spread looks at how the numbers of a whole window are spread: their average,
// or a percentile by nearest rank.
type spread struct {
	sum
	numbers []float64
}

func (t *spread) add(c *contribution) {
	t.sum.add(c)
	t.numbers = append(t.numbers, c.number.float())
}

func (t *spread) remove(*contribution) {} // its windows do not move

func (t *spread) holds(int64) bool {
	n := len(t.numbers)
	if t.c.Type == event.ValueAvg {
		return t.c.Holds(t.float() / float64(n))
	}
	sorted := slices.Sorted(slices.Values(t.numbers))
	rank := int(math.Ceil(t.c.Percentile / 100 * float64(n)))
	return t.c.Holds(sorted[min(max(rank, 1), n)-1])
}
