package slack

import (
	"fmt"
	"strings"
	"time"

	slackgo "github.com/slack-go/slack"

	"sidedoor/alerting"
	"sidedoor/event"
)

// Bounds of Block Kit, in characters.
const (
	maxHeader  = 150
	maxSection = 3000
	maxField   = 2000
)

// maxValue bounds one value in a field: a name of 2,000 characters is for the
// record, not for a phone's screen.
const maxValue = 300

// render returns the message, with a text for notifications and for clients
// that show no blocks.
func render(m alerting.Message) *slackgo.WebhookMessage {
	a, no := m.Alert, false
	title := fmt.Sprintf("%s: %s, %s", strings.ToUpper(m.Severity()), phrase(a.State), a.Control)
	blocks := []slackgo.Block{
		slackgo.NewHeaderBlock(plain(title, maxHeader)),
		slackgo.NewSectionBlock(plain(a.Sentence, maxSection), nil, nil),
		slackgo.NewSectionBlock(nil, fields(a), nil),
		slackgo.NewContextBlock("", plain(m.Changed(), maxField)),
		slackgo.NewSectionBlock(markdown("Review it: "+code(m.Decide())), nil, nil),
	}
	return &slackgo.WebhookMessage{
		Text:   escape(title+": "+a.Sentence, maxSection),
		Parse:  "none",
		Blocks: &slackgo.Blocks{BlockSet: blocks}, UnfurlLinks: &no, UnfurlMedia: &no,
	}
}

// phrase says a state as a headline.
func phrase(s event.State) string {
	switch s {
	case event.Bypass:
		return "bypass"
	case event.Undetermined:
		return "cannot tell whether it was a bypass"
	case event.ApprovedLate:
		return "approved only afterwards"
	case event.Approved:
		return "approved after all"
	}
	return string(s)
}

// fields are at most ten, Block Kit's bound.
func fields(a event.Alert) []*slackgo.TextBlockObject {
	actor := a.Actor.Person
	if a.Actor.Name != a.Actor.Person {
		actor += " (" + a.Actor.Name + ")"
	}
	when := clock(a.First)
	if !a.Last.Equal(a.First) {
		when += " to " + clock(a.Last)
	}
	return []*slackgo.TextBlockObject{
		field("Actor", actor),
		field("Resource", a.Resource),
		field("Control", a.Control),
		field("Rule", a.Rule.Name),
		field("Occurrences", fmt.Sprint(a.Occurrences)),
		field("When", when),
		field("Scope", a.Scope),
		field("Approvers considered", approvers(a.Considered)),
	}
}

// maxApprovers bounds the approvers named in a message.
const maxApprovers = 5

func approvers(parties []event.Party) string {
	if len(parties) == 0 {
		return "none"
	}
	names := make([]string, 0, maxApprovers)
	for _, p := range parties[:min(len(parties), maxApprovers)] {
		names = append(names, p.Person)
	}
	s := strings.Join(names, ", ")
	if more := len(parties) - len(names); more > 0 {
		s += fmt.Sprintf(" and %d more", more)
	}
	return s
}

func field(name, value string) *slackgo.TextBlockObject {
	return markdown("*" + name + "*\n" + code(value))
}

// code shows what others have written.
func code(value string) string { return "`" + orDash(escape(value, maxValue)) + "`" }

func plain(text string, limit int) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.PlainTextType, orDash(escape(text, limit)), false, false)
}

// markdown is Slack's own, verbatim: nothing in it becomes a link or a mention.
func markdown(text string) *slackgo.TextBlockObject {
	return slackgo.NewTextBlockObject(slackgo.MarkdownType, text, false, true)
}

// orDash stands in for an empty text, which Slack does not take.
func orDash(s string) string {
	if strings.TrimSpace(s) == "" {
		return "–"
	}
	return s
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
