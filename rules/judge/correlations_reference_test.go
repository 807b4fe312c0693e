package judge_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"sidedoor/event"
)

// reference is what a correlation does, written down so that it is easy to see
// that it is right: every window is looked at from scratch, every time.
type reference struct {
	def     event.Correlation
	live    map[string][]seen // by group, in the order of their times
	spent   map[string]bool
	through map[string]time.Time // by group, the end of the last window that was judged
	fired   []string             // IDs of the completing events
	now     time.Time
}

// seen is one event of one rule.
type seen struct {
	id, group, value string
	position         int
	at, stored       time.Time
	key              event.Digest
}

func newReference(def event.Correlation) *reference {
	return &reference{def: def, live: map[string][]seen{}, spent: map[string]bool{}, through: map[string]time.Time{}}
}

func (r *reference) temporal() bool {
	return r.def.Type == event.Temporal || r.def.Type == event.TemporalOrdered
}

func (r *reference) name(s seen) string { return fmt.Sprint(s.id, s.position, s.value) }

func (r *reference) arrive(s seen) {
	if !r.temporal() {
		s.position = 0 // an event counts once, by however many rules it matches
	}
	known := slices.ContainsFunc(r.live[s.group], func(o seen) bool { return r.name(o) == r.name(s) })
	if known || r.spent[r.name(s)] || slices.Contains(r.fired, s.id) {
		return
	}
	if end, ok := r.through[s.group]; ok && !s.at.After(end) {
		r.spent[r.name(s)] = true
		return
	}
	s.stored = r.now
	list := append(slices.Clone(r.live[s.group]), s)
	slices.SortFunc(list, func(a, b seen) int {
		return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.position, b.position), bytes.Compare(a.key[:], b.key[:]), cmp.Compare(a.value, b.value))
	})
	r.live[s.group] = list
	if !r.def.AtOnce() || !r.complete(s.group) {
		r.thin(s.group)
	}
}

// complete uses up windows, each beginning anew, as long as there is one.
func (r *reference) complete(group string) (any bool) {
	for again := true; again; {
		again = false
		list := r.live[group]
		for end := range list {
			begin := 0
			for list[begin].at.Before(list[end].at.Add(-r.def.Timespan)) {
				begin++
			}
			if r.holds(list[begin : end+1]) {
				r.use(group, begin, end)
				r.find(list[end])
				again, any = true, true
				break
			}
		}
	}
	return any
}

// find notes the completing event; an event is a correlation's match once.
func (r *reference) find(completing seen) {
	r.fired = append(r.fired, completing.id)
	r.live[completing.group] = slices.DeleteFunc(slices.Clone(r.live[completing.group]), func(s seen) bool { return s.id == completing.id })
}

func (r *reference) use(group string, begin, end int) {
	list := slices.Clone(r.live[group])
	for _, s := range list[begin : end+1] {
		r.spent[r.name(s)] = true
	}
	r.live[group] = slices.Delete(list, begin, end+1)
}

// thin leaves out what stands between two of the same mark within the timespan.
func (r *reference) thin(group string) {
	mark := map[event.CorrelationType]func(seen) string{
		event.ValueCount: func(s seen) string { return s.value },
		event.Temporal:   func(s seen) string { return strconv.Itoa(s.position) },
	}[r.def.Type]
	if mark == nil {
		return
	}
	list := r.live[group]
	for i := 0; i < len(list); i++ {
		before, after := -1, -1
		for k := range list {
			if mark(list[k]) == mark(list[i]) && k < i {
				before = k
			}
			if mark(list[k]) == mark(list[i]) && k > i && after < 0 {
				after = k
			}
		}
		if before >= 0 && after >= 0 && list[after].at.Sub(list[before].at) <= r.def.Timespan {
			r.spent[r.name(list[i])] = true
			list = slices.Delete(slices.Clone(list), i, i+1)
			i--
		}
	}
	r.live[group] = list
}

// pass judges the windows that have closed by now.
func (r *reference) pass(now time.Time) {
	r.now = now
	for group := range r.live {
		for !r.def.AtOnce() && len(r.live[group]) > 0 {
			list := r.live[group]
			end := list[0].at.Add(r.def.Timespan)
			if now.Before(end.Add(r.def.Wait)) || now.Before(list[0].stored.Add(r.def.Wait)) {
				break
			}
			last := 0
			for last+1 < len(list) && !list[last+1].at.After(end) {
				last++
			}
			r.through[group] = end
			r.use(group, 0, last)
			if r.holds(list[:last+1]) {
				r.find(list[last])
			}
		}
	}
}

// holds says whether the condition holds of a window's events.
func (r *reference) holds(window []seen) bool {
	var numbers []float64
	distinct := map[string]bool{}
	for _, s := range window {
		x, _ := strconv.ParseFloat(s.value, 64)
		numbers = append(numbers, x)
		if r.temporal() {
			distinct[strconv.Itoa(s.position)] = true
		} else {
			distinct[s.value] = true
		}
	}
	total := 0.0
	for _, x := range numbers {
		total += x
	}
	slices.Sort(numbers)
	figure := map[event.CorrelationType]float64{
		event.EventCount: float64(len(window)), event.ValueCount: float64(len(distinct)), event.Temporal: float64(len(distinct)),
		event.ValueSum: total, event.ValueAvg: total / float64(len(window)),
		event.ValuePercentile: numbers[max(1, int(math.Ceil(r.def.Percentile/100*float64(len(numbers)))))-1],
	}
	if r.def.Type == event.TemporalOrdered {
		return chosen(window, 0, r.def.Rules)
	}
	return r.def.Holds(figure[r.def.Type])
}

// chosen says whether one event of each rule from position on can be chosen, in
// the order of the rules and of the times.
func chosen(window []seen, position, rules int) bool {
	if position == rules {
		return true
	}
	for i, s := range window {
		if s.position == position && chosen(window[i:], position+1, rules) {
			return true
		}
	}
	return false
}
