package review

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// SignOffCommand closes the review of a control's week.
type SignOffCommand struct {
	Control string
	Week    string // such as 2026-W47
	Signer  string // person of the estate
	Comment string // required if acts of the week could not be judged
	Via     string
	Login   string
	Now     time.Time
}

// SignOff returns the record of the sign-off. A week without alerts is signed,
// too. The error says everything that stands in the way, and what to do.
func (s *State) SignOff(c SignOffCommand) (event.Record, error) {
	control, ok := s.controls[c.Control]
	if !ok {
		return event.Record{}, fmt.Errorf("there is no control %q in the policy in force", c.Control)
	}
	week, err := ParseWeek(c.Week)
	if err != nil {
		return event.Record{}, err
	}
	items := s.Alerts(Filter{Control: c.Control, Week: week.String()})
	signer, who := maySign(control, c.Signer, items)
	if err := errors.Join(who, s.checkWeek(c.Control, week, c.Now), checkDecided(items), s.checkUndetermined(c, week)); err != nil {
		return event.Record{}, fmt.Errorf("week %s of control %s is not signed off: %w", week, c.Control, err)
	}
	so := event.SignOff{
		Control: c.Control, Week: week.String(), Signer: signer, Alerts: signedItems(items),
		Undetermined: s.Undetermined(c.Control, week), Comment: strings.TrimSpace(c.Comment), Through: s.through,
		Via: c.Via, Login: c.Login,
	}
	so.Statement = statement(control, week, so, items)
	return event.Record{Type: event.TypeSignOff, ID: so.Control + "." + so.Week, Time: c.Now.UTC(), Body: &so}, nil
}

// maySign returns the signer as the control spells them. Whoever decided an
// alert of the week does not sign it as long as somebody else could.
func maySign(control Control, person string, items []Item) (string, error) {
	name, err := control.eligible(person, "sign off its weeks")
	if err != nil {
		return "", err
	}
	independent := slices.DeleteFunc(control.people(), func(p string) bool {
		return acted(p, items) != "" || decided(p, items)
	})
	instead := fmt.Sprintf("add another reviewer to control %s", control.ID)
	if len(independent) > 0 {
		instead = list(independent) + " may sign"
	}
	if alert := acted(name, items); alert != "" {
		return "", fmt.Errorf("%s is the actor of alert %s, and nobody signs off a week with their own act; %s", name, alert, instead)
	}
	if decided(name, items) && len(independent) > 0 {
		return "", fmt.Errorf("%s has decided alerts of the week, so is not independent; %s", name, instead)
	}
	return name, nil
}

// acted returns an alert whose actor the person is, or "".
func acted(person string, items []Item) string {
	for _, i := range items {
		if isParty(person, i.Alert.Actor) {
			return i.Alert.ID
		}
	}
	return ""
}

// decided says whether a decision of the person's holds.
func decided(person string, items []Item) bool {
	return slices.ContainsFunc(items, func(i Item) bool {
		last, ok := i.Last()
		return ok && samePerson(last.Reviewer, person)
	})
}

// checkWeek demands that the week is over and not signed.
func (s *State) checkWeek(control string, w Week, now time.Time) error {
	if so := s.SignOffOf(control, w); so != nil {
		return fmt.Errorf("%s has signed it off already", so.Signer)
	}
	if now.Before(w.End()) {
		return fmt.Errorf("the week is not over; sign it after %s", w.End().Format("2006-01-02 15:04 UTC"))
	}
	return nil
}

// maxNamed bounds the alerts that an error names.
const maxNamed = 10

// checkDecided names the alerts that are not decided.
func checkDecided(items []Item) error {
	var left []string
	for _, i := range items {
		if !i.Done() {
			left = append(left, fmt.Sprintf("%s (%s)", i.Alert.ID, i.Standing))
		}
	}
	if len(left) == 0 {
		return nil
	}
	named, more := left[:min(len(left), maxNamed)], ""
	if len(left) > maxNamed {
		more = fmt.Sprintf(" and %d more", len(left)-maxNamed)
	}
	return fmt.Errorf("%d of its %d alerts have to be decided first: %s%s", len(left), len(items), strings.Join(named, ", "), more)
}

// checkUndetermined demands a word about acts that nobody could judge.
func (s *State) checkUndetermined(c SignOffCommand, w Week) error {
	n := s.Undetermined(c.Control, w)
	if n == 0 {
		return checkText("comment", c.Comment, maxComment)
	}
	if err := checkComment(c.Comment); err != nil {
		return fmt.Errorf("%s could not be judged, because an approving source was behind; say in the comment what was done about it: %w", count(n, "act"), err)
	}
	return nil
}

func signedItems(items []Item) []event.SignedItem {
	signed := make([]event.SignedItem, 0, len(items))
	for _, i := range items {
		last, _ := i.Last() // checkDecided has seen to it
		signed = append(signed, event.SignedItem{
			Alert: i.Alert.ID, Revision: i.Alert.Revision, Disposition: last.Disposition, Reviewer: last.Reviewer,
		})
	}
	return signed
}
