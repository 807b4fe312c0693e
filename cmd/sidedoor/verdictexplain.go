package main

import (
	"fmt"
	"io"
	"strings"

	"sidedoor/event"
	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

// verdictExplainer prints what is behind verdicts, for people.
type verdictExplainer struct {
	out    io.Writer
	policy *rules.Policy // of now; for what only its files say
	err    error
}

func (p *verdictExplainer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.out, format, args...)
	}
}

func (p *verdictExplainer) row(name, value string) { p.printf("  %-10s %s\n", name, printable(value)) }

func (p *verdictExplainer) alert(a *event.Alert) {
	if a == nil {
		return
	}
	p.printf("%s\n\n", printable(a.Sentence))
	p.row("alert", fmt.Sprintf("%s, revision %d, %s, %d occurrences", a.ID, a.Revision, a.State, a.Occurrences))
}

func (p *verdictExplainer) verdict(v *event.Verdict) {
	p.printf("\n%s: %s\n", strings.ToUpper(string(v.Verdict)), printable(v.Reason))
	p.row("act", fmt.Sprintf("%s, at %s", v.Resource, when(v.Event.At())))
	p.row("rule", fmt.Sprintf("%s (%s), version %s, control %s", ruleName(v.Rule), v.Rule.Level, v.Rule.Digest.Short(), v.Control))
	p.row("who", partyText(v.Actor))
	for _, hop := range v.Actor.Chain {
		p.row("", fmt.Sprintf("← %s %s", hop.By, hop.Name))
	}
	switch {
	case v.Actor.Owner != "":
		p.row("", "a service identity that "+v.Actor.Owner+" answers for")
	case v.Actor.Unknown:
		p.row("", "whom the estate does not know; see sidedoor people unresolved")
	}
	if t := v.Together; t != nil {
		p.row("together", fmt.Sprintf("%d events from %s to %s", t.Count, when(t.First), when(t.Last)))
	}
	p.required(v)
	for _, c := range v.Considered {
		p.considered(c, 1)
	}
	if v.Omitted > 0 {
		p.printf("    and %d more that do not count\n", v.Omitted)
	}
	for _, name := range v.Behind {
		p.row("behind", "source "+name+": what it may still bring is not known")
	}
	p.row("event", fmt.Sprintf("%s of source %s, %s record %d, verdict %s revision %d", v.Event.ID, v.Event.Source, v.Event.Origin, v.Event.Index, v.ID[:min(len(v.ID), 12)], v.Revision))
}

// required says what would have approved the act.
func (p *verdictExplainer) required(v *event.Verdict) {
	if len(v.Required) == 0 {
		p.row("needed", "nothing can approve it")
		return
	}
	for i, r := range v.Required {
		p.row([]string{"needed", "or"}[min(i, 1)], requirementText(r))
		for _, also := range r.Also {
			p.row("", "and "+requirementText(also))
		}
	}
}

// considered prints an approval, and below it those that it was approved by.
func (p *verdictExplainer) considered(c event.Considered, depth int) {
	mark := "✗"
	if c.Why == event.Covers {
		mark = "✓"
	}
	text := strings.TrimSpace(c.Kind+" "+c.Reference) + " for " + c.Covers
	if c.Approver.Person != "" {
		text += ", by " + partyText(c.Approver)
	}
	if c.Actor.Person != "" {
		text += ", for " + c.Actor.Person
	}
	text += ", recorded " + when(c.Recorded)
	if !c.From.IsZero() || !c.Until.IsZero() {
		text += fmt.Sprintf(", valid %s to %s", orElse(c.From, "then"), orElse(c.Until, "for ever"))
	}
	if !c.Revoked.IsZero() {
		text += ", revoked " + when(c.Revoked)
	}
	p.printf("  %s%s %s: %s\n", strings.Repeat("    ", depth-1)+"  ", mark, c.Why, printable(text))
	if last := len(c.Links) - 1; c.Detail != "" && (last < 0 || c.Links[last].Why == event.Covers || c.Why != event.MissingLink) { // else the link itself says it
		p.printf("  %s  %s\n", strings.Repeat("    ", depth-1)+"  ", printable(c.Detail))
	}
	for _, l := range c.Links {
		p.considered(l, depth+1)
	}
}

// runbook prints what the rule, as it is now, tells the person on call to do.
func (p *verdictExplainer) runbook(ref event.RuleRef) {
	for _, r := range p.policy.Rules {
		runbook, written := r.Extra["runbook"]
		if r.ID != ref.ID || !written {
			continue
		}
		if text, ok := sigma.Text(runbook.Value); ok {
			p.printf("\nWhat to do: %s\n", printable(strings.TrimSpace(text)))
		}
	}
}
