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

// judged feeds acts that happen at the times given, in this order of arrival,
// with every source complete.
func judged(t *testing.T, cfg judge.Config, times ...string) *stream {
	s := newStream(t, cfg)
	s.mark("approvals", clock("23:00"))
	s.pass(clock("20:00"))
	for i, hhmm := range times {
		s.match(anAct(withID(fmt.Sprint("act-", i)), at(clock(hhmm))))
		s.pass(clock("20:00"))
	}
	return s
}

func TestABurstOfBypassesIsOneAlert(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []string
		want  []string // first-last×occurrences
	}{
		{"one", []string{"09:00"}, []string{"09:00-09:00×1"}},
		{"within the gap of the last", []string{"09:00", "09:10", "09:20"}, []string{"09:00-09:20×3"}},
		{"beyond the gap", []string{"09:00", "09:11"}, []string{"09:00-09:00×1", "09:11-09:11×1"}},
		{"out of order, within the gap", []string{"09:20", "09:10", "09:00"}, []string{"09:00-09:20×3"}},
		{"out of order, in an older burst", []string{"09:00", "12:00", "09:05", "12:05"}, []string{"09:00-09:05×2", "12:00-12:05×2"}},
		{"out of order, before all", []string{"12:00", "09:00", "12:05"}, []string{"12:00-12:05×2", "09:00-09:00×1"}},
		{"between two bursts, nearer to the later", []string{"09:00", "09:15", "09:08"}, []string{"09:00-09:00×1", "09:08-09:15×2"}},
		{"two bursts that grow towards each other", []string{"09:00", "09:30", "09:09", "09:21", "09:15"}, []string{"09:00-09:15×3", "09:21-09:30×2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, a := range alerts(judged(t, judge.Config{}, c.times...).out) {
				got = append(got, fmt.Sprintf("%s-%s×%d", a.First.Format("15:04"), a.Last.Format("15:04"), a.Occurrences))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestTheGapOfABurstCanBeConfigured(t *testing.T) {
	if n := len(alerts(judged(t, judge.Config{Burst: time.Hour}, "09:00", "10:00", "11:01").out)); n != 2 {
		t.Errorf("%d alerts, want 2", n)
	}
}

func TestAnAlertIsOfOneRuleOneActorAndOneScope(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.pass(nine)
	for i, edit := range []func(*event.Match){
		func(*event.Match) {},
		func(m *event.Match) { m.Act.Actor.Person = "ALICE" }, // the same person
		func(m *event.Match) { m.Act.Resource = "another" },
		func(m *event.Match) { m.Rule.ID = "rule-9" },
		func(m *event.Match) { m.Act.Actor.Person = "carol" },
		func(m *event.Match) { m.Act.Scope = "2" },
	} {
		s.match(anAct(withID(fmt.Sprint(i)), edit))
	}
	s.pass(clock("12:00"))
	var got []int
	for _, a := range alerts(s.out) {
		got = append(got, a.Occurrences)
	}
	slices.Sort(got)
	if !slices.Equal(got, []int{1, 1, 1, 3}) {
		t.Errorf("occurrences: %v", got)
	}
}

func TestEachRevisionOfAnAlertNamesTheVerdictThatItFollows(t *testing.T) {
	s := judged(t, judge.Config{}, "09:00", "09:01")
	s.match(aGrant(recorded(clock("09:30"))))
	var last *event.Verdict
	revisions := 0
	for _, r := range s.out {
		switch b := r.Body.(type) {
		case *event.Verdict:
			last = b
		case *event.Alert:
			revisions++
			want := []event.VerdictRef{{ID: last.ID, Revision: last.Revision}}
			if b.Revision != revisions || !slices.Equal(b.Verdicts, want) || last.Alert != b.ID {
				t.Errorf("revision %d: %+v after verdict %+v", revisions, b, last)
			}
		}
	}
	if revisions != 4 { // two bypasses, each then approved late
		t.Errorf("%d revisions", revisions)
	}
	if id := event.AlertID(anAct(withID("act-0"))); last.Alert != id {
		t.Errorf("alert %s, want that of the first act, %s", last.Alert, id)
	}
}

func TestAnAlertShowsItsWorstOccurrenceAndSaysWhatWasMissing(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("09:05"))
	s.pass(nine)
	s.match(anAct(withID("first")))
	s.match(anAct(withID("second"), at(clock("09:01"))))
	for _, step := range []struct {
		do       func()
		state    event.State
		sentence string
	}{
		{func() { s.pass(clock("09:05")) }, event.Bypass,
			"alice: Privileged role assumed, " + admin + ": no access-grant for " + admin + " by alice"},
		{func() { s.pass(clock("11:00")) }, event.Bypass,
			"alice: Privileged role assumed, " + admin + " and 1 more: no access-grant for " + admin + " by alice"},
		{func() { s.match(aGrant(named("for-first"), valid(nine, nine), recorded(clock("09:03")))) }, event.Undetermined,
			"alice: Privileged role assumed, " + admin + " and 1 more: cannot tell: source approvals is complete only up to 09:05 UTC, needed 09:06"},
		{func() {
			s.match(aGrant(named("for-second"), valid(clock("09:01"), clock("09:01")), recorded(clock("09:00"))))
		}, event.ApprovedLate,
			"alice: Privileged role assumed, " + admin + " and 1 more: approved only after the act, by bob (for-first): recorded at 2026-11-16 09:03 UTC"},
		{func() { s.match(aGrant(named("for-both"))) }, event.Approved,
			"alice: Privileged role assumed, " + admin + " and 1 more: approved by bob (for-both)"},
	} {
		step.do()
		all := alerts(s.out)
		if len(all) != 1 || all[0].State != step.state || all[0].Sentence != step.sentence {
			t.Fatalf("want %s %q\ngot  %+v", step.state, step.sentence, all)
		}
	}
}

func TestTheSentenceSaysWhereWhenTheResourceDoesNot(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(anAct(act(func(a *event.Act) { a.Resource, a.Scope, a.ApprovedBy = "role/Admin", "acme\n\u202eprod", nil })))
	want := "alice: Privileged role assumed, role/Admin in acme  prod: nothing can approve this: every occurrence is a bypass"
	if got := alerts(s.out)[0].Sentence; got != want {
		t.Errorf("got %q", got)
	}
}

func TestAnApprovedActOpensNoAlert(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant())
	s.pass(nine)
	s.match(anAct())
	s.pass(clock("12:00"))
	s.want(event.Approved)
	if a := alerts(s.out); len(a) != 0 {
		t.Errorf("alerts: %+v", a)
	}
	if st := s.judge.Stats(); st.Open != 1 || st.Pending != 0 || st.Approvals != 1 {
		t.Errorf("stats: %+v", st)
	}
}

func TestTheApproversConsideredAreNamedSoThatTheyDoNotReview(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant(named("1"), byApprover("bob"), covering("elsewhere")))
	s.match(aGrant(named("2"), byApprover("BOB"), covering("elsewhere")))
	s.match(aGrant(named("3"), byApprover("dave"), valid(time.Time{}, clock("08:10"))))
	s.pass(nine)
	s.match(anAct())
	s.pass(clock("12:00"))
	var people []string
	for _, p := range alerts(s.out)[0].Considered {
		people = append(people, strings.ToLower(p.Person))
	}
	slices.Sort(people)
	if !slices.Equal(people, []string{"bob", "dave"}) {
		t.Errorf("considered: %v", people)
	}
}
