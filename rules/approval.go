package rules

import (
	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// Approval says that a rule's match is something that approves acts.
//
//	approval:
//	  kind: access-grant
//	  actor: data.actor
//	  approver: data.approver
//	  covers: '{data.scope}'
//	  from: data.from
//	  until: data.until
//	  reference: data.reference
type Approval struct {
	Kind     string
	Actor    []Template // none: anybody may act
	Approver []Template // none: the kind needs no approver
	Covers   Template
	From     []Template // fields that hold times; see [parseTime]
	Until    []Template
	Recorded []Template // default: the event's own time

	Reference []Template
}

func (r *reader) approval(node ast.Node) *Approval {
	a := &Approval{}
	keep := func(to *[]Template) func(sigma.Pair) {
		return func(p sigma.Pair) { *to = r.fields(p) }
	}
	r.mapping(node, "approval", map[string]func(sigma.Pair){
		"kind":      r.text(&a.Kind),
		"actor":     keep(&a.Actor),
		"approver":  keep(&a.Approver),
		"covers":    r.template(&a.Covers),
		"from":      keep(&a.From),
		"until":     keep(&a.Until),
		"recorded":  keep(&a.Recorded),
		"reference": keep(&a.Reference),
	})
	if a.Kind == "" {
		r.fault(node, "approval needs a kind, such as change-ticket")
	}
	if a.Covers.source == "" {
		r.fault(node, "approval needs covers: what it approves")
	}
	return a
}
