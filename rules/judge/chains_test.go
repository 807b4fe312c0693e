package judge_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// The delivery of a release: alice wrote the commit and opened the pull
// request, bob reviewed it, carol let it into production.
const (
	pull   = "acme/shop#7@fade"
	commit = "acme/shop@c0ffee"
	image  = "sha256:d1ce"
)

func party(name string) event.Party { return event.Party{Name: name, Person: name} }

// given is an approval of a kind for something, by somebody at a time of day.
func given(kind, covers, approver, hhmm string, edit ...func(*event.Match)) event.Match {
	when := clock(hhmm)
	m := aGrant(named(kind+" of "+approver), grant(func(p *event.Approval) {
		*p = event.Approval{
			Kind: kind, Covers: covers, Approver: party(approver), NeedsApprover: approver != "", Recorded: when, Reference: p.Reference,
		}
		if approver == "" {
			p.Approver = event.Party{}
		}
	}), at(when))
	for _, e := range edit {
		e(&m)
	}
	return m
}

func requiring(list ...event.Requirement) func(*event.Match) {
	return grant(func(p *event.Approval) { p.Requires = list })
}

func needing(list ...event.Requirement) func(*event.Match) {
	return act(func(a *event.Act) { a.ApprovedBy = list })
}

// fact states a fact at a time of day.
func fact(who, is, of, hhmm string) event.Match {
	return event.Match{
		Rule: event.RuleRef{ID: "rule-facts", Name: "facts"}, Event: event.Ref{Source: "vcs", ID: who + is + of + hhmm, Occurred: clock(hhmm), Received: clock(hhmm)},
		Facts: []event.Fact{{Is: is, Of: of, Who: party(who), Since: clock(hhmm)}},
	}
}

func revoked(hhmm string, r event.Revocation) event.Match {
	r.At = clock(hhmm)
	return event.Match{
		Rule:  event.RuleRef{ID: "rule-revocation", Name: "revocation"},
		Event: event.Ref{Source: "approvals", ID: "revoked" + hhmm, Occurred: clock(hhmm), Received: clock(hhmm)}, Revocation: &r,
	}
}

// running is a pod that runs the image; the links lead to the review.
func running() event.Match {
	return anAct(needing(event.Requirement{Kind: "build-attestation", Scope: image}))
}

var (
	byReview = event.Requirement{Kind: "pull-request-review", Scope: pull, IndependentOf: []event.Party{party("alice")},
		Separate: []event.FactRef{{Is: "pusher", Of: "acme/shop@fade"}}}
	byPull = event.Requirement{Kind: "merged-pull-request", Scope: commit}
)

func build() event.Match { return given("build-attestation", image, "", "08:20", requiring(byPull)) }
func merge() event.Match {
	return given("merged-pull-request", commit, "", "08:10", requiring(byReview))
}
func review() event.Match { return given("pull-request-review", pull, "bob", "08:05") }

// judgedWith plays the matches and returns the verdict on the act.
func judgedWith(t *testing.T, matches ...event.Match) event.Verdict {
	t.Helper()
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.pass(nine)
	for _, m := range matches {
		s.match(m)
	}
	s.pass(clock("12:00"))
	return verdicts(s.out)["act"]
}

func TestAnActIsTracedBackThroughEveryLinkOfItsApproval(t *testing.T) {
	for _, c := range []struct {
		name    string
		matches []event.Match
		state   event.State
		why     event.Why
		reason  string // contains
	}{
		{"the whole chain", []event.Match{build(), merge(), review()}, event.Approved, event.Covers, "approved by build-attestation build-attestation of"},
		{"no build", []event.Match{merge(), review()}, event.Bypass, "", "no build-attestation for " + image},
		{"no pull request", []event.Match{build(), review()}, event.Bypass, event.MissingLink, "has no merged-pull-request for " + commit},
		{"no review", []event.Match{build(), merge()}, event.Bypass, event.MissingLink,
			"has no merged-pull-request for " + commit + ": merged-pull-request merged-pull-request of has no pull-request-review for " + pull},
		{"the author's own review", []event.Match{build(), merge(), given("pull-request-review", pull, "alice", "08:05")}, event.Bypass, event.MissingLink,
			"pull-request-review pull-request-review of alice was approved by alice, who is not independent"},
		{"a review by whoever pushed last", []event.Match{build(), merge(), review(), fact("bob", "pusher", "acme/shop@fade", "08:04")}, event.Bypass, event.MissingLink,
			"pull-request-review of bob was approved by bob, who is pusher of acme/shop@fade"},
		{"a push by somebody else", []event.Match{build(), merge(), review(), fact("carol", "pusher", "acme/shop@fade", "08:04")}, event.Approved, event.Covers, "build-attestation of"},
		{"a review after the merge, before the act", []event.Match{build(), merge(), given("pull-request-review", pull, "bob", "08:50")}, event.Approved, event.Covers, "build-attestation of"},
		{"a review after the act", []event.Match{build(), merge(), given("pull-request-review", pull, "bob", "09:02")}, event.ApprovedLate, event.RecordedAfter, "recorded at 2026-11-16 09:02 UTC"},
		{"a review that was taken back before the merge", []event.Match{build(), merge(), review(), revoked("08:07", event.Revocation{Kind: "pull-request-review", Reference: "pull-request-review of bob"})},
			event.Bypass, event.MissingLink, "pull-request-review pull-request-review of bob was revoked at 2026-11-16 08:07 UTC"},
		{"a review that was taken back after the merge", []event.Match{build(), merge(), review(), revoked("08:30", event.Revocation{Kind: "pull-request-review", Reference: "pull-request-review of bob"})},
			event.Approved, event.Covers, "build-attestation of"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := judgedWith(t, append(c.matches, running())...)
			var why event.Why
			if len(v.Considered) > 0 {
				why = v.Considered[0].Why
			}
			if v.Verdict != c.state || why != c.why || !strings.Contains(v.Reason, c.reason) {
				t.Errorf("%s, %q: %s", v.Verdict, why, v.Reason)
			}
		})
	}
}

