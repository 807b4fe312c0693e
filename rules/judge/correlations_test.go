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
	s.pass(clock("09:05"))
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
