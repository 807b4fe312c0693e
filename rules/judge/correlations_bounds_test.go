package judge_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

func TestAVerdictOfACorrelationFitsTheLedgerWhateverItsEvents(t *testing.T) {
	s := newStream(t, judge.Config{}) // it checks every record
	hostile := strings.Repeat("\x00<", 1<<10)
	for i := range 10 {
		m := contributes(correlation(event.EventCount, is("gte", 10)), happened(fmt.Sprint(hostile, i), i, 0, ""))
		m.Event.Origin, m.Event.Scope, m.Event.Kind, m.Event.Batch = hostile, hostile, hostile, hostile
		m.Parts[0].Group, m.Parts[0].Value, m.Parts[0].Control = []string{hostile}, hostile, hostile
		m.Parts[0].Act.Resource, m.Parts[0].Parts = hostile, slices.Clone(m.Parts)
		s.match(m)
	}
	if len(verdicts(s.out)) != 1 {
		t.Errorf("%d verdicts", len(verdicts(s.out)))
	}
}

// A flood into one group must not take the judge's time or memory.
func TestAFloodOfContributionsIsBounded(t *testing.T) {
	config := judge.Config{MaxContributions: 20_000, MaxHeld: 1000}
	percentile := correlation(event.ValuePercentile, is("gt", 1e9))
	percentile.Percentile = 50
	for _, c := range []struct {
		name  string
		flood int
		def   event.Correlation
		value func(i int) string
		most  int // contributions held at any moment
		lets  bool
	}{
		{"event_count", 20_000, correlation(event.EventCount, is("gte", 1000)), func(int) string { return "" }, 1000, false},
		{"event_count of too many", 100_000, correlation(event.EventCount, is("gte", 5001)), func(int) string { return "" }, 10_000, false},
		{"one value", 20_000, correlation(event.ValueCount, is("gte", 2)), func(int) string { return "x" }, 2, false},
		{"many values", 20_000, correlation(event.ValueCount, is("gte", 1000)), func(i int) string { return fmt.Sprint(i % 999) }, 2 * 999, false},
		{"one of two rules", 20_000, correlation(event.Temporal, is("gte", 2)), func(int) string { return "" }, 2, false},
		{"one of two rules, ordered", 100_000, correlation(event.TemporalOrdered, is("gte", 2)), func(int) string { return "" }, 1_000, true},
		{"a sum", 20_000, correlation(event.ValueSum, is("gte", 1e9)), func(int) string { return "1" }, 10_000, true},
		{"a percentile", 20_000, percentile, func(i int) string { return fmt.Sprint(i) }, 10_000, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			j, most := judge.New(config), 0
			for i := range c.flood {
				e := happened(fmt.Sprint(i), 0, 0, c.value(i))
				e.at = nine.Add(time.Duration(i) * time.Millisecond)
				m := contributes(c.def, e)
				j.Apply(event.Input{Time: nine.Add(time.Minute), Match: &m})
				most = max(most, j.Stats().Contributions)
			}
			if most > c.most {
				t.Errorf("held %d contributions, want at most %d", most, c.most)
			}
			if lets := j.Stats().LetGo > 0; lets != c.lets && c.def.Type != event.EventCount { // whose acts are bounded, too
				t.Errorf("let go %d", j.Stats().LetGo)
			}
		})
	}
}

// What is rare must not be washed away by what is frequent.
func TestAFloodOfOneRuleLeavesTheOthersTheirPlace(t *testing.T) {
	def := correlation(event.TemporalOrdered, is("gte", 3))
	def.Rules = 3
	s := newStream(t, judge.Config{})
	s.match(contributes(def, happened("first", 0, 0, "")))
	for i := range 5000 {
		e := happened(fmt.Sprint("flood-", i), 1, 1, "")
		e.at = e.at.Add(time.Duration(i) * time.Millisecond)
		s.match(contributes(def, e))
	}
	s.match(contributes(def, happened("last", 60, 2, "")))
	if got := completed(s); !slices.Equal(got, []string{"last"}) {
		t.Errorf("found %v", got)
	}
}

