package rules

import (
	"github.com/goccy/go-yaml/ast"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Revocation says that a rule's match takes approvals of a kind back: those
// that it refers to, or those that the approver gave for what it covers.
//
//	revocation:
//	  kind: pull-request-review
//	  reference: review.html_url
//	  at: review.updated_at
type Revocation struct {
	Kind      string
	Reference []Template
	Covers    Template
	Approver  []Who
	At        []Template // default: the event's own time

	node ast.Node
}

func (r *reader) revocation(node ast.Node) *Revocation {
	v := &Revocation{node: node}
	r.mapping(node, "revocation", map[string]func(sigma.Pair){
		"kind":      func(p sigma.Pair) { v.Kind, v.node = r.scalar(p.Value, p.Key), p.Value },
		"reference": func(p sigma.Pair) { v.Reference = r.fields(p) },
		"covers":    r.template(&v.Covers),
		"approver":  r.whom(&v.Approver),
		"at":        func(p sigma.Pair) { v.At = r.fields(p) },
	})
	if v.Kind == "" {
		r.fault(node, "revocation needs a kind: that of the approvals which it takes back")
	}
	covers, approver := v.Covers.source != "", len(v.Approver) > 0
	switch {
	case covers != approver:
		r.fault(node, "revocation: covers and approver belong together: it takes back what this person gave for exactly that")
	case !covers && len(v.Reference) == 0:
		r.fault(node, "revocation needs a reference, or covers and approver: which approvals does it take back?")
	}
	return v
}

// revocation returns nothing for an event that does not say what is taken back.
func (m *Matcher) revocation(v *Revocation, ref event.Ref, e *subject) *event.Revocation {
	out := &event.Revocation{Kind: v.Kind, Reference: firstText(v.Reference, e), At: timeOr(ref.At(), v.At, e)}
	if covers, complete := v.Covers.render(e); complete {
		out.Covers, out.Approver = covers, m.party(v.Approver, ref.Product, e)
	}
	if out.Reference == "" && (out.Covers == "" || out.Approver.Name == "") {
		return nil
	}
	return out
}
