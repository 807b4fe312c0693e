package sigma

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml/ast"
)

// Lists are the named lists of an estate, for the modifier expand: a value
// '%name%' stands for each entry of the list. Entries are Sigma strings.
type Lists map[string][]string

// Program is a set of compiled rules. It is immutable and may be shared.
type Program struct {
	rules  []*compiled // nil where a rule is faulty
	groups map[LogSource][]int

	mu     sync.RWMutex
	routes map[LogSource]*route // by the event's log source, made when first met
}

// compiled is a rule ready to be evaluated.
type compiled struct {
	when     expression
	fields   []string // paths that it reads
	keywords bool     // reads every text
}

// Compile turns rules into a program. A rule with a fault is left out and
// reported; it never takes the others down.
func Compile(rules []*Rule, lists Lists) (*Program, Faults) {
	p := &Program{rules: make([]*compiled, len(rules)), groups: map[LogSource][]int{}, routes: map[LogSource]*route{}}
	var faults Faults
	for i, r := range rules {
		c := compiler{rule: r, lists: lists, paths: map[string]bool{}}
		out := c.compile()
		faults = append(faults, c.faults...)
		if len(c.faults) > 0 {
			continue
		}
		p.rules[i] = out
		p.groups[r.LogSource] = append(p.groups[r.LogSource], i)
	}
	return p, faults
}

type compiler struct {
	rule     *Rule
	lists    Lists
	paths    map[string]bool
	keywords bool
	faults   Faults
	memo     map[string]expression
}

func (c *compiler) fault(node ast.Node, format string, args ...any) {
	c.faults = append(c.faults, c.rule.At(node, format, args...))
}

func (c *compiler) compile() *compiled {
	c.memo = map[string]expression{}
	var any anyExpr
	for _, cond := range c.rule.conditions {
		any = append(any, c.condition(cond))
	}
	return &compiled{when: any, fields: slices.Sorted(maps.Keys(c.paths)), keywords: c.keywords}
}

func (c *compiler) condition(cond condition) expression {
	switch cond := cond.(type) {
	case allOf:
		out := make(allExpr, len(cond))
		for i, s := range cond {
			out[i] = c.condition(s)
		}
		return out
	case anyOf:
		out := make(anyExpr, len(cond))
		for i, s := range cond {
			out[i] = c.condition(s)
		}
		return out
	case negate:
		return notExpr{c.condition(cond.of)}
	case named:
		return c.named(cond.name)
	case some:
		var out anyExpr
		for _, n := range c.rule.matching(cond.pattern) {
			out = append(out, c.named(n))
		}
		return out
	case every:
		var out allExpr
		for _, n := range c.rule.matching(cond.pattern) {
			out = append(out, c.named(n))
		}
		return out
	}
	return anyExpr{}
}

func (c *compiler) named(name string) expression {
	if e, ok := c.memo[name]; ok {
		return e
	}
	e := c.selection(c.rule.selections[name])
	c.memo[name] = e
	return e
}

func (c *compiler) selection(s selection) expression {
	switch s := s.(type) {
	case fieldsAnd:
		out := make(allExpr, len(s))
		for i, f := range s {
			out[i] = c.selection(f)
		}
		return out
	case listOr:
		out := make(anyExpr, len(s))
		for i, f := range s {
			out[i] = c.selection(f)
		}
		return out
	case field:
		return c.field(s)
	}
	return anyExpr{}
}

// field compiles one key with its values: any of them suffices, or all of them
// are needed under the modifier all.
func (c *compiler) field(f field) expression {
	if f.path == "" {
		c.keywords = true
	} else {
		c.paths[f.path] = true
	}
	var out []expression
	for _, v := range c.expanded(f) {
		if e := c.value(f, v); e != nil {
			out = append(out, e)
		}
	}
	switch {
	case len(out) == 1:
		return out[0]
	case f.modifiers.all && len(out) > 0: // all of an empty list would be any event
		return allExpr(out)
	}
	return anyExpr(out)
}

// expanded replaces values that name a list by the list's entries.
func (c *compiler) expanded(f field) []value {
	if !f.modifiers.expand {
		return f.values
	}
	var out []value
	for _, v := range f.values {
		name, ok := strings.CutPrefix(v.text, "%")
		name, ok2 := strings.CutSuffix(name, "%")
		if !ok || !ok2 || v.null {
			c.fault(v.node, "%q names no list; with expand a value is written '%%name%%'", v.text)
			continue
		}
		entries, known := c.lists[name]
		if !known {
			c.fault(v.node, "the estate has no list %q%s", name, suggest(name, slices.Sorted(maps.Keys(c.lists))))
		}
		for _, e := range entries {
			out = append(out, value{text: e, node: v.node})
		}
	}
	return out
}

func (c *compiler) value(f field, v value) expression {
	m := f.modifiers
	if v.null {
		if m != (modifiers{}) {
			c.fault(v.node, "null takes no modifier")
		}
		return isNull{f.path}
	}
	if m.exists {
		switch strings.ToLower(v.text) {
		case "true", "yes":
			return present{f.path}
		case "false", "no":
			return notExpr{present{f.path}}
		}
		c.fault(v.node, "exists takes true or false, not %q", v.text)
		return nil
	}
	if m.fieldref {
		c.paths[v.text] = true
		return sameAs{path: f.path, other: v.text, modifiers: m}
	}
	p, err := c.predicate(v.text, m)
	if err != nil {
		c.fault(v.node, "%v", err)
		return nil
	}
	return test{path: f.path, is: p}
}

func (c *compiler) predicate(s string, m modifiers) (predicate, error) {
	switch {
	case m.re:
		return compilePattern(s, m)
	case m.cidr:
		return compileNetwork(s)
	case m.compare != "":
		return compileComparison(m.compare, s)
	}
	return compileText(s, m), nil
}
