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

func TestARecordFitsTheLedgerWhateverTheInput(t *testing.T) {
	for _, hostile := range []string{
		strings.Repeat("x", 1<<16), strings.Repeat("\x00", 1<<12), strings.Repeat("<&>", 1<<11),
		strings.Repeat("\xff", 1<<12), strings.Repeat("\u2028", 1<<11), strings.Repeat("🙂", 1<<11), strings.Repeat("x", 1<<10), strings.Repeat("\"", 1<<9), strings.Repeat("…", 340) + "*",
	} {
		parties := slices.Repeat([]event.Party{{Name: hostile, Person: hostile}}, 20)
		long := func(m *event.Match) {
			m.Rule = event.RuleRef{ID: hostile, Name: hostile, Title: hostile, Level: event.Level(hostile)}
			m.Control = hostile
			m.Event = event.Ref{
				Source: hostile, Product: hostile, Service: hostile, Scope: hostile, ID: hostile + m.Event.ID,
				Kind: hostile, Origin: hostile, Batch: hostile, Occurred: nine, Received: time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC),
			}
		}
		s := newStream(t, judge.Config{}) // it checks every record
		p := event.Policy{Version: hostile}
		for i := range 5000 {
			p.Rules = append(p.Rules, event.RuleVersion{Name: fmt.Sprint(hostile[:min(i, 100)], i)})
			p.Filters = append(p.Filters, event.RuleVersion{Name: fmt.Sprint("filter-", i)})
			p.Sources = append(p.Sources, event.SourcePolicy{Name: fmt.Sprint("source-", i)})
			if i < 200 {
				p.Rejected = append(p.Rejected, event.RejectedRule{File: hostile, Name: hostile, Message: hostile})
			}
		}
		p.Sources[0].Provides = []string{hostile}
		s.put(event.Input{Policy: &p})
		for i := range 25 {
			s.match(aGrant(long, func(m *event.Match) { m.Event.Index, m.Event.ID = i, fmt.Sprint(hostile, i) }, grant(func(p *event.Approval) {
				*p = event.Approval{
					Kind: hostile, Actor: parties[0], Approver: event.Party{Name: hostile, Person: fmt.Sprint(hostile, i)}, Covers: fmt.Sprint(hostile, i%2),
					Recorded: time.Date(99999, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC), Reference: hostile,
				}
			})))
		}
		s.match(anAct(long, act(func(a *event.Act) {
			r := event.Requirement{Kind: hostile, Scope: hostile + "0", SameActor: true, IndependentOf: parties}
			*a = event.Act{Actor: parties[0], Resource: hostile, Scope: hostile, ApprovedBy: slices.Repeat([]event.Requirement{r}, 20)}
		})))
		s.pass(clock("23:00"))
		if len(alerts(s.out)) != 1 {
			t.Errorf("%d alerts", len(alerts(s.out)))
		}
		for _, v := range verdicts(s.out) {
			if len(v.Considered) == 0 || len(v.Considered)+v.Omitted != 25 {
				t.Errorf("%d considered and %d omitted", len(v.Considered), v.Omitted)
			}
		}
	}
}

func TestLongNamesThatDifferStayDifferent(t *testing.T) {
	long := strings.Repeat("arn:", 1000)
	same, other := long+"a", long+"b"
	for scope, want := range map[string]event.State{same: event.Approved, other: event.Bypass} {
		s := newStream(t, judge.Config{})
		s.mark("approvals", clock("12:00"))
		s.match(aGrant(covering(scope)))
		s.pass(nine)
		s.match(anAct(needs(func(r *event.Requirement) { r.Scope = same })))
		s.pass(clock("12:00"))
		s.want(want)
		if v := verdicts(s.out)["act"]; len(v.Required[0].Scope) > 1024 || !strings.HasPrefix(v.Required[0].Scope, "arn:arn:") {
			t.Errorf("scope %q", v.Required[0].Scope)
		}
	}
}

func TestALongNameIsTheSamePersonInWhateverCase(t *testing.T) {
	long := strings.Repeat("alice", 1000)
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant(byApprover(strings.ToUpper(long)), forActor(long)))
	s.pass(nine)
	s.match(anAct(act(func(a *event.Act) {
		a.Actor.Person = long
		a.ApprovedBy[0].IndependentOf = []event.Party{{Person: long}}
	})))
	s.pass(clock("12:00"))
	if c := verdicts(s.out)["act"].Considered; len(c) != 1 || c[0].Why != event.SelfApproved {
		t.Errorf("considered: %+v", c)
	}
}

// The end of a long scope is a digest in the judge's memory. No pattern may
// take it for the scope's own end.
func TestNoPatternCoversTheDigestOfALongScope(t *testing.T) {
	scope := strings.Repeat("x", 5000)
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	for i, end := range strings.Split("0123456789abcdef", "") {
		s.match(aGrant(covering("*"+end), named(fmt.Sprint(i))))
	}
	s.pass(nine)
	s.match(anAct(needs(func(r *event.Requirement) { r.Scope = scope })))
	s.pass(clock("12:00"))
	s.want(event.Bypass)
	s.match(aGrant(covering("xx*"), named("whole")))
	s.want(event.Approved)
}

