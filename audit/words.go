package audit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// tell says in a sentence what a record says.
func tell(l link) string {
	r, err := event.ParseRecord(l.raw)
	if err != nil {
		return err.Error()
	}
	switch b := r.Body.(type) {
	case *event.Verdict:
		return fmt.Sprintf("%s: %s. %s did it to %s.", b.Verdict, b.Reason, b.Actor.Person, b.Resource)
	case *event.Alert:
		return fmt.Sprintf("revision %d, %s: %s", b.Revision, b.State, b.Sentence)
	case *event.Delivery:
		return fmt.Sprintf("attempt %d to tell %s by %s: %s", b.Attempt, b.Receiver, b.Channel, deliveryOutcome(b))
	case *event.Review:
		return strings.TrimSpace(fmt.Sprintf("%s decided %s: %s %s", b.Reviewer, b.Disposition, b.Comment, b.Reference))
	case *event.SignOff:
		return fmt.Sprintf("%s signed week %s of %s off. %s", b.Signer, b.Week, b.Control, b.Statement)
	case *event.Policy:
		return fmt.Sprintf("%d rules and %d sources in force, digest %s", len(b.Rules), len(b.Sources), b.Digest.Short())
	case *event.Sample:
		return fmt.Sprintf("%d of %d %s drawn by %s with seed %s", len(b.Items), b.Count, b.Of, b.By, b.Seed)
	}
	return string(r.Type)
}

func deliveryOutcome(d *event.Delivery) string {
	s := string(d.Outcome)
	if d.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d)", d.Status)
	}
	if d.Error != "" {
		s += ", " + d.Error
	}
	return s
}

// missing says which links a chain does not have. An act that was approved has
// none after its verdict, rightly.
func missing(links []link, of string) []string {
	has := func(t event.Type) bool {
		return slices.ContainsFunc(links, func(l link) bool { return l.typ == t })
	}
	if of == OfVerdicts && !has(event.TypeAlert) {
		return nil
	}
	var out []string
	for _, m := range []struct {
		typ  event.Type
		text string
	}{
		{event.TypeRuleSet, "no record of the rules in force"},
		{event.TypeVerdict, "no record of a verdict"},
		{event.TypeDelivery, "nobody was told: there is no delivery"},
		{event.TypeReview, "no review yet"},
		{event.TypeSignOff, "the week is not signed off yet"},
	} {
		if !has(m.typ) {
			out = append(out, m.text)
		}
	}
	return append(out, unfinished(links)...)
}

// unfinished says which links of a chain are there and do not do what they
// are for.
func unfinished(links []link) []string {
	tried, told := false, false
	var last *event.Review
	for _, l := range links {
		r, err := event.ParseRecord(l.raw)
		if err != nil {
			continue
		}
		switch b := r.Body.(type) {
		case *event.Delivery:
			tried, told = true, told || b.Outcome == event.Delivered
		case *event.Review:
			last = b
		}
	}
	var out []string
	if tried && !told {
		out = append(out, "nobody was told: no delivery succeeded")
	}
	if last != nil && last.Disposition == event.NeedsInvestigation {
		out = append(out, "the review is not decided yet: it needs investigation")
	}
	return out
}
