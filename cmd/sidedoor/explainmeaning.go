package main

import (
	"fmt"
	"strings"
	"time"

	"sidedoor/event"
)

// meaning prints what the match would be.
func (p *treePrinter) meaning(x *explained) {
	switch {
	case x.Approval != nil:
		p.approval(x.Approval)
	case x.Revocation != nil:
		p.revocation(x.Revocation)
	case x.Act != nil:
		p.act(x.Control, x.Act)
	}
	if len(x.Facts) > 0 {
		p.facts(x.Facts)
	}
	if len(x.Contributes) > 0 {
		p.contributes(x)
	}
}

func (p *treePrinter) act(control string, a *event.Act) {
	fmt.Fprintf(p.w, "It would be an act")
	if control != "" {
		fmt.Fprintf(p.w, " under control %s", control)
	}
	fmt.Fprintf(p.w, ":\n")
	p.fact("actor", partyText(a.Actor))
	p.fact("resource", a.Resource)
	p.fact("scope", orDash(a.Scope))
	p.fact("waits", fmt.Sprintf("%s for an approval, %s more for a source that is behind", a.Grace, a.Limit))
	if len(a.ApprovedBy) == 0 {
		p.fact("approvals", "none can approve it: it would be a bypass")
		return
	}
	p.fact("approvals", "any of")
	p.requirements(a.ApprovedBy)
}

// requirements prints one a line; those that are needed together with it are
// below.
func (p *treePrinter) requirements(all []event.Requirement) {
	for _, r := range all {
		p.fact("", "  "+requirementText(r))
		for _, other := range r.Also {
			p.fact("", "    and "+requirementText(other))
		}
	}
}

func requirementText(r event.Requirement) string {
	text := r.Kind + " that covers " + strings.Join(append([]string{r.Scope}, r.Within...), ", or ")
	if r.SameActor {
		text += ", for the actor"
	}
	text += approversText(r)
	if r.Skew > 0 {
		text += fmt.Sprintf(", recorded at most %s later", r.Skew)
	}
	return text
}

// approversText says who has to approve.
func approversText(r event.Requirement) string {
	var others []string
	for _, party := range r.IndependentOf {
		others = append(others, partyText(party))
	}
	for _, f := range r.Separate {
		others = append(others, "the "+f.Is+" of "+f.Of)
	}
	text := ""
	switch {
	case r.Approvers > 1:
		text = fmt.Sprintf(", approved by %d people", r.Approvers)
	case len(others) > 0 || r.Group != "":
		text = ", approved by somebody"
	}
	if r.Group != "" {
		text += " of " + r.Group
	}
	if r.MemberFor > 0 {
		text += fmt.Sprintf(" for %s or longer", r.MemberFor)
	}
	if len(others) > 0 {
		text += " other than " + strings.Join(others, ", ")
	}
	return text
}

func (p *treePrinter) approval(a *event.Approval) {
	fmt.Fprintf(p.w, "It would be an approval of kind %s:\n", printable(a.Kind))
	if a.Covers == "" {
		p.fact("covers", "nothing, since the event lacks a part of it, or has a time that cannot be read")
	} else {
		p.fact("covers", a.Covers)
	}
	actor := "anybody"
	if a.Actor.Name != "" {
		actor = partyText(a.Actor)
	}
	p.fact("actor", actor)
	switch {
	case a.Approver.Name != "":
		p.fact("approver", partyText(a.Approver))
	case a.NeedsApprover:
		p.fact("approver", "missing, so it approves nothing")
	default:
		p.fact("approver", "none is needed")
	}
	p.fact("from", orElse(a.From, "when it was recorded"))
	p.fact("until", orElse(a.Until, "for ever"))
	p.fact("recorded", when(a.Recorded))
	p.fact("reference", orDash(a.Reference))
	if len(a.Requires) > 0 {
		p.fact("requires", "all of")
		p.requirements(a.Requires)
	}
}

func (p *treePrinter) revocation(v *event.Revocation) {
	fmt.Fprintf(p.w, "It would take back approvals of kind %s:\n", printable(v.Kind))
	if v.Reference != "" {
		p.fact("reference", v.Reference)
	} else {
		p.fact("covers", v.Covers)
		p.fact("approver", partyText(v.Approver))
	}
	p.fact("at", when(v.At))
}

func (p *treePrinter) facts(all []event.Fact) {
	fmt.Fprintln(p.w, "It would state:")
	for _, f := range all {
		p.fact(f.Is, fmt.Sprintf("of %s is %s, since %s", f.Of, partyText(f.Who), when(f.Since)))
	}
}

func (p *treePrinter) contributes(x *explained) {
	what := "It contributes"
	if x.Act == nil && x.Approval == nil && x.Revocation == nil && len(x.Facts) == 0 {
		what = "It would be no act, but contributes"
	}
	fmt.Fprintf(p.w, "%s to the correlation %s.\n", what, printable(strings.Join(x.Contributes, ", ")))
}

func (p *treePrinter) fact(name, value string) {
	fmt.Fprintf(p.w, "  %-10s %s\n", name, printable(value))
}

func partyText(party event.Party) string {
	if party.Person != party.Name {
		return party.Name + " (" + party.Person + ")"
	}
	return party.Name
}

func orElse(t time.Time, otherwise string) string {
	if t.IsZero() {
		return otherwise
	}
	return when(t)
}
