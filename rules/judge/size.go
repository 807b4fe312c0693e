package judge

import "sidedoor/event"

// mostBytes is no less than what a verdict's record takes. It is worked out in a
// fraction of the time that it takes to write the record, and by it nearly all
// verdicts fit.
func mostBytes(v *event.Verdict) int {
	n := 1300 + texts(v.ID, v.ID, string(v.Verdict), v.Reason, v.Control, v.Resource, v.Scope, v.Alert) + texts(v.Behind...)
	n += ruleBytes(v.Rule) + partyBytes(v.Actor) + refBytes(v.Event)
	for i := range v.Required {
		n += requirementBytes(&v.Required[i])
	}
	for i := range v.Considered {
		n += consideredBytes(&v.Considered[i])
	}
	if v.Together != nil {
		n += 200
		for _, e := range v.Together.Events {
			n += refBytes(e)
		}
	}
	return n
}

// texts are at most six bytes for each byte, and what stands around them.
func texts(all ...string) int {
	n := 3 * len(all)
	for _, s := range all {
		n += 6 * len(s)
	}
	return n
}

func ruleBytes(r event.RuleRef) int { return 150 + texts(r.ID, r.Name, r.Title, string(r.Level)) }

func refBytes(r event.Ref) int {
	return 400 + texts(r.Source, r.Product, r.Service, r.Scope, r.ID, r.Kind, r.Origin, r.Batch)
}

func partyBytes(p event.Party) int {
	n := 120 + texts(p.Name, p.Person, p.Owner, p.Session) + texts(p.Groups...)
	for _, h := range p.Chain {
		n += 30 + texts(h.By, h.Name)
	}
	return n
}

func requirementBytes(r *event.Requirement) int {
	n := 300 + texts(r.Kind, r.Scope, r.Group) + texts(r.Within...)
	for _, p := range r.IndependentOf {
		n += partyBytes(p)
	}
	for _, f := range r.Separate {
		n += 30 + texts(f.Is, f.Of)
	}
	for i := range r.Also {
		n += requirementBytes(&r.Also[i])
	}
	return n
}

func consideredBytes(c *event.Considered) int {
	n := 400 + texts(string(c.Why), c.Kind, c.Reference, c.Covers, c.Detail)
	n += partyBytes(c.Actor) + partyBytes(c.Approver) + refBytes(c.Event)
	for i := range c.Links {
		n += consideredBytes(&c.Links[i])
	}
	return n
}
