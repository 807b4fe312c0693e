package review

import (
	"testing"
	"time"

	"sidedoor/event"
)

// chg03 is the control of these tests: dana owns it, rob and Eve review it.
var chg03 = Control{ID: "CHG-03", Title: "Production changes", Owner: "dana", Reviewers: []string{"rob", "Eve"}}

// monday is the beginning of week 2026-W47.
var monday = time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)

const nextWeek = 7 * 24 * time.Hour

// story is a state and the records that made it.
type story struct {
	t testing.TB
	*State
}

func newStory(t testing.TB, controls ...Control) *story {
	if len(controls) == 0 {
		controls = []Control{chg03}
	}
	return &story{t: t, State: New(controls)}
}

// record applies a record as it would come from the stream.
func (s *story) record(r event.Record) {
	s.t.Helper()
	raw, err := r.Encode()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.Apply(s.Through()+1, raw); err != nil {
		s.t.Fatal(err)
	}
}

// bypass is revision 1 of an alert: mallory acted on Wednesday of 2026-W47.
func bypass(id string) event.Alert {
	at := monday.Add(50 * time.Hour)
	return event.Alert{
		ID: id, Revision: 1, State: event.Bypass, Control: "CHG-03", Actor: event.Party{Name: "mallory@acme.example", Person: "mallory"},
		Occurrences: 1, First: at, Last: at, Rule: event.RuleRef{Name: "k8s-direct-change", Level: event.High},
	}
}

// alert records an alert, changed by the changes.
func (s *story) alert(a event.Alert, changes ...func(*event.Alert)) {
	s.t.Helper()
	for _, change := range changes {
		change(&a)
	}
	s.record(event.AlertRecord(a, a.First.Add(5*time.Minute)))
}

// verdict records a verdict of an act in the week of monday.
func (s *story) verdict(id string, revision int, state event.State) {
	s.t.Helper()
	s.record(event.VerdictRecord(event.Verdict{
		ID: id, Revision: revision, Verdict: state, Control: "CHG-03", Event: event.Ref{Occurred: monday.Add(time.Hour)},
	}, monday.Add(2*time.Hour)))
}

func decision(alert, reviewer string, d event.Disposition) Command {
	c := Command{Alert: alert, Reviewer: reviewer, Disposition: d, Comment: "looked at the diff with the team", Via: "cli", Login: "os-account", Now: monday.Add(nextWeek)}
	if d == event.Authorised || d == event.Emergency {
		c.Reference = "INC-7"
	}
	return c
}

func signing(signer string) SignOffCommand {
	return SignOffCommand{Control: "CHG-03", Week: "2026-W47", Signer: signer, Via: "cli", Login: "os-account", Now: monday.Add(nextWeek + 9*time.Hour)}
}

// decide decides, and records it.
func (s *story) decide(c Command) event.Review {
	s.t.Helper()
	r, err := s.Decide(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.record(r)
	return *r.Body.(*event.Review)
}

// sign signs off, and records it.
func (s *story) sign(c SignOffCommand) event.SignOff {
	s.t.Helper()
	r, err := s.SignOff(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.record(r)
	return *r.Body.(*event.SignOff)
}

func (s *story) standing(alert string) Standing {
	s.t.Helper()
	i, err := s.Alert(alert)
	if err != nil {
		s.t.Fatal(err)
	}
	return i.Standing
}
