package judge_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

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
