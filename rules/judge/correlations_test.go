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

// correlation is one of the type, of rules 0 and 1, within ten minutes.
func correlation(typ event.CorrelationType, condition ...event.Bound) event.Correlation {
	c := event.Correlation{
		Rule: event.RuleRef{ID: "correlation", Name: "correlation", Level: event.High},
		Type: typ, Rules: 2, Timespan: 10 * time.Minute, Condition: condition,
	}
	if !c.AtOnce() {
		c.Wait = grace
	}
	return c
}

func is(comparison string, than float64) event.Bound {
	return event.Bound{Is: comparison, Than: than}
}

// happened is an event of alice's group, so many seconds after nine.
func happened(id string, seconds, position int, value string) seen {
	return seen{id: id, group: "alice", at: nine.Add(time.Duration(seconds) * time.Second), position: position, value: value}
}

// Events at both ends of a timespan are within it, and a second later they are
// not.
func TestATimespanHoldsBothOfItsEnds(t *testing.T) {
	percentile := correlation(event.ValuePercentile, is("gte", 5))
	percentile.Percentile = 50
	for _, c := range []struct {
		name          string
		def           event.Correlation
		first, second seen // as if within the timespan
		found         int  // of the two at its ends
		beyond        int  // of the two further apart
	}{
		{"event_count", correlation(event.EventCount, is("gte", 2)), happened("a", 0, 0, ""), happened("b", 600, 0, ""), 1, 0},
		{"event_count, fewer than", correlation(event.EventCount, is("lt", 2)), happened("a", 0, 0, ""), happened("b", 600, 0, ""), 0, 2},
		{"event_count, exactly", correlation(event.EventCount, is("eq", 2)), happened("a", 0, 0, ""), happened("b", 600, 0, ""), 1, 0},
		{"value_count", correlation(event.ValueCount, is("gt", 1)), happened("a", 0, 0, "x"), happened("b", 600, 0, "y"), 1, 0},
		{"temporal", correlation(event.Temporal, is("gte", 2)), happened("a", 0, 1, ""), happened("b", 600, 0, ""), 1, 0},
		{"temporal, at most", correlation(event.Temporal, is("lte", 1)), happened("a", 0, 1, ""), happened("b", 600, 0, ""), 0, 2},
		{"temporal_ordered", correlation(event.TemporalOrdered, is("gte", 2)), happened("a", 0, 0, ""), happened("b", 600, 1, ""), 1, 0},
		{"value_sum", correlation(event.ValueSum, is("gte", 5)), happened("a", 0, 0, "2.5"), happened("b", 600, 0, "2.5"), 1, 0},
		{"value_sum, at most", correlation(event.ValueSum, is("lte", 4)), happened("a", 0, 0, "2.5"), happened("b", 600, 0, "2.5"), 0, 2},
		{"value_avg", correlation(event.ValueAvg, is("gt", 5), is("lt", 10)), happened("a", 0, 0, "2"), happened("b", 600, 0, "10"), 1, 0},
		{"value_percentile", percentile, happened("a", 0, 0, "5"), happened("b", 600, 0, "10"), 1, 2},
	} {
		for _, beyond := range []time.Duration{0, time.Second} {
			want := c.found
			if beyond > 0 {
				want = c.beyond
			}
			for _, reversed := range []bool{false, true} {
				pair := []seen{c.first, c.second}
				pair[1].at = pair[1].at.Add(beyond)
				if reversed {
					slices.Reverse(pair)
				}
				s := newStream(t, judge.Config{})
				s.match(contributes(c.def, pair[0]))
				s.match(contributes(c.def, pair[1]))
				s.pass(clock("10:00"))
				if got := completed(s); len(got) != want {
					t.Errorf("%s, %s beyond the timespan, reversed %v: %v, want %d", c.name, beyond, reversed, got, want)
				}
			}
		}
	}
}