func TestTheIdentityOfAVerdictIsThatOfTheMatchHoweverLongItsNames(t *testing.T) {
	m := anAct(withID(strings.Repeat("e", 4000)), act(func(a *event.Act) { a.ApprovedBy = nil }))
	s := newStream(t, judge.Config{})
	s.match(m)
	v, a := s.out[1].Body.(*event.Verdict), s.out[2].Body.(*event.Alert)
	if v.ID != m.ID() || a.ID != event.AlertID(m) {
		t.Errorf("verdict %s, alert %s", v.ID, a.ID)
	}
}

func TestIndependenceIsJudgedByAllPartiesHoweverMany(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant(byApprover("author-9999")))
	s.pass(nine)
	s.match(anAct(needs(func(r *event.Requirement) {
		for i := range 10_000 {
			r.IndependentOf = append(r.IndependentOf, event.Party{Person: fmt.Sprint("author-", i)})
		}
	})))
	s.pass(clock("12:00"))
	s.want(event.Bypass)
	if why := verdicts(s.out)["act"].Considered[0].Why; why != event.SelfApproved {
		t.Error(why)
	}
}

func TestTheOldestActsAreLetGoWithAVerdictAndCounted(t *testing.T) {
	s := newStream(t, judge.Config{MaxHeld: 10})
	s.pass(nine)
	for i := range 25 {
		s.match(anAct(withID(fmt.Sprint(i))))
	}
	if st := s.judge.Stats(); st.Pending != 10 || st.Open != 0 || st.LetGo != 15 {
		t.Errorf("stats: %+v", st)
	}
	for i := range 25 {
		want := event.Undetermined
		if i >= 15 {
			want = event.Pending
		}
		if got := s.state(fmt.Sprint(i)); got != want {
			t.Errorf("act %d is %s, want %s", i, got, want)
		}
	}
	n := len(s.out)
	s.match(anAct(withID("14"))) // comes again
	if len(s.out) != n {
		t.Errorf("an act that was let go is judged again: %+v", s.out[n:])
	}
}

func TestTheOldestApprovalsAreLetGoAndCounted(t *testing.T) {
	s := newStream(t, judge.Config{MaxApprovals: 10})
	s.match(aGrant())
	for i := range 10 {
		s.match(aGrant(named(fmt.Sprint(i)), covering("elsewhere")))
	}
	if st := s.judge.Stats(); st.Approvals != 10 || st.LetGo != 1 {
		t.Errorf("stats: %+v", st)
	}
	s.pass(nine)
	s.match(anAct())
	s.want(event.Pending)
}

func TestWhatIsOlderThanTheMemoryIsForgottenWithoutCounting(t *testing.T) {
	week := 7 * 24 * time.Hour
	s := newStream(t, judge.Config{})
	s.mark("approvals", nine.Add(10*week))
	s.match(aGrant(named("expires"), valid(time.Time{}, clock("08:30"))))
	s.match(aGrant(named("stays"), covering("elsewhere"), valid(time.Time{}, time.Time{})))
	s.pass(nine)
	s.match(anAct())
	s.pass(clock("09:05"))
	s.want(event.Bypass)

	s.pass(clock("08:30").Add(week))
	s.mark("trail", nine)
	if st := s.judge.Stats(); st.Open != 1 || st.Approvals != 2 {
		t.Errorf("too early: %+v", st)
	}
	s.pass(nine.Add(week + time.Second))
	s.mark("trail", clock("10:00"))
	if st := s.judge.Stats(); st.Open != 0 || st.Approvals != 1 || st.LetGo != 0 {
		t.Errorf("stats: %+v", st)
	}
	n := len(s.out)
	s.match(aGrant(named("too-late")))
	if len(s.out) != n {
		t.Errorf("records: %+v", s.out[n:])
	}
}

func TestAnApprovalThatHadExpiredWhenItArrivedIsKeptToExplain(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.pass(nine)
	old := nine.AddDate(0, -1, 0)
	s.match(aGrant(recorded(old), valid(old, old.Add(time.Hour))))
	s.match(anAct())
	s.pass(clock("12:00"))
	if c := verdicts(s.out)["act"].Considered; len(c) != 1 || c[0].Why != event.Expired {
		t.Errorf("considered: %+v", c)
	}
}

// Whoever can set an event's time must not be able to put off its verdict.
func TestAnActThatClaimsToHappenInTheFarFutureIsJudgedByItsArrival(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(anAct(at(time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC))))
	s.pass(nine.Add(8 * 24 * time.Hour))
	s.mark("approvals", s.now)
	s.want(event.Bypass)
}
