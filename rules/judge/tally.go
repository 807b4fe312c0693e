package judge

import (
	"math"
	"slices"
	"time"

	"sidedoor/event"
)

// tally keeps a figure of the contributions of a window while it moves on:
// they are added in their order, and removed in the same.
type tally interface {
	add(c *contribution)
	remove(c *contribution)
	// holds says whether the condition holds of the window that begins at start.
	holds(start time.Time) bool
}

// newTally returns the tally of a correlation whose marks are below a number.
func newTally(c event.Correlation, marks int) tally {
	switch c.Type {
	case event.EventCount:
		return &count{c: c}
	case event.ValueCount, event.Temporal:
		return &distinct{c: c, times: make([]int, max(marks, c.Rules))}
	case event.TemporalOrdered:
		return &ordered{best: make([]time.Time, c.Rules), reached: make([]bool, c.Rules)}
	case event.ValueSum:
		return &sum{c: c}
	}
	return &spread{c: c}
}

type count struct {
	c event.Correlation
	n int
}

func (t *count) add(*contribution)    { t.n++ }
func (t *count) remove(*contribution) { t.n-- }
func (t *count) holds(time.Time) bool { return t.c.Holds(float64(t.n)) }

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

func (t *distinct) holds(time.Time) bool { return t.c.Holds(float64(t.n)) }

// marks gives the values that are held small numbers, since a window is counted
// anew for each contribution.
type marks struct {
	of   map[string]*mark
	free []int
}

type mark struct{ number, times int }

// most is above every mark.
func (m *marks) most() int { return len(m.of) + len(m.free) }

func (m *marks) enter(value string) int {
	k := m.of[value]
	if k == nil {
		k = &mark{number: m.most()}
		if last := len(m.free) - 1; last >= 0 {
			k.number, m.free = m.free[last], m.free[:last]
		}
		if m.of == nil {
			m.of = map[string]*mark{}
		}
		m.of[value] = k
	}
	k.times++
	return k.number
}

func (m *marks) leave(value string) {
	k := m.of[value]
	if k.times--; k.times == 0 {
		delete(m.of, value)
		m.free = append(m.free, k.number)
	}
}

// ordered finds a contribution of each rule, in the order of the rules. For
// each rule it keeps the latest moment at which contributions of it and all
// before it can begin: of all ways to it that is the one that stays in the
// window the longest.
type ordered struct {
	best    []time.Time
	reached []bool
}

func (t *ordered) add(c *contribution) {
	p := c.Position
	switch {
	case p == 0:
		t.best[0], t.reached[0] = c.at, true
	case t.reached[p-1]:
		t.best[p], t.reached[p] = t.best[p-1], true
	}
}

func (t *ordered) remove(*contribution) {}

func (t *ordered) holds(start time.Time) bool {
	last := len(t.best) - 1
	return t.reached[last] && !t.best[last].Before(start)
}

// sum adds numbers up as the pair of a float and what its rounding lost, so
// that what was added can be taken away again.
type sum struct {
	c         event.Correlation
	high, low float64
}

func (t *sum) add(c *contribution)    { t.plus(c.number) }
func (t *sum) remove(c *contribution) { t.plus(-c.number) }
func (t *sum) holds(time.Time) bool   { return t.c.Holds(t.high + t.low) }

// plus is Knuth's two-sum.
func (t *sum) plus(x float64) {
	s := t.high + x
	b := s - t.high
	t.low += (t.high - (s - b)) + (x - b)
	t.high = s
}

// spread looks at how the numbers are spread: their average, or a percentile
// by nearest rank. It is made for whole windows only.
type spread struct {
	c       event.Correlation
	numbers []float64
}

func (t *spread) add(c *contribution)    { t.numbers = append(t.numbers, c.number) }
func (t *spread) remove(c *contribution) { t.numbers = t.numbers[1:] }

func (t *spread) holds(time.Time) bool {
	n := len(t.numbers)
	if n == 0 {
		return false
	}
	if t.c.Type == event.ValueAvg {
		var s sum
		for _, x := range t.numbers {
			s.plus(x)
		}
		return t.c.Holds((s.high + s.low) / float64(n))
	}
	sorted := slices.Sorted(slices.Values(t.numbers))
	rank := int(math.Ceil(t.c.Percentile / 100 * float64(n)))
	return t.c.Holds(sorted[min(max(rank, 1), n)-1])
}
