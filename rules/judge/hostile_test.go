package judge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// takenBack is a revocation of the grant with the reference, as of half past eight.
func takenBack(reference string) event.Match {
	m := revoked("08:30", event.Revocation{Kind: "access-grant", Reference: reference, At: clock("08:30")})
	m.Event.ID = "revocation of " + reference
	return m
}

func TestAnApprovalThatWasTakenBackAndForgottenProtectsNothing(t *testing.T) {
	s := newStream(t, judge.Config{MaxApprovals: 2})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant(named("first")))
	s.match(anAct())
	s.pass(clock("09:05"))
	s.match(aGrant(named("second")))
	s.match(takenBack("first"))
	s.want(event.Approved)
	s.match(aGrant(named("third"), covering("elsewhere"))) // there is no place for the first
	s.match(takenBack("second"))
	s.want(event.Bypass)
}

// awaiting is a stream in which an act waits for reviews, which a grant needs.
func awaiting(t *testing.T) *stream {
	s := newStream(t, judge.Config{MaxApprovals: 1})
	p := thePolicy()
	p.Loaded = clock("07:01")
	p.Sources = append(p.Sources, event.SourcePolicy{Name: "reviews", Provides: []string{"review"}})
	s.put(event.Input{Policy: p})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant(grant(func(p *event.Approval) { p.Requires = []event.Requirement{{Kind: "review", Scope: "x"}} })))
	s.match(anAct())
	s.pass(clock("09:05"))
	s.want(event.Pending)
	return s
}

func TestAnActWaitsNoLongerForWhatItHasNoUseOf(t *testing.T) {
	s := awaiting(t)
	s.match(takenBack("AR-1042"))
	s.want(event.Bypass)
}

func TestAnActWaitsOnAfterARestartThoughWhatItWaitsForIsForgotten(t *testing.T) {
	s := awaiting(t)
	s.match(aGrant(named("other"), covering("elsewhere"))) // there is no place for both
	raw, err := s.judge.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.judge.Restore(raw); err != nil {
		t.Fatal(err)
	}
	s.mark("reviews", clock("12:00"))
	s.want(event.Bypass)
}

func TestSomebodyAndTheirBotAreOneApprover(t *testing.T) {
	bot := aGrant(named("bot"), grant(func(p *event.Approval) { p.Approver = event.Party{Name: "bot", Person: "bot", Owner: "bob"} }))
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant())
	s.match(bot)
	s.match(anAct(needs(func(r *event.Requirement) { r.Approvers = 2 })))
	s.pass(clock("12:00"))
	s.want(event.Bypass)
	s.match(aGrant(named("another"), byApprover("carol")))
	s.want(event.Approved)
}

func TestOfTooManyLinksTheNearestAreFollowed(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant(named("review"), covering("near"), grant(func(p *event.Approval) { p.Kind = "review" })))
	for i := range 20_000 {
		scope, when := "nowhere", clock("08:00")
		if i == 10_000 {
			scope, when = "near", clock("08:59")
		}
		s.match(aGrant(named(fmt.Sprint(i)), grant(func(p *event.Approval) {
			p.Recorded, p.Requires = when, []event.Requirement{{Kind: "review", Scope: scope}}
		})))
	}
	s.match(anAct())
	s.pass(clock("12:00"))
	s.want(event.Approved)
	if v := verdicts(s.out)["act"]; len(v.Considered)+v.Omitted != 20_000 || v.Considered[0].Reference != "10000" {
		t.Errorf("%d considered, %d omitted, the first is %s", len(v.Considered), v.Omitted, v.Considered[0].Reference)
	}
}

// Each of the grants leads to each of the reviews.
func TestLinksThatFanOutEndTheInquiry(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	for i := range 1000 {
		s.match(aGrant(named(fmt.Sprint("review-", i)), covering("x"), grant(func(p *event.Approval) {
			p.Kind, p.Until = "review", clock("07:00")
		})))
		s.match(aGrant(named(fmt.Sprint("grant-", i)), grant(func(p *event.Approval) {
			p.Recorded = clock("08:00").Add(time.Duration(i) * time.Second)
			p.Requires = []event.Requirement{{Kind: "review", Scope: "x"}}
		})))
	}
	s.match(anAct())
	s.pass(clock("12:00"))
	s.want(event.Bypass)
	tooFar := 0
	for _, c := range verdicts(s.out)["act"].Considered {
		if c.Why != event.MissingLink {
			t.Errorf("%s: %s", c.Reference, c.Why)
		}
		if strings.Contains(c.Detail, "too far") {
			tooFar++
		}
	}
	if tooFar > 0 {
		t.Errorf("%d of the nearest are not followed", tooFar)
	}
}

func TestTheFirstRevocationCountsInWhateverOrderTheyCome(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant())
	for i, at := range []string{"08:50", "07:59", "08:30", "08:30", "08:40"} {
		m := revoked(at, event.Revocation{Kind: "access-grant", Reference: "AR-1042", At: clock(at)})
		m.Event.ID = fmt.Sprint("revocation-", i)
		s.match(m)
	}
	s.match(anAct())
	s.pass(clock("12:00"))
	s.want(event.Bypass)
	if at := verdicts(s.out)["act"].Considered[0].Revoked; !at.Equal(clock("08:30")) {
		t.Errorf("revoked at %s", at)
	}
}

func TestWhatIsHeldOfRevocationsOfOneThingIsLetGoAsItCame(t *testing.T) {
	s := newStream(t, judge.Config{MaxHeld: 2})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant())
	for i, at := range []string{"08:30", "08:50", "08:40"} {
		m := revoked(at, event.Revocation{Kind: "access-grant", Reference: "AR-1042", At: clock(at)})
		m.Event.ID = fmt.Sprint("revocation-", i)
		s.match(m)
	}
	s.match(anAct())
	s.pass(clock("12:00"))
	if at := verdicts(s.out)["act"].Considered[0].Revoked; !at.Equal(clock("08:40")) {
		t.Errorf("revoked at %s", at)
	}
}
