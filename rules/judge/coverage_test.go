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

func TestAnActStaysPendingUntilItsGraceHasPassed(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.pass(nine)
	s.match(anAct())
	s.pass(clock("09:04"))
	s.want(event.Pending)
	if st := s.judge.Stats(); st.Pending != 1 || st.Open != 0 {
		t.Errorf("stats: %+v", st)
	}
	s.pass(clock("09:05"))
	s.want(event.Bypass)
	if st := s.judge.Stats(); st.Pending != 0 || st.Open != 1 {
		t.Errorf("stats: %+v", st)
	}
}

func TestAnActWaitsForTheSourceThatCouldHaveApprovedIt(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(anAct())
	s.mark("approvals", clock("09:04"))
	s.pass(clock("09:30"))
	s.want(event.Pending)
	s.mark("trail", clock("09:30")) // provides nothing
	s.want(event.Pending)
	s.mark("approvals", clock("09:05"))
	s.want(event.Bypass)
	if len(s.timers) != 1 {
		t.Fatalf("timers: %v", s.timers)
	}
	before := len(s.out)
	s.pass(clock("12:00"))
	if len(s.out) != before {
		t.Error("the timer of the limit changed a verdict that stood")
	}
}

func TestAnActIsUndeterminedWhenItsSourceStaysBehindTooLong(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(anAct())
	s.mark("approvals", clock("08:55"))
	s.pass(clock("10:04"))
	s.want(event.Pending)
	s.pass(clock("10:05"))
	s.want(event.Undetermined)
	v := verdicts(s.out)["act"]
	if v.Reason != "cannot tell: source approvals is complete only up to 08:55 UTC, needed 09:05" || !slices.Equal(v.Behind, []string{"approvals"}) {
		t.Errorf("reason %q, behind %v", v.Reason, v.Behind)
	}
	if a := alerts(s.out); len(a) != 1 || a[0].State != event.Undetermined {
		t.Errorf("alerts: %+v", a)
	}

	s.mark("approvals", clock("09:05"))
	s.want(event.Bypass)
	if a := alerts(s.out); len(a) != 1 || a[0].State != event.Bypass || a[0].Revision != 2 || a[0].Occurrences != 1 {
		t.Errorf("alerts: %+v", a)
	}
}

func TestASourceThatWasNeverHeardIsNamed(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(anAct())
	s.pass(clock("11:00"))
	if got := verdicts(s.out)["act"].Reason; got != "cannot tell: source approvals was never heard, needed 2026-11-16 09:05 UTC" {
		t.Error(got)
	}
}

func TestEverySourceThatProvidesAKindHasToBeComplete(t *testing.T) {
	s := newStream(t, judge.Config{})
	p := *thePolicy()
	p.Digest = event.DigestOf([]byte("two sources of grants"))
	p.Sources = append(p.Sources, event.SourcePolicy{Name: "grants", Provides: []string{"access-grant"}})
	s.put(event.Input{Policy: &p})
	s.pass(nine)
	s.match(anAct())
	s.match(anAct(withID("another"), act(func(a *event.Act) { a.Limit = 0 })))
	s.pass(clock("09:10"))
	if v := verdicts(s.out)["another"]; !slices.Equal(v.Behind, []string{"approvals", "grants"}) ||
		v.Reason != "cannot tell: source approvals was never heard, source grants was never heard, needed 2026-11-16 09:05 UTC" {
		t.Errorf("behind %v, reason %q", v.Behind, v.Reason)
	}
	s.mark("grants", clock("09:10"))
	s.want(event.Pending)
	s.mark("approvals", clock("09:10"))
	s.want(event.Bypass)
}

func TestASourceThatLeavesThePolicyDelaysNothing(t *testing.T) {
	for name, until := range map[string]string{"while pending": "09:30", "once undetermined": "11:00"} {
		t.Run(name, func(t *testing.T) {
			s := newStream(t, judge.Config{})
			s.pass(nine)
			s.match(anAct())
			s.pass(clock(until))
			p := *thePolicy()
			p.Digest = event.DigestOf([]byte("without approvals"))
			p.Sources = p.Sources[:1]
			s.put(event.Input{Policy: &p})
			s.want(event.Bypass)
			if got := verdicts(s.out)["act"].Reason; got != "no access-grant for "+admin+" by alice: no source provides access-grant" {
				t.Error(got)
			}
		})
	}
}

func TestAPolicyIsRecordedOnce(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.put(event.Input{Policy: thePolicy()})
	if len(s.out) != 1 || s.out[0].Type != event.TypeRuleSet || !s.out[0].Time.Equal(clock("08:00")) {
		t.Errorf("records: %+v", s.out)
	}
}

func TestAMarkNeverGoesBack(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.mark("approvals", clock("08:00"))
	s.mark("approvals", time.Time{})
	if got := s.judge.Stats().Sources["approvals"]; !got.Equal(clock("12:00")) {
		t.Errorf("complete up to %s", got)
	}
	s.pass(nine)
	s.match(anAct())
	s.pass(clock("09:05"))
	s.want(event.Bypass)
}

