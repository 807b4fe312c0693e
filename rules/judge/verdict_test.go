package judge_test

import (
	"fmt"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// The specification: alice assumes the admin role at nine, these approvals
// exist, every source is complete; what is the verdict, and why?
func TestTheVerdictOnAnActFollowsFromTheApprovalsThatExist(t *testing.T) {
	var zero time.Time
	for _, c := range []struct {
		name      string
		act       []func(*event.Match)
		approvals []event.Match
		state     event.State
		why       event.Why // of the first considered; empty if there is none
		reason    string
	}{
		{"a grant covers it", nil, []event.Match{aGrant()},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"nothing is there", nil, nil,
			event.Bypass, "", "no access-grant for " + admin + " by alice"},
		{"the grant is for another role", nil, []event.Match{aGrant(covering("arn:aws:iam::1:role/Dev"))},
			event.Bypass, event.OtherScope, "no access-grant for " + admin + " by alice: access-grant AR-1042 is for arn:aws:iam::1:role/Dev"},
		{"the grant is for another person", nil, []event.Match{aGrant(forActor("carol"))},
			event.Bypass, event.OtherActor, "no access-grant for " + admin + " by alice: access-grant AR-1042 is for carol"},
		{"the grant is for another person and another role", nil, []event.Match{aGrant(forActor("carol"), covering("elsewhere"))},
			event.Bypass, "", "no access-grant for " + admin + " by alice"},
		{"the grant is of another kind", nil, []event.Match{aGrant(grant(func(p *event.Approval) { p.Kind = "break-glass" }))},
			event.Bypass, "", "no access-grant for " + admin + " by alice"},
		{"the grant names nobody", nil, []event.Match{aGrant(forActor(""))},
			event.Bypass, event.OtherActor, "no access-grant for " + admin + " by alice: access-grant AR-1042 is for somebody unnamed"},
		{"the grant covers nothing", nil, []event.Match{aGrant(covering(""))},
			event.Bypass, event.OtherScope, "no access-grant for " + admin + " by alice: access-grant AR-1042 is for something unnamed"},
		{"the grant names no approver", nil, []event.Match{aGrant(byApprover(""))},
			event.Bypass, event.NoApprover, "no access-grant for " + admin + " by alice: access-grant AR-1042 names no approver"},
		{"the grant is her own", nil, []event.Match{aGrant(byApprover("ALICE"))},
			event.Bypass, event.SelfApproved, "no access-grant for " + admin + " by alice: access-grant AR-1042 was approved by ALICE, who is not independent"},
		{"the grant begins later", nil, []event.Match{aGrant(valid(clock("09:01"), zero))},
			event.Bypass, event.NotYetValid, "no access-grant for " + admin + " by alice: access-grant AR-1042 is valid only from 2026-11-16 09:01 UTC"},
		{"the grant has ended", nil, []event.Match{aGrant(valid(zero, nine.Add(-time.Second)))},
			event.Bypass, event.Expired, "no access-grant for " + admin + " by alice: access-grant AR-1042 expired at 2026-11-16 08:59:59 UTC"},
		{"the grant ends at that moment", nil, []event.Match{aGrant(valid(zero, nine))},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"the grant was recorded later", nil, []event.Match{aGrant(recorded(clock("09:03")))},
			event.ApprovedLate, event.RecordedAfter, "approved only after the act, by bob (AR-1042): recorded at 2026-11-16 09:03 UTC"},
		{"the grant was recorded later and says nothing of when it is valid", nil, []event.Match{aGrant(recorded(clock("09:03")), valid(zero, zero))},
			event.ApprovedLate, event.RecordedAfter, "approved only after the act, by bob (AR-1042): recorded at 2026-11-16 09:03 UTC"},
		{"the grant was recorded later and holds from then on", nil, []event.Match{aGrant(recorded(clock("09:03")), valid(clock("09:03"), zero))},
			event.ApprovedLate, event.RecordedAfter, "approved only after the act, by bob (AR-1042): recorded at 2026-11-16 09:03 UTC"},
		{"the grant was recorded later and begins later still", nil, []event.Match{aGrant(recorded(clock("09:02")), valid(clock("09:03"), zero))},
			event.Bypass, event.NotYetValid, "no access-grant for " + admin + " by alice: access-grant AR-1042 is valid only from 2026-11-16 09:03 UTC"},
		{"the clocks may differ by as much", skewed(3 * time.Minute), []event.Match{aGrant(recorded(clock("09:03")), valid(clock("09:03"), zero))},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"the clocks may not differ by as much", skewed(2 * time.Minute), []event.Match{aGrant(recorded(clock("09:03")))},
			event.ApprovedLate, event.RecordedAfter, "approved only after the act, by bob (AR-1042): recorded at 2026-11-16 09:03 UTC"},
		{"no skew revives an expired grant", skewed(time.Hour), []event.Match{aGrant(valid(zero, clock("08:59")))},
			event.Bypass, event.Expired, "no access-grant for " + admin + " by alice: access-grant AR-1042 expired at 2026-11-16 08:59 UTC"},
		{"people are compared without case", nil, []event.Match{aGrant(forActor("Alice"))},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"a wildcard covers it", nil, []event.Match{aGrant(covering("arn:aws:iam::*:role/Adm*"))},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"a kind that nobody has to give", nil, []event.Match{aGrant(grant(func(p *event.Approval) { p.NeedsApprover, p.Approver = false, event.Party{} }))},
			event.Approved, event.Covers, "approved by access-grant AR-1042"},
		{"a grant without a reference", nil, []event.Match{aGrant(grant(func(p *event.Approval) { p.Reference = "" }))},
			event.Approved, event.Covers, "approved by bob (access-grant)"},
		{"anybody may act on it", anybody(), []event.Match{aGrant(forActor("carol"))},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"anybody may act on it, and it is for another role", anybody(), []event.Match{aGrant(covering("elsewhere"))},
			event.Bypass, "", "no access-grant for " + admin},
		{"one of two covers it", nil, []event.Match{aGrant(named("AR-1"), byApprover("alice")), aGrant(named("AR-2"))},
			event.Approved, event.Covers, "approved by bob (AR-2)"},
		{"a late one is worth more than a wrong one", nil, []event.Match{aGrant(named("AR-1"), recorded(clock("09:02"))), aGrant(named("AR-2"), valid(zero, clock("08:30")))},
			event.ApprovedLate, event.RecordedAfter, "approved only after the act, by bob (AR-1): recorded at 2026-11-16 09:02 UTC"},
		{"a second kind would do", orBreakGlass(), []event.Match{aGrant(covering("1"), grant(func(p *event.Approval) { p.Kind = "break-glass" }))},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"it covers one of two scopes that would do", orScope("elsewhere", admin), []event.Match{aGrant()},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"it covers the other of the two", orScope(admin, "elsewhere"), []event.Match{aGrant()},
			event.Approved, event.Covers, "approved by bob (AR-1042)"},
		{"neither kind is there", orBreakGlass(), nil,
			event.Bypass, "", "no access-grant for " + admin + " by alice, and no break-glass for 1"},
		{"a kind that no source provides", kind("change-ticket"), nil,
			event.Bypass, "", "no change-ticket for " + admin + " by alice: no source provides change-ticket"},
		{"nothing can approve it", []func(*event.Match){act(func(a *event.Act) { a.ApprovedBy = nil })}, []event.Match{aGrant()},
			event.Bypass, "", "nothing can approve this: every occurrence is a bypass"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, order := range []string{"approvals first", "act first"} {
				s := newStream(t, judge.Config{})
				s.mark("approvals", clock("12:00"))
				s.pass(nine)
				if order == "act first" {
					s.match(anAct(c.act...))
				}
				for _, p := range c.approvals {
					s.match(p)
				}
				if order != "act first" {
					s.match(anAct(c.act...))
				}
				s.pass(clock("12:00"))
				check(t, order, verdicts(s.out)["act"], c.state, c.why, c.reason)
			}
		})
	}
}

