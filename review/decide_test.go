package review

import (
	"strings"
	"testing"

	"sidedoor/event"
)

func TestADecisionIsRefusedWithWhatToDoInstead(t *testing.T) {
	for name, tc := range map[string]struct {
		alert   func(*event.Alert)
		command func(*Command)
		wants   []string
	}{
		"the reviewer is a stranger": {
			command: func(c *Command) { c.Reviewer = "trent" },
			wants:   []string{`"trent" is neither owner nor reviewer`, "dana, rob or Eve"},
		},
		"the reviewer is the actor": {
			alert: func(a *event.Alert) { a.Actor.Person = "ROB" },
			wants: []string{"rob is its actor", "ask dana or Eve"},
		},
		"the reviewer is the actor under the name in the event": {
			alert: func(a *event.Alert) { a.Actor = event.Party{Name: "Rob", Person: "somebody"} },
			wants: []string{"rob is its actor"},
		},
		"the reviewer answers for the bot that did it": {
			alert: func(a *event.Alert) { a.Actor = event.Party{Name: "bot", Person: "deploy-bot", Owner: "Rob"} },
			wants: []string{"rob is its actor", "ask dana or Eve"},
		},
		"the reviewer gave an approval that was considered": {
			alert: func(a *event.Alert) {
				a.Considered = []event.Party{{Name: "x", Person: "x"}, {Name: "rob-acme", Person: "Rob"}}
			},
			wants: []string{"rob gave an approval", "ask dana or Eve"},
		},
		"the alert does not exist": {
			command: func(c *Command) { c.Alert = "ffff" },
			wants:   []string{`no alert's ID begins with "ffff"`},
		},
		"the control is not in force": {
			alert: func(a *event.Alert) { a.Control = "GONE-1" },
			wants: []string{`"GONE-1" is not in the policy`, "controls file"},
		},
		"the disposition is not known": {
			command: func(c *Command) { c.Disposition = "fine" },
			wants:   []string{`disposition "fine" is not known`, "false-positive"},
		},
		"authorised without a reference": {
			command: func(c *Command) { c.Disposition, c.Reference = event.Authorised, " " },
			wants:   []string{"authorised needs a reference"},
		},
		"emergency without a reference": {
			command: func(c *Command) { c.Disposition, c.Reference = event.Emergency, "" },
			wants:   []string{"emergency needs a reference"},
		},
		"authorised, though the approval came later": {
			alert:   func(a *event.Alert) { a.State = event.ApprovedLate },
			command: func(c *Command) { c.Disposition, c.Reference = event.Authorised, "AR-1" },
			wants:   []string{"only after the act", "decide it as emergency"},
		},
		"no comment":                  {command: func(c *Command) { c.Comment = "" }, wants: []string{"comment has to say why"}},
		"a comment of spaces":         {command: func(c *Command) { c.Comment = strings.Repeat(" \t", 30) }, wants: []string{"comment has to say why"}},
		"a comment that is invisible": {command: func(c *Command) { c.Comment = strings.Repeat("\u200b", 30) }, wants: []string{"comment has to say why"}},
		"a comment of two letters":    {command: func(c *Command) { c.Comment = "ok" }, wants: []string{"at least 10 characters"}},
		"a comment that fits nowhere": {command: func(c *Command) { c.Comment = strings.Repeat("why ", 4000) }, wants: []string{"at most 4000 characters"}},
		"a comment that is no text":   {command: func(c *Command) { c.Comment = "broken \xff broken" }, wants: []string{"not text"}},
		"a reference that fits nowhere": {
			command: func(c *Command) { c.Reference = strings.Repeat("x", 501) },
			wants:   []string{"reference is not text of at most 500"},
		},
		"everything at once": {
			command: func(c *Command) { c.Reviewer, c.Comment, c.Disposition = "trent", "", "fine" },
			wants:   []string{"trent", "comment", "disposition"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			alert := tc.alert
			if alert == nil {
				alert = func(*event.Alert) {}
			}
			s.alert(bypass("a1b2c3d4"), alert)
			c := decision("a1b2c3d4", "rob", event.PolicyViolation)
			if tc.command != nil {
				tc.command(&c)
			}
			_, err := s.Decide(c)
			refusedWith(t, err, tc.wants...)
		})
	}
}

func refusedWith(t *testing.T, err error, wants ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("it was not refused")
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the refusal %q does not say %q", err, want)
		}
	}
}