func TestAnApprovalThatArrivesLateRevisesTheVerdict(t *testing.T) {
	inTime, after := aGrant(named("in-time")), aGrant(named("after"), recorded(clock("09:30")))
	for _, c := range []struct {
		name   string
		heard  string // approvals is complete up to
		judged string // now
		first  event.State
		come   []event.Match
		states []event.State
	}{
		{"given in time, to a waiting act", "08:00", "09:06", event.Pending, []event.Match{inTime}, []event.State{event.Approved}},
		{"given afterwards, to a waiting act: a better one may come", "08:00", "09:06", event.Pending, []event.Match{after, inTime}, []event.State{event.Pending, event.Approved}},
		{"given in time, to a bypass", "12:00", "09:05", event.Bypass, []event.Match{inTime}, []event.State{event.Approved}},
		{"given afterwards, to a bypass", "12:00", "09:05", event.Bypass, []event.Match{after, inTime, after}, []event.State{event.ApprovedLate, event.Approved, event.Approved}},
		{"given in time, to an undetermined act", "08:00", "11:00", event.Undetermined, []event.Match{inTime}, []event.State{event.Approved}},
		{"given afterwards, to an undetermined act", "08:00", "11:00", event.Undetermined, []event.Match{after, inTime}, []event.State{event.ApprovedLate, event.Approved}},
		{"one that does not count", "12:00", "09:05", event.Bypass, []event.Match{aGrant(byApprover("alice"))}, []event.State{event.Bypass}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStream(t, judge.Config{})
			s.mark("approvals", clock(c.heard))
			s.pass(nine)
			s.match(anAct())
			s.pass(clock(c.judged))
			s.want(c.first)
			for i, p := range c.come {
				s.match(p)
				s.want(c.states[i])
			}
			pending := c.first == event.Pending
			if a := alerts(s.out); pending != (len(a) == 0) || !pending && a[0].State != c.states[len(c.states)-1] {
				t.Errorf("alerts: %+v", a)
			}
		})
	}
}

func TestAnApprovalAfterwardsIsKnownWhenTheLimitPasses(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(anAct())
	s.match(aGrant(recorded(clock("09:30"))))
	s.pass(clock("11:00"))
	s.want(event.ApprovedLate)
	if v := verdicts(s.out)["act"]; !slices.Equal(v.Behind, []string{"approvals"}) {
		t.Errorf("behind: %v", v.Behind)
	}
	s.match(aGrant(named("in-time")))
	s.want(event.Approved)
}

func TestAnActThatArrivesLateGetsItsTimerAllTheSame(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.pass(clock("11:00"))
	s.match(anAct())
	s.want(event.Pending)
	if len(s.timers) != 1 || !s.timers[0].Due.Equal(clock("09:05")) {
		t.Fatalf("timers: %v", s.timers)
	}
	s.pass(clock("11:00"))
	s.want(event.Bypass)
	if last := s.out[len(s.out)-1]; !last.Time.Equal(clock("11:00")) {
		t.Errorf("recorded at %s", last.Time)
	}
}

func TestAnActThatArrivesLateWaitsForItsLimitFromThenOn(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(clock("12:00"))
	s.match(anAct())
	s.pass(clock("13:04"))
	s.want(event.Pending)
	s.pass(clock("13:05"))
	s.want(event.Undetermined)
}

func TestATimerForNothingChangesNothing(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.pass(nine)
	s.match(anAct())
	m := anAct()
	for _, timer := range []event.Timer{
		{}, {Match: "unknown", Due: clock("12:00")}, {Match: m.ID()}, {Match: m.ID(), Due: clock("09:04")},
	} {
		s.put(event.Input{Timer: &timer})
		s.want(event.Pending)
	}
	due := event.Timer{Match: m.ID(), Due: clock("09:05")}
	s.put(event.Input{Timer: &due})
	s.want(event.Bypass)
	n := len(s.out)
	s.put(event.Input{Timer: &due})
	s.put(event.Input{})
	s.put(event.Input{Match: &event.Match{}})
	if len(s.out) != n {
		t.Errorf("records: %+v", s.out[n:])
	}
}

func TestAGraceTimerThatComesTwiceAsksForOneLimitTimer(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(anAct())
	due := s.timers[0]
	s.pass(clock("09:05"))
	s.put(event.Input{Timer: &due})
	if len(s.timers) != 1 || !s.timers[0].Due.Equal(clock("10:05")) {
		t.Errorf("timers: %v", s.timers)
	}
}

// A policy has as many files as it has; a record has its bound.
func TestAPolicyOfAnySizeHasARecord(t *testing.T) {
	p := event.Policy{By: strings.Repeat("x", 1<<20), Commit: "c0ffee", Repository: "acme/policy"}
	for i := range 5000 {
		p.Files = append(p.Files, event.FileVersion{Path: strings.Repeat("f", i)})
		p.Estate = append(p.Estate, event.RuleVersion{Name: fmt.Sprint("people/", i)})
	}
	records, _ := judge.New(judge.Config{}).Apply(event.Input{Time: clock("08:00"), Policy: &p})
	r := records[0]
	if _, err := r.Encode(); err != nil {
		t.Fatal(err)
	}
	got := r.Body.(*event.Policy)
	more := got.Files[len(got.Files)-1].Path
	if len(got.Files) < 20 || !strings.HasPrefix(more, "… and ") || got.Commit != "c0ffee" || got.Repository != "acme/policy" || len(got.By) > 2000 {
		t.Errorf("%d files, the last %q; by %.20q, commit %q", len(got.Files), more, got.By, got.Commit)
	}
}