func check(t *testing.T, order string, v event.Verdict, state event.State, why event.Why, reason string) {
	t.Helper()
	var first event.Why
	if len(v.Considered) > 0 {
		first = v.Considered[0].Why
	}
	if v.Verdict != state || first != why || v.Reason != reason {
		t.Errorf("%s:\n got %s, %q, %q\nwant %s, %q, %q", order, v.Verdict, first, v.Reason, state, why, reason)
	}
}

func skewed(d time.Duration) []func(*event.Match) {
	return []func(*event.Match){needs(func(r *event.Requirement) { r.Skew = d })}
}

func anybody() []func(*event.Match) {
	return []func(*event.Match){needs(func(r *event.Requirement) { r.SameActor = false })}
}

func kind(k string) []func(*event.Match) {
	return []func(*event.Match){needs(func(r *event.Requirement) { r.Kind = k })}
}

func orBreakGlass() []func(*event.Match) {
	return []func(*event.Match){act(func(a *event.Act) {
		a.ApprovedBy = append(a.ApprovedBy, event.Requirement{Kind: "break-glass", Scope: "1"})
	})}
}

func orScope(scopes ...string) []func(*event.Match) {
	return []func(*event.Match){act(func(a *event.Act) {
		first := a.ApprovedBy[0]
		a.ApprovedBy = nil
		for _, scope := range scopes {
			first.Scope = scope
			a.ApprovedBy = append(a.ApprovedBy, first)
		}
	})}
}