func TestAVerdictShowsTheWholeChain(t *testing.T) {
	v := judgedWith(t, build(), merge(), review(), running())
	var kinds []string
	for list := v.Considered; len(list) > 0; list = list[0].Links {
		kinds = append(kinds, list[0].Kind)
	}
	if got := strings.Join(kinds, " < "); got != "build-attestation < merged-pull-request < pull-request-review" {
		t.Error(got)
	}
}

func TestWhoeverApprovedALinkDoesNotReviewTheAlert(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	for _, m := range []event.Match{build(), merge(), given("pull-request-review", pull, "alice", "08:05"), running()} {
		s.match(m)
	}
	s.pass(clock("12:00"))
	if a := alerts(s.out); len(a) != 1 || len(a[0].Considered) != 1 || a[0].Considered[0].Person != "alice" {
		t.Errorf("alerts: %+v", a)
	}
}

func TestLinksThatLeadInACircleEndTheInquiry(t *testing.T) {
	v := judgedWith(t, given("build-attestation", image, "", "08:20", requiring(event.Requirement{Kind: "build-attestation", Scope: image})), running())
	if v.Verdict != event.Bypass || v.Considered[0].Why != event.MissingLink {
		t.Errorf("%s: %s", v.Verdict, v.Reason)
	}
}

func TestApproversHaveToBeEnoughAndOfTheirGroup(t *testing.T) {
	const release = "acme/shop/production"
	r := event.Requirement{Kind: "deployment-review", Scope: release, Approvers: 2, Group: "releasers", MemberFor: time.Hour, IndependentOf: []event.Party{party("alice")}}
	by := func(approver, hhmm string, groups ...string) event.Match {
		return given("deployment-review", release, approver, hhmm, grant(func(p *event.Approval) { p.Approver.Groups = groups }))
	}
	for _, c := range []struct {
		name    string
		matches []event.Match
		state   event.State
		why     event.Why
	}{
		{"two", []event.Match{by("bob", "08:30", "releasers"), by("carol", "08:40", "releasers")}, event.Approved, event.Covers},
		{"one", []event.Match{by("bob", "08:30", "releasers")}, event.Bypass, event.NotEnough},
		{"one, twice", []event.Match{by("bob", "08:30", "releasers"), by("Bob", "08:40", "releasers")}, event.Bypass, event.NotEnough},
		{"the second one late", []event.Match{by("bob", "08:30", "releasers"), by("carol", "09:01", "releasers")}, event.ApprovedLate, event.RecordedAfter},
		{"the second one alice", []event.Match{by("bob", "08:30", "releasers"), by("alice", "08:40", "releasers")}, event.Bypass, event.SelfApproved},
		{"one of another group", []event.Match{by("bob", "08:30", "guests")}, event.Bypass, event.OtherGroup},
		{"one who joined just before", []event.Match{by("bob", "08:30", "releasers"), by("mallory", "08:40", "releasers"), fact("mallory", "member", "releasers", "08:35")}, event.Bypass, event.NewApprover},
		{"both joined just before", []event.Match{by("bob", "08:30", "releasers"), fact("bob", "member", "releasers", "08:29")}, event.Bypass, event.NewApprover},
		{"one who joined after approving", []event.Match{by("bob", "08:30", "releasers"), fact("bob", "member", "releasers", "08:45")}, event.Bypass, event.NewApprover},
		{"one who joined long ago", []event.Match{by("bob", "08:30", "releasers"), by("carol", "08:40", "releasers"), fact("carol", "member", "releasers", "07:00")}, event.Approved, event.Covers},
	} {
		if v := judgedWith(t, append(c.matches, anAct(needing(r)))...); v.Verdict != c.state || len(v.Considered) == 0 || v.Considered[0].Why != c.why {
			t.Errorf("%s: %s: %s", c.name, v.Verdict, v.Reason)
		}
	}
}