func TestEveryDispositionOfTheTaxonomyCanBeDecided(t *testing.T) {
	for _, d := range []event.Disposition{event.Authorised, event.Emergency, event.PolicyViolation, event.FalsePositive, event.NeedsInvestigation} {
		s := newStory(t)
		s.alert(bypass("a1b2c3d4"))
		got := s.decide(decision("a1b2c3d4", "rob", d))
		if got.Disposition != d || got.Revision != 1 || got.Entry != 1 {
			t.Errorf("%s was recorded as %+v", d, got)
		}
		want := Decided
		if d == event.NeedsInvestigation {
			want = Investigating
		}
		if got := s.standing("a1b2c3d4"); got != want {
			t.Errorf("after %s the alert is %s, want %s", d, got, want)
		}
	}
}

func TestTheReviewerIsRecordedAsTheControlSpellsThem(t *testing.T) {
	s := newStory(t)
	s.alert(bypass("a1b2c3d4"))
	if got := s.decide(decision("a1b2", " EVE ", event.FalsePositive)); got.Reviewer != "Eve" || got.Alert != "a1b2c3d4" {
		t.Errorf("recorded %+v", got)
	}
}

func TestALaterEntrySupersedesAnEarlierAndBothStay(t *testing.T) {
	s := newStory(t)
	s.alert(bypass("a1b2c3d4"))
	s.decide(decision("a1b2c3d4", "rob", event.NeedsInvestigation))
	s.decide(decision("a1b2c3d4", "dana", event.PolicyViolation))
	i, err := s.Alert("a1b2c3d4")
	if err != nil {
		t.Fatal(err)
	}
	if last, _ := i.Last(); len(i.Entries) != 2 || last.Disposition != event.PolicyViolation || i.Entries[0].Reviewer != "rob" {
		t.Errorf("entries are %+v", i.Entries)
	}
}

func TestTwoWhoDecideAtOnceTakeTheSamePlace(t *testing.T) {
	s := newStory(t)
	s.alert(bypass("a1b2c3d4"))
	one, err := s.Decide(decision("a1b2c3d4", "rob", event.PolicyViolation))
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Decide(decision("a1b2c3d4", "dana", event.FalsePositive))
	if err != nil {
		t.Fatal(err)
	}
	if one.ID != "a1b2c3d4.1" || other.ID != one.ID || one.Type != event.TypeReview {
		t.Errorf("the records are %s %s and %s: the second would not find its place taken", one.Type, one.ID, other.ID)
	}
}

func TestALaterRevisionOpensTheReviewAgain(t *testing.T) {
	for name, change := range map[string]func(*event.Alert){
		"by another state":      func(a *event.Alert) { a.State = event.ApprovedLate },
		"by another occurrence": func(a *event.Alert) { a.Occurrences = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			s := newStory(t)
			s.alert(bypass("a1b2c3d4"))
			s.decide(decision("a1b2c3d4", "rob", event.PolicyViolation))
			s.alert(bypass("a1b2c3d4"), func(a *event.Alert) { a.Revision = 2 }, change)
			if got := s.standing("a1b2c3d4"); got != Reopened {
				t.Fatalf("the alert is %s", got)
			}
			_, err := s.SignOff(signing("dana"))
			refusedWith(t, err, "a1b2c3d4 (re-opened)")
			if got := s.decide(decision("a1b2c3d4", "rob", event.Emergency)); got.Entry != 2 || got.Revision != 2 {
				t.Errorf("recorded %+v", got)
			}
			if got := s.standing("a1b2c3d4"); got != Decided {
				t.Errorf("the alert is %s", got)
			}
		})
	}
}

func TestAnApproverOfAnyRevisionStaysBarred(t *testing.T) {
	s := newStory(t)
	s.alert(bypass("a1b2c3d4"), func(a *event.Alert) { a.Considered = []event.Party{{Person: "rob"}} })
	s.alert(bypass("a1b2c3d4"), func(a *event.Alert) { a.Revision = 2 })
	_, err := s.Decide(decision("a1b2c3d4", "rob", event.FalsePositive))
	refusedWith(t, err, "rob gave an approval")
}

func TestWhereNobodyIsIndependentTheRefusalAsksForAnotherReviewer(t *testing.T) {
	s := newStory(t, Control{ID: "CHG-03", Owner: "rob"})
	s.alert(bypass("a1b2c3d4"), func(a *event.Alert) { a.Actor.Person = "rob" })
	_, err := s.Decide(decision("a1b2c3d4", "rob", event.FalsePositive))
	refusedWith(t, err, "add another reviewer to control CHG-03")
	s = newStory(t, Control{ID: "CHG-03"})
	s.alert(bypass("a1b2c3d4"))
	_, err = s.Decide(decision("a1b2c3d4", "rob", event.FalsePositive))
	refusedWith(t, err, "neither owner nor reviewers", "controls file")
}
