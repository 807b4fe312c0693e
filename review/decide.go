package review

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sidedoor/event"
)

// Command is a reviewer's decision on an alert.
type Command struct {
	Alert       string // ID, or its unique beginning
	Reviewer    string // person of the estate
	Disposition event.Disposition
	Comment     string // why, in the reviewer's words
	Reference   string // ticket, incident or approval; for Authorised and Emergency
	Via         string // by which way the command came: cli
	Login       string // the account behind it
	Now         time.Time
}

// Bounds on what people write, in characters. A comment of fewer than
// minComment says nothing.
const (
	minComment   = 10
	maxComment   = 4000
	maxReference = 500
)

// Decide returns the record of the decision. The error says everything that
// stands in the way, and what to do.
func (s *State) Decide(c Command) (event.Record, error) {
	item, err := s.Alert(c.Alert)
	if err != nil {
		return event.Record{}, err
	}
	reviewer, who := s.mayDecide(c.Reviewer, item)
	if err := errors.Join(who, checkUnsigned(item), checkDisposition(c, item), checkComment(c.Comment),
		checkText("reference", c.Reference, maxReference)); err != nil {
		return event.Record{}, fmt.Errorf("alert %s is not decided: %w", item.Alert.ID, err)
	}
	review := event.Review{
		Alert: item.Alert.ID, Entry: len(item.Entries) + 1, Revision: item.Alert.Revision, Reviewer: reviewer,
		Disposition: c.Disposition, Comment: strings.TrimSpace(c.Comment), Reference: strings.TrimSpace(c.Reference),
		Via: c.Via, Login: c.Login,
	}
	// The entry's number is part of the ID: of two who decide at once, the
	// second finds it taken.
	id := review.Alert + "." + strconv.Itoa(review.Entry)
	return event.Record{Type: event.TypeReview, ID: id, Time: c.Now.UTC(), Body: &review}, nil
}

// mayDecide returns the reviewer as the control spells them.
func (s *State) mayDecide(reviewer string, i Item) (string, error) {
	control, ok := s.controls[i.Alert.Control]
	if !ok {
		return "", fmt.Errorf("its control %q is not in the policy in force; add it, with an owner, to the controls file", i.Alert.Control)
	}
	name, err := control.eligible(reviewer, "decide it")
	if err != nil {
		return "", err
	}
	if isParty(name, i.Alert.Actor) {
		return "", fmt.Errorf("%s is its actor, and nobody decides about their own act; %s", name, s.askInstead(control, i))
	}
	for _, p := range i.Barred {
		if isParty(name, p) {
			return "", fmt.Errorf("%s gave an approval that was considered for it, so is not independent; %s", name, s.askInstead(control, i))
		}
	}
	return name, nil
}

// askInstead names who may decide the alert.
func (s *State) askInstead(c Control, i Item) string {
	var others []string
	for _, p := range c.people() {
		barred := isParty(p, i.Alert.Actor)
		for _, party := range i.Barred {
			barred = barred || isParty(p, party)
		}
		if !barred {
			others = append(others, p)
		}
	}
	if len(others) == 0 {
		return fmt.Sprintf("add another reviewer to control %s", c.ID)
	}
	return "ask " + list(others)
}

func checkUnsigned(i Item) error {
	if i.SignOff == nil {
		return nil
	}
	return fmt.Errorf("its week %s was signed off by %s, and what is signed stays; it is decided again only if the alert gets another revision, which is then carried over to a later week",
		i.SignOff.Week, i.SignOff.Signer)
}

func checkDisposition(c Command, i Item) error {
	switch c.Disposition {
	case event.Authorised, event.Emergency:
		if c.Disposition == event.Authorised && i.Alert.State == event.ApprovedLate {
			return errors.New("its approval came only after the act, so it was not authorised; decide it as emergency, with the approval as reference, or as policy-violation")
		}
		if strings.TrimSpace(c.Reference) == "" {
			return fmt.Errorf("disposition %s needs a reference: the ticket, incident or approval that shows it", c.Disposition)
		}
	case event.PolicyViolation, event.FalsePositive, event.NeedsInvestigation:
	default:
		return fmt.Errorf("disposition %q is not known; it is authorised, emergency, policy-violation, false-positive or needs-investigation", c.Disposition)
	}
	return nil
}

func checkComment(comment string) error {
	visible := 0
	for _, r := range comment {
		if unicode.IsGraphic(r) && !unicode.IsSpace(r) {
			visible++
		}
	}
	if visible < minComment {
		return fmt.Errorf("the comment has to say why, in at least %d characters", minComment)
	}
	return checkText("comment", comment, maxComment)
}

// checkText bounds what people write, so that it fits into a record.
func checkText(what, text string, most int) error {
	if !utf8.ValidString(text) || utf8.RuneCountInString(text) > most {
		return fmt.Errorf("the %s is not text of at most %d characters; put the details into a ticket and refer to it", what, most)
	}
	return nil
}
