package judge_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// drawn draws a correlation of the type, and events for it in the order of
// their arrival, some of them more than once.
func drawn(t *rapid.T, typ event.CorrelationType) (def event.Correlation, arrivals []seen) {
	def = event.Correlation{
		Rule:     event.RuleRef{ID: "correlation", Name: "correlation"},
		Type:     typ,
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

var allTypes = []event.CorrelationType{
	event.EventCount, event.ValueCount, event.Temporal, event.TemporalOrdered, event.ValueSum, event.ValueAvg, event.ValuePercentile,
}

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
	for _, typ := range allTypes {
		t.Run(string(typ), func(t *testing.T) {
			found := 0
			rapid.Check(t, func(rt *rapid.T) { found += compared(t, rt, typ) })
			if found == 0 {
				t.Error("nothing was ever found, so nothing was compared")
			}
		})
	}
}

// compared holds the judge to the reference, and returns how much both found.
func compared(tb testing.TB, t *rapid.T, typ event.CorrelationType) int {
	def, arrivals := drawn(t, typ)
	s, r := newStream(tb, judge.Config{}), newReference(def)
	now := nine
	for i, e := range arrivals {
		now = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "minutes")) * time.Minute)
		s.pass(now)
		r.pass(now)
		s.match(contributes(def, e))
		r.arrive(e)
		if rapid.IntRange(0, 9).Draw(t, "restart") == 0 {
			restart(t, s)
		}
		agree(t, fmt.Sprint("arrival ", i), s, r)
	}
	now = now.Add(24 * time.Hour)
	s.pass(now)
	r.pass(now)
	agree(t, "in the end", s, r)
	return len(r.fired)
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
		def, arrivals := drawn(rt, rapid.SampledFrom(allTypes).Draw(rt, "type"))
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
