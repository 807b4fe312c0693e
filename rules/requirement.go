package rules

import (
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Requirement is one way in which an act can be approved, or one of the links
// that an approval needs itself.
//
//	deployment-review:
//	  approvers: 2
//	  group: release-approvers
//	  independent-of: [identity, 'author of {repository.full_name}@{deployment.sha}']
type Requirement struct {
	Kind      string
	SameActor bool
	Scope     Template   // default: the act's resource, or what the approval covers
	Within    []Template // wider scopes of which any is enough
	Every     bool       // each of the values of the scope's field has to be covered
	Skew      time.Duration
	// IndependentOf are those whom the approver must not be, Separate the facts
	// that must not be about them; default: the actor.
	IndependentOf []Who
	Separate      []Relation
	Approvers     int // 0: one
	Group         string
	MemberFor     time.Duration
	Also          []Requirement // of other kinds, all of them needed, too

	named bool // IndependentOf and Separate are not the default, nor empty

	node, groupNode ast.Node
}

// Relation is somebody who is known by a fact: the author of a commit.
type Relation struct {
	Is string
	Of Template

	node ast.Node
}

// maxApprovers is beyond what any control asks for.
const maxApprovers = 20

// requirements reads a list of kinds, each alone or with its conditions; kinds
// that share an entry are needed together.
func (r *reader) requirements(p sigma.Pair) []Requirement {
	items, ok := sigma.Items(p.Value)
	if !ok {
		r.fault(p.Value, "%s has to be a list of kinds of approval", p.Key)
		return nil
	}
	var out []Requirement
	for _, it := range items {
		if kind, alone := sigma.Text(it); alone {
			out = append(out, Requirement{Kind: kind, node: it})
			continue
		}
		pairs, isMap := sigma.Pairs(it)
		if !isMap || len(pairs) == 0 {
			r.fault(it, "%s: write a kind, or kind: {actor: same, …}", p.Key)
			continue
		}
		first := r.requirement(pairs[0])
		for _, other := range pairs[1:] {
			first.Also = append(first.Also, r.requirement(other))
		}
		out = append(out, first)
	}
	return out
}

func (r *reader) requirement(pair sigma.Pair) Requirement {
	q := Requirement{Kind: pair.Key, node: pair.KeyNode}
	r.mapping(pair.Value, pair.Key, map[string]func(sigma.Pair){
		"actor": func(p sigma.Pair) {
			switch s := r.scalar(p.Value, "actor"); s {
			case "same":
				q.SameActor = true
			case "any":
			default:
				r.fault(p.Value, "actor: %q is neither same nor any", s)
			}
		},
		"scope":          func(p sigma.Pair) { r.scopes(p, &q) },
		"every":          r.boolean(&q.Every),
		"skew":           r.duration(&q.Skew),
		"independent-of": func(p sigma.Pair) { r.independence(p, &q) },
		"approvers": func(p sigma.Pair) {
			s := r.scalar(p.Value, p.Key)
			n, err := strconv.Atoi(s)
			if err != nil || n < 1 || n > maxApprovers {
				r.fault(p.Value, "approvers: %q is no number of people; write 1 to %d", s, maxApprovers)
			}
			q.Approvers = n
		},
		"group":      func(p sigma.Pair) { q.Group, q.groupNode = r.scalar(p.Value, p.Key), p.Value },
		"member-for": r.duration(&q.MemberFor),
	})
	if q.MemberFor > 0 && q.Group == "" {
		r.fault(pair.KeyNode, "member-for needs a group: of what have they been a member?")
	}
	return q
}

// scopes reads one scope, or a list of which those behind the first are wider.
func (r *reader) scopes(p sigma.Pair, q *Requirement) {
	all := sigma.OneOrMore(p.Value)
	if len(all) == 0 {
		r.fault(p.Value, "scope: the list is empty; write what the approval has to cover, or leave scope out")
	}
	for i, it := range all {
		var t Template
		r.template(&t)(sigma.Pair{Key: p.Key, Value: it})
		if i == 0 {
			q.Scope = t
		} else {
			q.Within = append(q.Within, t)
		}
	}
}

// relation is how a fact is asked for. Blanks elsewhere are in braces only.
var (
	relation      = regexp.MustCompile(`^\s*([^\s{}]+)\s+of\s+(.*\S)\s*$`)
	fieldInBraces = regexp.MustCompile(`\{[^}]*\}`)
)

// independence reads those whom an approver must not be: fields, or facts such
// as author of {repo}@{sha}.
func (r *reader) independence(p sigma.Pair, q *Requirement) {
	q.IndependentOf = []Who{} // whatever stands here, it is not the default
	for _, it := range sigma.OneOrMore(p.Value) {
		q.named = true
		s, _ := sigma.Text(it)
		m := relation.FindStringSubmatch(s)
		if m == nil {
			if strings.ContainsAny(fieldInBraces.ReplaceAllString(s, ""), " \t") {
				r.fault(it, "independent-of: %q is neither a field nor a fact; write such as author of {repository.full_name}@{sha}", s)
				continue
			}
			r.whom(&q.IndependentOf)(sigma.Pair{Key: p.Key, Value: it})
			continue
		}
		rel := Relation{Is: m[1], node: it}
		r.word(it, "independent-of", rel.Is)
		of, err := parseTemplate(m[2])
		if err != nil {
			r.fault(it, "independent-of: %v", err)
		}
		rel.Of = of
		q.Separate = append(q.Separate, rel)
	}
}

// assume fills in what the requirements leave out.
func assume(all []Requirement, scope Template, actor []Who) {
	for i := range all {
		q := &all[i]
		if q.Scope.source == "" {
			q.Scope = scope
		}
		if q.IndependentOf == nil {
			q.IndependentOf = actor
		}
		assume(q.Also, scope, actor)
	}
}

// eachOf calls f with each of the requirements and those that are needed
// together with it.
func eachOf(all []Requirement, f func(Requirement)) {
	for _, q := range all {
		f(q)
		eachOf(q.Also, f)
	}
}

// required are the requirements of all rules and correlations.
func (p *Policy) required(f func(sigma.Place, Requirement)) {
	for _, r := range p.Rules {
		at := func(q Requirement) { f(r.Place, q) }
		if r.Act != nil {
			eachOf(r.Act.ApprovedBy, at)
		}
		if r.Approval != nil {
			eachOf(r.Approval.Requires, at)
		}
	}
	for _, c := range p.Correlations {
		eachOf(c.Act.ApprovedBy, func(q Requirement) { f(c.Place, q) })
	}
}

// groups are the groups that rules ask for.
func (p *Policy) groups() []string {
	all := map[string]bool{}
	p.required(func(_ sigma.Place, q Requirement) {
		if q.Group != "" {
			all[q.Group] = true
		}
	})
	return slices.Sorted(maps.Keys(all))
}

// requirements fills in what an event says, for each entry of a list.
func (m *Matcher) requirements(all []Requirement, product string, e *subject) []event.Requirement {
	var out []event.Requirement
	for _, q := range all {
		needed := m.needed(q, product, e)
		for _, other := range q.Also {
			needed = append(needed, m.needed(other, product, e)...)
		}
		first := needed[0]
		if len(needed) > 1 {
			first.Also = needed[1:]
		}
		out = append(out, first)
	}
	return out
}

// needed is what one requirement means for an event: several of them, all
// needed, if every value of its scope has to be covered.
func (m *Matcher) needed(q Requirement, product string, e *subject) []event.Requirement {
	if !q.Every {
		return []event.Requirement{m.need(q, product, e)}
	}
	var out []event.Requirement
	add := func(need event.Requirement) {
		same := func(o event.Requirement) bool { return reflect.DeepEqual(o, need) }
		if !slices.ContainsFunc(out, same) {
			out = append(out, need)
		}
	}
	each, more := q.Scope.each(e)
	for _, one := range each {
		add(m.need(q, product, one))
	}
	if more { // those that do not fit are covered by nothing
		add(event.Requirement{Kind: q.Kind})
	}
	return out
}

// tellsApart says whether the event names those whom the approver must not be: a
// fact of something that it lacks would be about nobody, and so would a list of
// fields of which it has none, and then anybody would be independent.
func (q Requirement) tellsApart(need event.Requirement, e *subject) bool {
	for _, rel := range q.Separate {
		if _, whole := rel.Of.render(e); !whole {
			return false
		}
	}
	return !q.named || len(need.IndependentOf)+len(need.Separate) > 0
}

func (m *Matcher) need(q Requirement, product string, e *subject) event.Requirement {
	out := event.Requirement{
		Kind: q.Kind, SameActor: q.SameActor, Skew: q.Skew, Approvers: q.Approvers, Group: q.Group, MemberFor: q.MemberFor,
	}
	out.Scope, _ = q.Scope.render(e)
	for _, t := range q.Within {
		// One that lacks a part would be wider than anybody meant.
		if s, whole := t.render(e); whole {
			out.Within = append(out.Within, s)
		}
	}
	for _, s := range m.scopes.within(out.Scope) {
		if !slices.Contains(out.Within, s) {
			out.Within = append(out.Within, s)
		}
	}
	for _, w := range q.IndependentOf {
		if p := m.one(w, product, e); p.Name != "" {
			out.IndependentOf = append(out.IndependentOf, p)
		}
	}
	for _, rel := range q.Separate {
		of, _ := rel.Of.render(e)
		out.Separate = append(out.Separate, event.FactRef{Is: rel.Is, Of: of})
	}
	if !q.tellsApart(out, e) {
		out.Scope, out.Within = "", nil // which nothing covers
	}
	return out
}