// The reasons are looked for in this order: an approval with every fault is
// named for the first, and with each fault mended for the next.
func TestWeighNamesTheFirstFaultInOrder(t *testing.T) {
	a := anAct()
	p := aGrant(covering("elsewhere"), byApprover(""),
		valid(clock("09:20"), clock("08:10")), recorded(clock("09:10")))
	for _, step := range []struct {
		why  event.Why
		mend func(*event.Match)
	}{
		{event.OtherScope, func(m *event.Match) { covering(admin)(m); forActor("carol")(m) }},
		{event.OtherActor, forActor("alice")},
		{event.NoApprover, byApprover("alice")},
		{event.SelfApproved, byApprover("bob")},
		{event.NotYetValid, valid(clock("08:00"), clock("08:10"))},
		{event.Expired, valid(clock("08:00"), clock("10:00"))},
		{event.RecordedAfter, recorded(clock("08:00"))},
		{event.Covers, func(*event.Match) {}},
	} {
		if got := why(t, a, p); got != step.why {
			t.Fatalf("got %s, want %s", got, step.why)
		}
		step.mend(&p)
	}
}

func TestAPatternCoversAsItsStarsSay(t *testing.T) {
	for _, c := range []struct {
		pattern, scope string
		covers         bool
	}{
		{"", "", false}, {"", "a", false}, {"a", "a", true}, {"a", "A", false}, {"a", "ab", false},
		{"*", "", false}, {"*", "anything", true}, {"a*", "a", true}, {"a*", "ba", false},
		{"*a", "ba", true}, {"*a", "ab", false}, {"a*a", "a", false}, {"a*a", "aa", true}, {"a*b*a", "aba", true},
		{"a*b*a", "axbxxba", true}, {"a*b*b", "ab", false}, {"**", "x", true}, {"a**b", "ab", true},
		{"*ab*ab", "ab-ab", true}, {"*ab*ab", "xab", false}, {"ü*", "über", true}, {"a?", "ab", false}, {"[a]", "a", false},
	} {
		a := anAct(needs(func(r *event.Requirement) { r.Scope = c.scope }))
		got := why(t, a, aGrant(covering(c.pattern))) == event.Covers
		if got != c.covers {
			t.Errorf("%q covers %q: %v", c.pattern, c.scope, got)
		}
	}
}

func TestConsideredApprovalsStandInOrderAndTheirNumberIsBounded(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.pass(nine)
	const each = 9
	for i := range each {
		ref := fmt.Sprintf("-%d", i)
		s.match(aGrant(named("own"+ref), byApprover("alice")))
		s.match(aGrant(named("other"+ref), covering("elsewhere")))
		s.match(aGrant(named("expired"+ref), valid(time.Time{}, clock("08:30").Add(time.Duration(i)*time.Minute)),
			recorded(clock("08:00").Add(time.Duration(i)*time.Minute))))
	}
	s.match(anAct())
	s.pass(clock("12:00"))
	v := verdicts(s.out)["act"]
	if len(v.Considered) != event.MaxConsidered || v.Omitted != 3*each-event.MaxConsidered {
		t.Fatalf("%d considered and %d omitted", len(v.Considered), v.Omitted)
	}
	for i, want := range []string{"expired-8", "expired-7", "expired-6", "expired-5", "expired-4", "expired-3", "expired-2", "expired-1", "expired-0", "own-0", "own-1"} {
		if got := v.Considered[i].Reference; got != want {
			t.Errorf("considered %d is %s, want %s", i, got, want)
		}
	}
	const reason = "no access-grant for " + admin + " by alice: access-grant expired-8 expired at 2026-11-16 08:38 UTC; " +
		"access-grant expired-7 expired at 2026-11-16 08:37 UTC; access-grant expired-6 expired at 2026-11-16 08:36 UTC; 24 more do not count"
	if v.Reason != reason {
		t.Errorf("reason: %s", v.Reason)
	}
}

// why is the reason for which an approval does or does not count for an act.
func why(t *testing.T, a, p event.Match) event.Why {
	t.Helper()
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(p)
	s.match(a)
	s.pass(clock("12:00"))
	if list := verdicts(s.out)[a.Event.ID].Considered; len(list) > 0 {
		return list[0].Why
	}
	return ""
}
