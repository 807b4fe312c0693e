package review

import (
	"testing"
	"time"

	"sidedoor/event"
)

func TestASignOffIsRefusedWithWhatToDoInstead(t *testing.T) {
	for name, tc := range map[string]struct {
		before  func(*story)
		command func(*SignOffCommand)
		wants   []string
	}{
		"the signer is a stranger": {
			command: func(c *SignOffCommand) { c.Signer = "trent" },
			wants:   []string{`"trent" is neither owner nor reviewer`, "dana, rob or Eve"},
		},
		"the signer is an actor of the week": {
			before: func(s *story) {
				s.alert(bypass("dddd"), func(a *event.Alert) { a.Actor.Person = "Dana" })
				s.decide(decision("dddd", "rob", event.PolicyViolation))
			},
			wants: []string{"dana is the actor of alert dddd", "Eve may sign"},
		},
		"the signer decided, and somebody else could sign": {
			command: func(c *SignOffCommand) { c.Signer = "rob" },
			wants:   []string{"rob has decided alerts of the week", "dana or Eve may sign"},
		},
		"an alert is not decided": {
			before: func(s *story) { s.alert(bypass("dddd")) },
			wants:  []string{"1 of its 2 alerts", "dddd (open)"},
		},
		"an alert needs investigation": {
			before: func(s *story) {
				s.alert(bypass("dddd"))
				s.decide(decision("dddd", "rob", event.NeedsInvestigation))
			},
			wants: []string{"dddd (investigating)"},
		},
		"the week is not over": {
			command: func(c *SignOffCommand) { c.Now = monday.Add(nextWeek - time.Second) },
			wants:   []string{"not over", "after 2026-11-23 00:00 UTC"},
		},
		"the week was signed": {
			before: func(s *story) { s.sign(signing("dana")) },
			wants:  []string{"dana has signed it off already"},
		},
		"an act could not be judged": {
			before: func(s *story) { s.verdict("v1", 1, event.Undetermined) },
			wants:  []string{"1 act could not be judged", "say in the comment"},
		},
		"the week does not exist": {
			command: func(c *SignOffCommand) { c.Week = "2025-W53" },
			wants:   []string{"2025 has no such week"},
		},
		"the week is a date": {
			command: func(c *SignOffCommand) { c.Week = "2026-11-16" },
			wants:   []string{"not an ISO week such as 2026-W47"},
		},
		"the control does not exist": {
			command: func(c *SignOffCommand) { c.Control = "CHG-99" },
			wants:   []string{`no control "CHG-99"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.alert(bypass("aaaa"))
			s.decide(decision("aaaa", "rob", event.PolicyViolation))
			if tc.before != nil {
				tc.before(s)
			}
			c := signing("dana")
			if tc.command != nil {
				tc.command(&c)
			}
			_, err := s.SignOff(c)
			refusedWith(t, err, tc.wants...)
		})
	}
}

func TestASignedWeekListsWhatWasSigned(t *testing.T) {
	s := newStory(t)
	s.alert(bypass("aaaa"))
	s.alert(bypass("bbbb"), func(a *event.Alert) { a.State = event.ApprovedLate })
	s.alert(bypass("cccc"), func(a *event.Alert) { a.Control = "OTHER" })
	s.decide(decision("aaaa", "rob", event.PolicyViolation))
	s.decide(decision("bbbb", "Eve", event.Emergency))
	through := s.Through()

	r, err := s.SignOff(signing("DANA"))
	if err != nil {
		t.Fatal(err)
	}
	if r.Type != event.TypeSignOff || r.ID != "CHG-03.2026-W47" {
		t.Errorf("the record is %s %s: a week could be signed twice", r.Type, r.ID)
	}
	so := r.Body.(*event.SignOff)
	want := "I, dana, performed the weekly bypass review of control CHG-03 (Production changes) for week 2026-W47, " +
		"2026-11-16 00:00:00 to 2026-11-23 00:00:00 UTC, on the records up to number 5. " +
		"I reviewed the week's 2 alerts: 0 authorised with a prior approval, 1 emergency, 1 policy violation, 0 false positive. " +
		"Each was decided by somebody who is not its actor and gave no approval that was considered for it. " +
		"No act of the week was left undetermined."
	if so.Statement != want {
		t.Errorf("the statement is\n%s\nwant\n%s", so.Statement, want)
	}
	if so.Through != through || so.Signer != "dana" || so.Login != "os-account" || len(so.Alerts) != 2 ||
		so.Alerts[1] != (event.SignedItem{Alert: "bbbb", Revision: 1, Disposition: event.Emergency, Reviewer: "Eve"}) {
		t.Errorf("the sign-off is %+v", so)
	}
	s.record(r)
	if got := s.standing("aaaa"); got != Signed {
		t.Errorf("after the sign-off the alert is %s", got)
	}
	_, err = s.Decide(decision("aaaa", "rob", event.FalsePositive))
	refusedWith(t, err, "2026-W47 was signed off by dana", "another revision")
}

func TestAWeekWithoutAlertsIsSignedToo(t *testing.T) {
	so := newStory(t).sign(signing("rob"))
	if want := "contained no alerts"; !contains(so.Statement, want) || len(so.Alerts) != 0 {
		t.Errorf("the statement %q does not say %q", so.Statement, want)
	}
}

func TestWhoeverDecidedSignsOnlyWhereNobodyElseCanAndTheStatementSaysSo(t *testing.T) {
	s := newStory(t, Control{ID: "CHG-03", Owner: "dana", Reviewers: []string{"mallory", "Dana"}})
	s.alert(bypass("aaaa")) // by mallory, the only other person
	s.decide(decision("aaaa", "dana", event.PolicyViolation))
	so := s.sign(signing("dana"))
	if !contains(so.Statement, "Exception: I decided alerts of this week myself") {
		t.Errorf("the statement hides it: %s", so.Statement)
	}
}

func TestUndeterminedActsAreCountedUntilTheyAreJudged(t *testing.T) {
	s := newStory(t)
	s.verdict("v1", 1, event.Undetermined)
	s.verdict("v2", 1, event.Undetermined)
	s.verdict("v2", 2, event.Undetermined)
	s.verdict("v3", 1, event.Bypass)
	if got := s.Undetermined("CHG-03", WeekOf(monday)); got != 2 {
		t.Fatalf("%d acts are undetermined, want 2", got)
	}
	s.verdict("v1", 2, event.Approved)
	c := signing("dana")
	c.Comment = "The approvals feed was down; I asked both people."
	if so := s.sign(c); so.Undetermined != 1 || !contains(so.Statement, "1 act of the week could not be judged") || !contains(so.Statement, c.Comment) {
		t.Errorf("the sign-off is %+v", so)
	}
}

func TestWhatComesAfterASignOffIsCarriedOverToTheNextWeekThatIsNotSigned(t *testing.T) {
	revision2 := func(a *event.Alert) { a.Revision, a.Occurrences = 2, 2 }
	for name, tc := range map[string]struct {
		before, after func(*story)
	}{
		"a late alert":                         {after: func(s *story) { s.alert(bypass("dddd")) }},
		"a late revision":                      {before: func(s *story) { s.alert(bypass("dddd")); s.decide(decision("dddd", "rob", event.PolicyViolation)) }, after: func(s *story) { s.alert(bypass("dddd"), revision2) }},
		"an alert that moves into that week":   {before: func(s *story) { s.alert(bypass("dddd"), func(a *event.Alert) { a.First = monday.Add(nextWeek) }) }, after: func(s *story) { s.alert(bypass("dddd"), revision2) }},
		"an alert recorded while it is signed": {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			if tc.before != nil {
				tc.before(s)
			}
			so, err := s.SignOff(signing("dana"))
			if err != nil {
				t.Fatal(err)
			}
			if tc.after == nil {
				s.alert(bypass("dddd"))
			}
			s.record(so)
			if tc.after != nil {
				tc.after(s)
			}
			i, err := s.Alert("dddd")
			if err != nil {
				t.Fatal(err)
			}
			if i.Week.String() != "2026-W48" || !i.Late || i.Done() {
				t.Fatalf("the alert is %s in week %s, late: %v", i.Standing, i.Week, i.Late)
			}
			c := signing("dana")
			c.Week, c.Now = "2026-W48", c.Now.Add(nextWeek)
			_, err = s.SignOff(c)
			refusedWith(t, err, "dddd")
			s.decide(decision("dddd", "rob", event.PolicyViolation))
			if so := s.sign(c); !contains(so.Statement, "1 alert was carried over") {
				t.Errorf("the statement does not say it: %s", so.Statement)
			}
		})
	}
}
