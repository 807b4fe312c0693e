package rules

import (
	"maps"
	"slices"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// check finds what only the whole policy shows: names of things that are not
// there.
func (l *loader) check() {
	l.checkPeople()
	l.filters()
	known := l.policy.names()
	for _, r := range l.policy.Rules {
		if r.Act != nil {
			known.control(l, r.Place, r.Act)
		}
		if v := r.Revocation; v != nil {
			known.kind(l, r.Place, v.node, v.Kind)
		}
	}
	for _, c := range l.policy.Correlations {
		known.control(l, c.Place, c.Act)
	}
	l.policy.required(func(at sigma.Place, q Requirement) { known.requirement(l, at, q) })
	l.resolve()
}

// names are what the blocks of rules may refer to. A misspelt one must not go
// unnoticed: an act would have nothing that approves it, and an approver nobody
// of whom they have to be independent.
type names struct {
	controls, kinds, facts map[string]bool
	groups                 []string
}

func (p *Policy) names() names {
	n := names{controls: map[string]bool{}, kinds: map[string]bool{}, facts: map[string]bool{}, groups: p.Estate.groupNames()}
	for _, c := range p.Controls {
		n.controls[c.ID] = true
	}
	for _, r := range p.Rules {
		if r.Approval != nil {
			n.kinds[r.Approval.Kind] = true
		}
		for _, f := range r.Facts {
			n.facts[f.Is] = true
		}
	}
	return n
}

func (n names) control(l *loader, at sigma.Place, a *Act) {
	if c := a.Control; c != "" && !n.controls[c] {
		l.faults = append(l.faults, at.At(a.node, "there is no control %q%s", c, suggest(c, n.controls)))
	}
}

func (n names) kind(l *loader, at sigma.Place, node ast.Node, kind string) {
	if !n.kinds[kind] {
		l.faults = append(l.faults, at.At(node, "no rule yields approvals of kind %q%s", kind, suggest(kind, n.kinds)))
	}
}

func (n names) requirement(l *loader, at sigma.Place, q Requirement) {
	n.kind(l, at, q.node, q.Kind)
	for _, rel := range q.Separate {
		if !n.facts[rel.Is] {
			l.faults = append(l.faults, at.At(rel.node, "no rule states facts %q%s", rel.Is, suggest(rel.Is, n.facts)))
		}
	}
	if q.Group != "" && n.groups != nil && !slices.Contains(n.groups, q.Group) {
		l.faults = append(l.faults, at.At(q.groupNode, "the estate has no group %q%s", q.Group, sigma.Suggest(q.Group, n.groups)))
	}
}

func suggest(wrong string, known map[string]bool) string {
	return sigma.Suggest(wrong, slices.Sorted(maps.Keys(known)))
}
