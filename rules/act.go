package rules

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// Act says that a rule's match is something that a control must approve.
//
//	act:
//	  control: CHG-03
//	  actor: user.username
//	  resource: '{scope}/{objectRef.namespace}/{objectRef.name}'
//	  approved-by:
//	    - break-glass: {actor: same, scope: '{scope}'}
type Act struct {
	Control  string
	Actor    []Template // the first that yields names the actor
	Resource Template
	Scope    Template // default {scope}
	// Grace and Limit as in the judge; zero: the configured default.
	Grace, Limit time.Duration
	ApprovedBy   []Requirement

	node ast.Node
}

// Requirement is one way in which the act can be approved.
type Requirement struct {
	Kind      string
	SameActor bool
	Scope     Template // default: the act's resource
	Skew      time.Duration
	// IndependentOf are those whom the approver must not be; default: the
	// act's actor.
	IndependentOf []Template

	node ast.Node
}

// meaning reads the blocks that say what a rule's match means.
func (r *reader) meaning(rule *Rule) {
	act, isAct := rule.Extra["act"]
	approval, isApproval := rule.Extra["approval"]
	control, hasControl := rule.Extra["control"]
	switch {
	case isAct && isApproval:
		r.fault(approval.KeyNode, "a rule is an act or an approval, not both")
	case isAct:
		rule.Act = r.act(act.Value)
	case isApproval:
		rule.Approval = r.approval(approval.Value)
	default:
		rule.Act = detectionOnly(rule.LogSource)
	}
	if hasControl {
		if isAct || isApproval {
			r.fault(control.KeyNode, "control belongs into the act block")
		} else {
			rule.Act.Control, rule.Act.node = r.scalar(control.Value, "control"), control.Value
		}
	}
	if tests, ok := rule.Extra["tests"]; ok {
		rule.Tests = r.tests(tests.Value, rule.LogSource)
	}
	r.misspelt(rule.Extra)
}

// misspelt finds keys that are almost ours: an approval that is not read as
// one would be a detection, whose every match is a bypass. Other keys are the
// author's own.
func (r *reader) misspelt(extra map[string]sigma.Pair) {
	ours := []string{"act", "approval", "control", "tests"}
	for _, key := range slices.Sorted(maps.Keys(extra)) {
		hint := sigma.Suggest(key, ours[1:]) // nearly anything short is near to "act"
		if strings.HasPrefix(strings.ToLower(key), "act") {
			hint = sigma.Suggest(key, ours[:1])
		}
		if hint != "" && !slices.Contains(ours, key) {
			r.fault(extra[key].KeyNode, "a rule has no key %q%s", key, hint)
		}
	}
}

func (r *reader) act(node ast.Node) *Act {
	a := &Act{Scope: scopeTemplate, node: node}
	r.mapping(node, "act", map[string]func(sigma.Pair){
		"control":     func(p sigma.Pair) { a.Control, a.node = r.scalar(p.Value, "control"), p.Value },
		"actor":       func(p sigma.Pair) { a.Actor = r.fields(p) },
		"resource":    r.template(&a.Resource),
		"scope":       r.template(&a.Scope),
		"grace":       r.duration(&a.Grace),
		"limit":       r.duration(&a.Limit),
		"approved-by": func(p sigma.Pair) { a.ApprovedBy = r.requirements(p.Value) },
	})
	if a.Control == "" {
		r.fault(node, "act needs a control")
	}
	if len(a.Actor) == 0 {
		r.fault(node, "act needs an actor: the field that names who did it")
	}
	if a.Resource.source == "" {
		r.fault(node, "act needs a resource: what it was done to")
	}
	for i := range a.ApprovedBy {
		q := &a.ApprovedBy[i]
		if q.Scope.source == "" {
			q.Scope = a.Resource
		}
		if q.IndependentOf == nil {
			q.IndependentOf = a.Actor
		}
	}
	return a
}

// requirements reads a list of kinds, each alone or with its conditions.
func (r *reader) requirements(node ast.Node) []Requirement {
	items, ok := sigma.Items(node)
	if !ok {
		r.fault(node, "approved-by has to be a list of kinds of approval")
		return nil
	}
	var out []Requirement
	for _, it := range items {
		if kind, alone := sigma.Text(it); alone {
			out = append(out, Requirement{Kind: kind, node: it})
			continue
		}
		pairs, isMap := sigma.Pairs(it)
		if !isMap {
			r.fault(it, "approved-by: write a kind, or kind: {actor: same, …}")
			continue
		}
		for _, p := range pairs {
			out = append(out, r.requirement(p))
		}
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
		"scope":          r.template(&q.Scope),
		"skew":           r.duration(&q.Skew),
		"independent-of": func(p sigma.Pair) { q.IndependentOf = r.fields(p) },
	})
	return q
}

func (r *reader) template(to *Template) func(sigma.Pair) {
	return func(p sigma.Pair) {
		t, err := parseTemplate(r.scalar(p.Value, p.Key))
		if err != nil {
			r.fault(p.Value, "%s: %v", p.Key, err)
		}
		*to = t
	}
}

// fields reads one field or template, or a list of them.
func (r *reader) fields(p sigma.Pair) []Template {
	out := []Template{}
	for _, s := range r.list(p.Value, p.Key) {
		t, err := parseField(s)
		if err != nil {
			r.fault(p.Value, "%s: %v", p.Key, err)
		}
		out = append(out, t)
	}
	return out
}

var scopeTemplate = Template{source: "{scope}", parts: []part{{fields: []string{"scope"}}}}

// detectionOnly is what the match of an ordinary Sigma rule means: an act that
// nothing can approve, by whoever the product's events usually name.
func detectionOnly(src sigma.LogSource) *Act {
	actor, resource, scope := usual(src.Product)
	a := &Act{Scope: scopeTemplate}
	for _, f := range actor {
		t, err := parseField(f)
		if err != nil {
			panic(err) // a constant of this package
		}
		a.Actor = append(a.Actor, t)
	}
	for s, to := range map[string]*Template{resource: &a.Resource, scope: &a.Scope} {
		t, err := parseTemplate(s)
		if err != nil {
			panic(err) // likewise
		}
		*to = t
	}
	return a
}

func usual(product string) (actor []string, resource, scope string) {
	switch product {
	case "aws":
		return []string{"userIdentity.arn", "userIdentity.userName", "userIdentity.principalId", "userIdentity.invokedBy"},
			"{eventSource}/{eventName}", "{recipientAccountId|userIdentity.accountId|scope}"
	case "kubernetes":
		return []string{"user.username"}, "{scope}/{objectRef.namespace}/{objectRef.resource}/{objectRef.name}", "{scope}"
	case "github":
		return []string{"actor", "sender.login"}, // the audit log's user is whom it was done to
			"{repo|repository.full_name|org|scope}", "{repo|repository.full_name|org|scope}"
	}
	return []string{"actor", "user", "userName"}, "{scope}", "{scope}"
}
