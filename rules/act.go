package rules

import (
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
	Actor    []Who // the first that yields names the actor
	Resource Template
	Scope    Template // default {scope}
	// Grace and Limit as in the judge; zero: the configured default.
	Grace, Limit time.Duration
	ApprovedBy   []Requirement

	node ast.Node
}

func (r *reader) act(node ast.Node) *Act {
	a := &Act{Scope: scopeTemplate, node: node}
	r.mapping(node, "act", map[string]func(sigma.Pair){
		"control":     func(p sigma.Pair) { a.Control, a.node = r.scalar(p.Value, "control"), p.Value },
		"actor":       r.whom(&a.Actor),
		"resource":    r.template(&a.Resource),
		"scope":       r.template(&a.Scope),
		"grace":       r.duration(&a.Grace),
		"limit":       r.duration(&a.Limit),
		"approved-by": func(p sigma.Pair) { a.ApprovedBy = r.requirements(p) },
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
	assume(a.ApprovedBy, a.Resource, a.Actor)
	return a
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
		w, err := parseWho(f)
		if err != nil {
			panic(err) // a constant of this package
		}
		a.Actor = append(a.Actor, w)
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

// usual is who did what where, as a product's events usually say it.
func usual(product string) (actor []string, resource, scope string) {
	switch product {
	case "aws":
		return []string{identityWord}, "{eventSource}/{eventName}", "{recipientAccountId|userIdentity.accountId|scope}"
	case "kubernetes":
		return []string{identityWord}, "{scope}/{objectRef.namespace}/{objectRef.resource}/{objectRef.name}", "{scope}"
	case "github":
		return []string{identityWord}, "{repo|repository.full_name|org|scope}", "{repo|repository.full_name|org|scope}"
	}
	return usualActor, "{scope}", "{scope}"
}

// usualActor are the fields that name who did something, in the events of
// products that have no better way.
var usualActor = []string{"actor", "user", "userName"}