func TestAnEventCountsOnce(t *testing.T) {
	for _, c := range []struct {
		name   string
		def    event.Correlation
		events []seen
		want   string
	}{
		{"four make two pairs", correlation(event.EventCount, is("gte", 2)),
			[]seen{happened("a", 0, 0, ""), happened("b", 1, 0, ""), happened("c", 2, 0, ""), happened("d", 3, 0, "")}, "b d"},
		{"by two rules", correlation(event.EventCount, is("gte", 2)),
			[]seen{happened("a", 0, 0, ""), happened("a", 0, 1, "")}, ""},
		{"but an event may be what two rules of a temporal one look for", correlation(event.Temporal, is("gte", 2)),
			[]seen{happened("a", 0, 0, ""), happened("a", 0, 1, "")}, "a"},
		{"a late one completes a window, whose last event it is not", correlation(event.EventCount, is("gte", 3)),
			[]seen{happened("a", 0, 0, ""), happened("c", 20, 0, ""), happened("b", 10, 0, "")}, "c"},
		{"the second before the first", correlation(event.TemporalOrdered, is("gte", 2)),
			[]seen{happened("a", 10, 0, ""), happened("b", 5, 1, "")}, ""},
		{"both at the same moment", correlation(event.TemporalOrdered, is("gte", 2)),
			[]seen{happened("b", 5, 1, ""), happened("a", 5, 0, "")}, "b"},
		{"the first of another group", correlation(event.TemporalOrdered, is("gte", 2)),
			[]seen{{id: "a", group: "bob", at: nine}, happened("b", 5, 1, "")}, ""},
		{"the same value again", correlation(event.ValueCount, is("gte", 2)),
			[]seen{happened("a", 0, 0, "x"), happened("b", 1, 0, "x"), happened("c", 2, 0, "x")}, ""},
		{"something negative between", correlation(event.ValueSum, is("gte", 5)),
			[]seen{happened("a", 0, 0, "4"), happened("b", 1, 0, "-3"), happened("c", 2, 0, "3"), happened("d", 3, 0, "2")}, "d"},
	} {
		s := newStream(t, judge.Config{})
		for _, e := range c.events {
			s.match(contributes(c.def, e))
		}
		if got := strings.Join(completed(s), " "); got != c.want {
			t.Errorf("%s: found %q, want %q", c.name, got, c.want)
		}
	}
}

func TestWhatALaterEventCouldUndoIsJudgedWhenItsWindowHasClosed(t *testing.T) {
	def := correlation(event.EventCount, is("lt", 3))
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(contributes(def, happened("a", 0, 0, "")))
	s.pass(clock("09:14"))
	if got := completed(s); len(got) != 0 {
		t.Fatalf("found %v before the window closed and its events could have arrived", got)
	}
	s.match(contributes(def, happened("late", 540, 0, "")))
	s.pass(clock("09:15"))
	if got := completed(s); !slices.Equal(got, []string{"late"}) {
		t.Fatalf("found %v", got)
	}
	s.match(contributes(def, happened("too late", 550, 0, "")))
	s.pass(clock("12:00"))
	if got := completed(s); len(got) != 1 || s.judge.Stats().Late != 1 {
		t.Errorf("found %v, %d late", got, s.judge.Stats().Late)
	}
}

// The specification's example: many failed logins, then a successful one.
func failedLogin(s seen) event.Match {
	many := correlation(event.EventCount, is("gte", 10))
	many.Rules, many.Rule.ID = 1, "many failed"
	m := contributes(many, s)
	m.Parts[0].Act, m.Parts[0].Parts = nil, login(s).Parts // many failed ones alone are no match
	return m
}

func login(s seen) event.Match {
	return contributes(correlation(event.TemporalOrdered, is("gte", 2)), s)
}

func TestManyFailedLoginsFollowedByASuccessfulOne(t *testing.T) {
	for _, c := range []struct {
		name   string
		failed int
		then   int // seconds after nine
		want   []string
	}{
		{"ten, then one", 10, 100, []string{"login"}},
		{"nine are too few", 9, 100, nil},
		{"too long after", 10, 11 * 60, nil},
		{"before the tenth", 10, 8, nil},
	} {
		s := newStream(t, judge.Config{})
		for i := range c.failed {
			s.match(failedLogin(happened(fmt.Sprint("failed-", i), i, 0, "")))
		}
		s.match(login(happened("login", c.then, 1, "")))
		if got := completed(s); !slices.Equal(got, c.want) {
			t.Errorf("%s: found %v, want %v", c.name, got, c.want)
		}
	}
}

func TestACorrelationsActWaitsForItsApprovalLikeAnyOther(t *testing.T) {
	m := contributes(correlation(event.EventCount, is("gte", 1)), happened("act", 0, 0, ""))
	m.Parts[0].Act, m.Parts[0].Control = anAct().Act, "LA-01"
	s := newStream(t, judge.Config{})
	s.match(m)
	s.match(aGrant())
	s.want(event.Approved)
	if v := verdicts(s.out)["act"]; v.Rule.ID != "correlation" || v.Control != "LA-01" {
		t.Errorf("the verdict is of rule %q and control %q", v.Rule.ID, v.Control)
	}
}

func TestAVerdictSaysWhichEventsCompletedTheCorrelation(t *testing.T) {
	s := newStream(t, judge.Config{})
	for i := range 15 {
		s.match(contributes(correlation(event.EventCount, is("gte", 15)), happened(fmt.Sprint("e", i), i, 0, "")))
	}
	v := verdicts(s.out)["e14"]
	if of := v.Together; of.Count != 15 || !of.First.Equal(nine) || !of.Last.Equal(nine.Add(14*time.Second)) ||
		len(of.Events) != event.MaxTogether || of.Events[0].ID != "e5" || of.Events[9].ID != "e14" {
		t.Errorf("made of %+v", v.Together)
	}
	const want = "15 events since 2026-11-16 09:00 UTC together: nothing can approve this: every occurrence is a bypass"
	if v.Reason != want {
		t.Errorf("the reason is %q, want %q", v.Reason, want)
	}
}

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