func TestRequirementsThatBelongTogetherAreAllNeeded(t *testing.T) {
	both := event.Requirement{Kind: "deployment-review", Scope: "x", Also: []event.Requirement{{Kind: "change-ticket", Scope: "x"}}}
	yes, ticket := given("deployment-review", "x", "bob", "08:30"), given("change-ticket", "x", "carol", "08:40")
	late := given("change-ticket", "x", "carol", "09:02")
	for _, c := range []struct {
		name    string
		matches []event.Match
		state   event.State
		why     event.Why
	}{
		{"both", []event.Match{yes, ticket}, event.Approved, event.Covers},
		{"one", []event.Match{ticket}, event.Bypass, event.NotEnough},
		{"one late", []event.Match{yes, late}, event.ApprovedLate, event.RecordedAfter},
	} {
		if v := judgedWith(t, append(c.matches, anAct(needing(both)))...); v.Verdict != c.state || v.Considered[0].Why != c.why {
			t.Errorf("%s: %s, %s: %s", c.name, v.Verdict, v.Considered[0].Why, v.Reason)
		}
	}
	v := judgedWith(t, ticket, anAct(needing(both)))
	if want := "no deployment-review for x together with change-ticket for x: change-ticket change-ticket of carol by carol is not enough"; !strings.HasPrefix(v.Reason, want) {
		t.Error(v.Reason)
	}
}

func TestAnApprovalOfAWiderScopeCoversWhatItHolds(t *testing.T) {
	r := event.Requirement{Kind: "access-grant", Scope: admin, Within: []string{"1", "acme"}}
	for covers, want := range map[string]event.State{admin: event.Approved, "1": event.Approved, "acme": event.Approved, "2": event.Bypass} {
		if v := judgedWith(t, given("access-grant", covers, "bob", "08:30"), anAct(needing(r))); v.Verdict != want {
			t.Errorf("%s: %s", covers, v.Verdict)
		}
	}
}

func TestWhoBeganASessionStandsBehindIt(t *testing.T) {
	session := func(who, of string) event.Match { return fact(who, event.FactSession, of, "08:30") }
	in := func(name string) func(*event.Match) {
		return act(func(a *event.Act) {
			a.Actor = event.Party{Name: "arn:…/" + name, Person: "arn:…/" + name, Unknown: true, Session: name}
		})
	}
	v := judgedWith(t, aGrant(), session("alice", "aws/ASIA1"), anAct(in("aws/ASIA1")))
	if v.Verdict != event.Approved || v.Actor.Person != "alice" || v.Actor.Chain[0] != (event.Hop{By: event.FactSession, Name: "alice"}) {
		t.Errorf("%s by %+v", v.Verdict, v.Actor)
	}
	v = judgedWith(t, aGrant(byApprover("carol"), forActor("arn:…/aws/ASIA1")), anAct(in("aws/ASIA1"), act(func(a *event.Act) {
		a.ApprovedBy[0].IndependentOf = []event.Party{a.Actor}
	})), session("Carol", "aws/ASIA1"))
	if v.Verdict != event.Bypass || v.Actor.Person != "Carol" {
		t.Errorf("approved by whoever stands behind: %s by %+v", v.Verdict, v.Actor)
	}
	chained := session("x", "aws/ASIA1")
	chained.Facts[0].Who = event.Party{Name: "role", Person: "role", Unknown: true, Session: "aws/ASIA0"}
	if v = judgedWith(t, chained, session("alice", "aws/ASIA0"), anAct(in("aws/ASIA1"))); v.Actor.Person != "alice" || len(v.Actor.Chain) != 2 {
		t.Errorf("through two roles: %+v", v.Actor)
	}
}

func TestTheOwnerOfABotApprovesThroughIt(t *testing.T) {
	p := aGrant(grant(func(p *event.Approval) { p.Approver = event.Party{Name: "bot", Person: "bot", Owner: "alice"} }))
	if got := why(t, anAct(), p); got != event.SelfApproved {
		t.Error(got)
	}
}

func TestTheClocksOfTwoSourcesMayDiffer(t *testing.T) {
	late := aGrant(recorded(clock("09:02")), valid(time.Time{}, time.Time{}))
	for skew, want := range map[time.Duration]event.State{0: event.ApprovedLate, time.Minute: event.ApprovedLate, 2 * time.Minute: event.Approved} {
		s := newStream(t, judge.Config{})
		p := thePolicy()
		p.Loaded = clock("07:01")
		p.Sources[1].Skew = skew
		s.put(event.Input{Policy: p})
		s.mark("approvals", clock("12:00"))
		s.match(late)
		s.match(anAct())
		s.pass(clock("12:00"))
		if got := s.state("act"); got != want {
			t.Errorf("%s: %s", skew, got)
		}
	}
}

