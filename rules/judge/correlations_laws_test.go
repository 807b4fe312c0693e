package judge_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// reference is what a correlation does, written down so that it is easy to see
// that it is right: every window is looked at from scratch, every time.
type reference struct {
	def     event.Correlation
	live    map[string][]seen // by group, in the order of their times
	spent   map[string]bool
	through map[string]time.Time // by group, the end of the last window that was judged
	fired   []string             // IDs of the completing events
}

// seen is one event of one rule.
type seen struct {
	id, group, value string
	position         int
	at               time.Time
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
	if known || r.spent[r.name(s)] {
		return
	}
	if end, ok := r.through[s.group]; ok && !s.at.After(end) {
		r.spent[r.name(s)] = true
		return
	}
	list := append(r.live[s.group], s)
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
				r.use(group, begin, end, true)
				again, any = true, true
				break
			}
		}
	}
	return any
}

func (r *reference) use(group string, begin, end int, fires bool) {
	list := slices.Clone(r.live[group])
	for _, s := range list[begin : end+1] {
		r.spent[r.name(s)] = true
	}
	if fires && !slices.Contains(r.fired, list[end].id) {
		r.fired = append(r.fired, list[end].id)
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
	for group := range r.live {
		for !r.def.AtOnce() && len(r.live[group]) > 0 {
			list := r.live[group]
			end := list[0].at.Add(r.def.Timespan)
			if now.Before(end.Add(r.def.Wait)) {
				break
			}
			last := 0
			for last+1 < len(list) && !list[last+1].at.After(end) {
				last++
			}
			r.through[group] = end
			r.use(group, 0, last, r.holds(list[:last+1]))
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

// drawn draws a correlation of any type, and events for it in the order of
// their arrival, some of them more than once.
func drawn(t *rapid.T) (def event.Correlation, arrivals []seen) {
	def = event.Correlation{
		Rule:     event.RuleRef{ID: "correlation", Name: "correlation"},
		Type:     event.CorrelationType(rapid.SampledFrom(allTypes).Draw(t, "type")),
		Rules:    rapid.IntRange(1, 4).Draw(t, "rules"),
		Timespan: time.Duration(rapid.IntRange(1, 20).Draw(t, "timespan")) * time.Minute,
	}
	for range rapid.IntRange(1, 2).Draw(t, "bounds") {
		def.Condition = append(def.Condition, event.Bound{
			Is:   rapid.SampledFrom([]string{"gt", "gte", "gte", "gte", "lt", "lte", "eq"}).Draw(t, "is"),
			Than: float64(rapid.IntRange(0, 6).Draw(t, "than")),
		})
	}
	if def.Type == event.TemporalOrdered {
		def.Condition = []event.Bound{{Is: "gte", Than: float64(def.Rules)}}
	}
	if def.Type == event.ValuePercentile {
		def.Percentile = rapid.SampledFrom([]float64{1, 50, 95, 100}).Draw(t, "percentile")
	}
	if !def.AtOnce() {
		def.Wait = time.Duration(rapid.IntRange(0, 15).Draw(t, "wait")) * time.Minute
	}
	events := map[int]seen{}
	for range rapid.IntRange(1, 60).Draw(t, "arrivals") {
		n := rapid.IntRange(0, 40).Draw(t, "event")
		s, ok := events[n]
		if !ok {
			s = seen{
				id: fmt.Sprint("e", n), group: rapid.SampledFrom([]string{"a", "a", "b"}).Draw(t, "group"),
				value: rapid.SampledFrom([]string{"-2", "0", "0.5", "1", "3"}).Draw(t, "value"),
				at:    nine.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "minute")) * time.Minute),
			}
			if def.Type == event.EventCount || def.Type == event.Temporal || def.Type == event.TemporalOrdered {
				s.value = ""
			}
			s.key = refOf(s).Key()
			events[n] = s
		}
		s.position = rapid.IntRange(0, def.Rules-1).Draw(t, "position")
		arrivals = append(arrivals, s)
	}
	return def, arrivals
}

var allTypes = []string{"event_count", "value_count", "temporal", "temporal_ordered", "value_sum", "value_avg", "value_percentile"}

func refOf(s seen) event.Ref {
	return event.Ref{Source: "trail", ID: s.id, Occurred: s.at, Received: s.at}
}

// contributes is the match that arrives for an event.
func contributes(def event.Correlation, s seen) event.Match {
	return event.Match{
		Rule: event.RuleRef{ID: fmt.Sprint("rule-", s.position)}, Event: refOf(s),
		Parts: []event.Part{{
			Correlation: def, Position: s.position, Group: []string{s.group}, Value: s.value,
			Act: &event.Act{Actor: event.Party{Person: "alice"}, Scope: s.group, Grace: grace},
		}},
	}
}

func TestCorrelationsFindWhatTheReferenceFinds(t *testing.T) {
	fired := map[event.CorrelationType]int{}
	rapid.Check(t, func(rt *rapid.T) {
		def, arrivals := drawn(rt)
		s, r := newStream(t, judge.Config{}), newReference(def)
		now := nine
		for i, e := range arrivals {
			now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "minutes")) * time.Minute)
			s.pass(now)
			r.pass(now)
			s.match(contributes(def, e))
			r.arrive(e)
			if rapid.IntRange(0, 9).Draw(rt, "restart") == 0 {
				restart(rt, s)
			}
			agree(rt, fmt.Sprint("arrival ", i), s, r)
		}
		s.pass(now.Add(24 * time.Hour))
		r.pass(now.Add(24 * time.Hour))
		agree(rt, "in the end", s, r)
		fired[def.Type] += len(r.fired)
	})
	for _, typ := range allTypes {
		if fired[event.CorrelationType(typ)] == 0 {
			t.Errorf("%s: nothing was ever found, so nothing was compared", typ)
		}
	}
}