func TestAWindowAtTheEndOfAllTimeCloses(t *testing.T) {
	e := happened("last", 0, 0, "")
	e.at = time.Date(9999, 12, 31, 23, 59, 59, 500_000_000, time.UTC)
	s := newStream(t, judge.Config{})
	s.match(contributes(correlation(event.EventCount, is("lt", 2)), e))
	s.pass(e.at)
	if got := completed(s); !slices.Equal(got, []string{"last"}) {
		t.Errorf("found %v", got)
	}
	if _, err := s.judge.Snapshot(); err != nil {
		t.Error(err)
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

// A match at the end of a window is about events of its past: what they meet in
// the next correlation of the chain has to be there still.
func TestWhatACorrelationIsFedByMayTakeDays(t *testing.T) {
	weekly, both := correlation(event.ValueAvg, is("gt", 5)), correlation(event.Temporal, is("gte", 2))
	weekly.Rule.ID, weekly.Timespan, both.Wait = "weekly", 7*24*time.Hour, 7*24*time.Hour+grace
	transfer := contributes(weekly, happened("transfer", 0, 0, "9"))
	transfer.Parts[0].Act, transfer.Parts[0].Parts = nil, contributes(both, happened("transfer", 0, 0, "")).Parts
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(transfer)
	s.match(contributes(both, happened("login", 60, 1, "")))
	for day := range 9 { // something always happens
		s.pass(nine.Add(time.Duration(day) * 24 * time.Hour))
		s.mark("trail", s.now)
	}
	if got := completed(s); !slices.Equal(got, []string{"login"}) {
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

// While nothing ran, the events of hours piled up. The first of them must not
// close its window before the others are read, or the condition would be judged
// by it alone.
func TestWhatPiledUpIsJudgedTogether(t *testing.T) {
	def := correlation(event.ValueSum, is("gte", 3), is("lt", 100))
	for _, c := range []struct {
		name  string
		early int // of three, those that arrive before nothing runs
	}{{"all of them", 0}, {"what came after the first", 1}} {
		s := newStream(t, judge.Config{})
		s.pass(nine)
		for i := range 3 {
			if i == c.early { // the timers of the time between are late, too
				s.now = clock("12:00")
			}
			s.pass(s.now)
			s.match(contributes(def, happened(fmt.Sprint("e", i), i, 0, "1")))
		}
		s.pass(clock("12:04"))
		if got := completed(s); len(got) != 0 {
			t.Errorf("%s: found %v before the others had their time to come", c.name, got)
		}
		s.pass(clock("12:06"))
		if got := completed(s); !slices.Equal(got, []string{"e2"}) || s.judge.Stats().Late != 0 {
			t.Errorf("%s: found %v, %d late", c.name, got, s.judge.Stats().Late)
		}
	}
}

// After a weekend the first input is that of Monday. What was held on Friday is
// too old by then, and the timers that would have judged it come only now.
func TestAWindowIsJudgedThoughItsTimerComesTooLate(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(contributes(correlation(event.EventCount, is("lt", 2)), happened("a", 0, 0, "")))
	s.match(contributes(correlation(event.EventCount, is("lt", 2)), happened("b", 700, 0, "")))
	s.now = nine.Add(72 * time.Hour)
	s.mark("trail", nine)
	if got := completed(s); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("found %v", got)
	}
	s.pass(s.now)
	if got := completed(s); len(got) != 2 || s.judge.Stats().Contributions != 0 {
		t.Errorf("found %v, and %d contributions are held", got, s.judge.Stats().Contributions)
	}
}

// The beginning of a window may be forgotten and come again: at the same time,
// so with the same end, for which the timer has fired.
func TestAWindowThatBeginsWhereAForgottenOneBeganIsJudged(t *testing.T) {
	def := correlation(event.EventCount, is("lt", 2))
	s := newStream(t, judge.Config{MaxContributions: 1})
	s.pass(nine)
	s.match(contributes(def, happened("a", 0, 0, "")))
	other := happened("other", 60, 0, "")
	other.group = "bob"
	s.match(contributes(def, other)) // crowds it out
	fired := map[string]bool{}
	s.pass(clock("09:30"))
	for _, in := range s.log {
		if in.Timer != nil {
			fired[in.Timer.ID()] = true
		}
	}
	s.match(contributes(def, happened("again", 0, 0, "")))
	if len(s.timers) != 1 || fired[s.timers[0].ID()] {
		t.Errorf("no timer will come back: %+v", s.timers)
	}
}