func TestARevocationThatArrivesLateTakesTheVerdictBack(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.match(aGrant())
	s.pass(nine)
	s.match(anAct())
	s.pass(clock("10:00"))
	s.want(event.Approved)
	s.match(revoked("08:30", event.Revocation{Kind: "access-grant", Reference: "AR-1042"}))
	s.want(event.Bypass)
	v := verdicts(s.out)["act"]
	if v.Revision != 2 || v.Considered[0].Why != event.Revoked || !strings.HasSuffix(v.Reason, "access-grant AR-1042 was revoked at 2026-11-16 08:30 UTC") {
		t.Errorf("%+v", v)
	}
	if a := alerts(s.out); len(a) != 1 || a[0].State != event.Bypass || a[0].Occurrences != 1 {
		t.Errorf("alerts: %+v", a)
	}
	s.match(aGrant(named("AR-1043")))
	s.want(event.Approved)
	if a := alerts(s.out); len(a) != 1 || a[0].State != event.Approved || a[0].Occurrences != 1 {
		t.Errorf("alerts: %+v", a)
	}
}

func TestARevocationTakesBackWhatWasRecordedBeforeIt(t *testing.T) {
	byWhom := event.Revocation{Kind: "access-grant", Covers: admin, Approver: party("BOB")}
	for _, c := range []struct {
		name string
		r    event.Match
		why  event.Why
	}{
		{"by reference", revoked("08:59", event.Revocation{Kind: "access-grant", Reference: "AR-1042"}), event.Revoked},
		{"at the moment of the act", revoked("09:00", event.Revocation{Kind: "access-grant", Reference: "AR-1042"}), event.Revoked},
		{"after the act", revoked("09:01", event.Revocation{Kind: "access-grant", Reference: "AR-1042"}), event.Covers},
		{"before it was recorded", revoked("07:59", event.Revocation{Kind: "access-grant", Reference: "AR-1042"}), event.Covers},
		{"another", revoked("08:59", event.Revocation{Kind: "access-grant", Reference: "AR-1"}), event.Covers},
		{"of another kind", revoked("08:59", event.Revocation{Kind: "break-glass", Reference: "AR-1042"}), event.Covers},
		{"by whoever gave it", revoked("08:59", byWhom), event.Revoked},
		{"by somebody else", revoked("08:59", event.Revocation{Kind: "access-grant", Covers: admin, Approver: party("carol")}), event.Covers},
	} {
		v := judgedWith(t, aGrant(), c.r, anAct())
		if v.Considered[0].Why != c.why {
			t.Errorf("%s: %s", c.name, v.Considered[0].Why)
		}
	}
}

func TestBackFillingADeadFeedResolvesWhatWasUndetermined(t *testing.T) {
	s := newStream(t, judge.Config{})
	s.pass(nine)
	s.match(anAct())
	s.match(anAct(withID("other"), at(clock("09:01")), act(func(a *event.Act) { a.Actor = party("dave") })))
	s.pass(clock("11:00"))
	s.want(event.Undetermined)
	s.match(aGrant())
	s.want(event.Approved)
	s.mark("approvals", clock("11:00"))
	if got := s.state("other"); got != event.Bypass {
		t.Error(got)
	}
}

// A part with Verdicts counts only when its act ends in one of them.
func TestVerdictsAreCorrelated(t *testing.T) {
	c := correlation(event.EventCount, is("gte", 3))
	var matches []event.Match
	for i := range 4 {
		m := contributes(c, happened(fmt.Sprint("act-", i), 0, 0, ""))
		m.Event.Occurred, m.Event.Received = nine.Add(time.Duration(i)*time.Second), nine
		m.Act, m.Control = anAct().Act, "LA-01"
		if i == 1 {
			m.Act.ApprovedBy[0].Scope = "elsewhere"
		}
		m.Parts[0].Verdicts = []event.State{event.Bypass}
		matches = append(matches, m)
	}
	s := newStream(t, judge.Config{})
	s.mark("approvals", clock("12:00"))
	s.pass(nine)
	s.match(given("access-grant", "elsewhere", "bob", "08:30", forActor("alice")))
	for _, m := range matches {
		s.match(m)
	}
	if got := completed(s); len(got) != 0 {
		t.Fatalf("before anything is judged: %v", got)
	}
	s.pass(clock("09:30"))
	if got := completed(s); len(got) != 1 || got[0] != "act-3" {
		t.Errorf("completed by %v", got)
	}
}