// restart replaces the judge by one that is restored from its snapshot.
func restart(t *rapid.T, s *stream) {
	before := snapshot(t, s.judge)
	restored := judge.New(judge.Config{})
	if err := restored.Restore(before); err != nil {
		t.Fatal(err)
	}
	if after := snapshot(t, restored); !bytes.Equal(before, after) {
		t.Fatalf("restored\n%s\nfrom\n%s", after, before)
	}
	s.judge = restored
}

// agree compares what was found, and what is held.
func agree(t *rapid.T, when string, s *stream, r *reference) {
	found := completed(s)
	want := slices.Clone(r.fired)
	if !r.def.AtOnce() { // those of different groups are judged in an order of their own
		slices.Sort(found)
		slices.Sort(want)
	}
	if !slices.Equal(found, want) {
		t.Fatalf("%s: found %v, the reference %v", when, found, want)
	}
	held := 0
	for _, list := range r.live {
		held += len(list)
	}
	if got := s.judge.Stats().Contributions; got != held {
		t.Fatalf("%s: holds %d contributions, the reference %d", when, got, held)
	}
}

// completed lists the events of the verdicts, in their order.
func completed(s *stream) []string {
	var out []string
	for _, r := range s.out {
		if v, ok := r.Body.(*event.Verdict); ok && v.Rule.ID == "correlation" {
			out = append(out, v.Event.ID)
		}
	}
	return out
}

func TestAContributionThatComesAgainChangesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		def, arrivals := drawn(rt)
		s := newStream(t, judge.Config{})
		for _, e := range arrivals {
			s.match(contributes(def, e))
		}
		s.pass(nine.Add(24 * time.Hour))
		s.judge.Apply(event.Input{Time: s.now})
		before := snapshot(rt, s.judge)
		for _, in := range s.log[1:] { // but for the policy
			in.Time = s.now
			if records, timers := s.judge.Apply(in); len(records)+len(timers) > 0 {
				rt.Fatalf("%+v gave %d records and %d timers", in, len(records), len(timers))
			}
		}
		if after := snapshot(rt, s.judge); !bytes.Equal(before, after) {
			rt.Fatalf("what came again changed\n%s\nto\n%s", before, after)
		}
	})
}