func TestManyGroupsAreBoundedAndTheOldestGoesFirst(t *testing.T) {
	def := correlation(event.EventCount, is("gte", 2))
	s := newStream(t, judge.Config{MaxContributions: 100})
	for i := range 500 {
		e := happened(fmt.Sprint(i), i, 0, "")
		e.group = fmt.Sprint("group-", i)
		s.match(contributes(def, e))
	}
	if st := s.judge.Stats(); st.Contributions != 100 || st.LetGo != 400 {
		t.Errorf("holds %+v", st)
	}
	for _, i := range []int{0, 499} { // the other half of a pair
		e := happened(fmt.Sprint("again-", i), 499, 0, "")
		e.group = fmt.Sprint("group-", i)
		s.match(contributes(def, e))
	}
	if got := completed(s); !slices.Equal(got, []string{"again-499"}) && !slices.Equal(got, []string{"499"}) {
		t.Errorf("found %v", got)
	}
}

// What is held for days is forgotten last, so whoever can fill that up would
// switch every shorter correlation off for as long.
func TestAFloodIntoOneCorrelationLeavesTheOthersTheirPlace(t *testing.T) {
	long, short := correlation(event.EventCount, is("gte", 2)), correlation(event.EventCount, is("gte", 2))
	long.Rule.ID, long.Timespan = "long", 30*24*time.Hour
	s := newStream(t, judge.Config{MaxContributions: 100})
	for i := range 200 {
		e := happened(fmt.Sprint(i), i, 0, "")
		e.group = fmt.Sprint("group-", i)
		s.match(contributes(long, e))
	}
	s.match(contributes(short, happened("a", 300, 0, "")))
	s.match(contributes(short, happened("b", 301, 0, "")))
	if got := completed(s); !slices.Equal(got, []string{"b"}) || s.judge.Stats().LetGo != 101 {
		t.Errorf("found %v, let go %d", got, s.judge.Stats().LetGo)
	}
}

func TestAWindowIsJudgedEvenIfWhatBeganItWasLetGo(t *testing.T) {
	def := correlation(event.EventCount, is("lt", 2))
	s := newStream(t, judge.Config{MaxContributions: 1})
	s.match(contributes(def, happened("a", 0, 0, "")))
	s.match(contributes(def, happened("b", 300, 0, "")))
	s.pass(clock("09:19"))
	if got := completed(s); len(got) != 0 {
		t.Fatalf("found %v", got)
	}
	s.pass(clock("09:20"))
	if got := completed(s); !slices.Equal(got, []string{"b"}) {
		t.Errorf("found %v", got)
	}
}

// Else the second match would be a record under the identity of the first, once
// that is forgotten, and stop the judge.
func TestAnEventCompletesACorrelationOnceHoweverMuchIsForgotten(t *testing.T) {
	def := correlation(event.Temporal, is("gte", 2))
	def.Rules = 3
	elsewhere := happened("e", 10, 1, "") // an alias may put it into another group, too
	elsewhere.group = "bob"
	s := newStream(t, judge.Config{MaxHeld: 2})
	s.match(contributes(def, elsewhere))
	s.match(contributes(def, happened("y", 0, 0, "")))
	s.match(contributes(def, happened("e", 10, 1, "")))
	s.match(contributes(def, happened("e", 10, 2, "")))
	for i := range 10 {
		s.match(anAct(withID(fmt.Sprint("flood-", i)), act(func(a *event.Act) { a.ApprovedBy = nil })))
	}
	for _, group := range []string{"alice", "bob"} {
		z := happened("z-"+group, 5, 0, "")
		z.group = group
		s.match(contributes(def, z))
	}
	if got := completed(s); !slices.Equal(got, []string{"e"}) {
		t.Errorf("found %v", got)
	}
}

func TestContributionsAreForgottenWhenNothingCanComeToThem(t *testing.T) {
	def := correlation(event.EventCount, is("gte", 2))
	s := newStream(t, judge.Config{Lateness: time.Hour})
	s.pass(nine)
	s.match(contributes(def, happened("a", 0, 0, "")))
	s.pass(clock("10:10"))
	s.mark("trail", nine)
	if n := s.judge.Stats().Contributions; n != 1 {
		t.Fatalf("holds %d, and one as late as allowed could still come", n)
	}
	s.pass(clock("10:11"))
	s.mark("trail", clock("09:01"))
	if n := s.judge.Stats().Contributions; n != 0 {
		t.Errorf("still holds %d", n)
	}
}
