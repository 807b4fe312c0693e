package sigma

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// KindField is the virtual field by which a rule reads an event's name that
// its body does not hold.
const KindField = "X-GitHub-Event"

// Lists are the named lists of an estate, for the modifier expand: a value
// '%name%' stands for each entry of the list. Entries are Sigma strings.
type Lists map[string][]string

// Detection returns what the rule asks of an event, with its lists written
// out, or what is wrong with it. It asks by a field's name and path alone, so
// the same tree serves every engine.
func (r *Rule) Detection(lists Lists) (Expr, Faults) {
	c := resolver{rule: r, lists: lists, memo: map[string]Expr{}}
	var any Or
	for _, cond := range r.conditions {
		any = append(any, c.condition(cond))
	}
	if len(c.faults) > 0 {
		return nil, c.faults
	}
	if len(any) == 1 {
		return any[0], nil
	}
	return any, nil
}

// resolver turns conditions and selections into predicates.
type resolver struct {
	rule   *Rule
	lists  Lists
	faults Faults
	memo   map[string]Expr // of selections
}

func (c *resolver) fault(node ast.Node, format string, args ...any) {
	c.faults = append(c.faults, c.rule.At(node, format, args...))
}

func (c *resolver) condition(cond condition) Expr {
	switch cond := cond.(type) {
	case allOf:
		out := make(And, len(cond))
		for i, s := range cond {
			out[i] = c.condition(s)
		}
		return out
	case anyOf:
		out := make(Or, len(cond))
		for i, s := range cond {
			out[i] = c.condition(s)
		}
		return out
	case negate:
		return Not{c.condition(cond.of)}
	case named:
		return c.named(cond.name)
	case some:
		var out Or
		for _, n := range c.rule.matching(cond.pattern) {
			out = append(out, c.named(n))
		}
		return out
	case every:
		var out And
		for _, n := range c.rule.matching(cond.pattern) {
			out = append(out, c.named(n))
		}
		return out
	}
	return Or{}
}

func (c *resolver) named(name string) Expr {
	if e, ok := c.memo[name]; ok {
		return e
	}
	e := c.selection(c.rule.selections[name])
	c.memo[name] = e
	return e
}

func (c *resolver) selection(s selection) Expr {
	switch s := s.(type) {
	case fieldsAnd:
		out := make(And, len(s))
		for i, f := range s {
			out[i] = c.selection(f)
		}
		return out
	case listOr:
		out := make(Or, len(s))
		for i, f := range s {
			out[i] = c.selection(f)
		}
		return out
	case field:
		return c.field(s)
	}
	return Or{}
}

// field resolves one key with its values: any of them suffices, or all of them
// are needed under the modifier all.
func (c *resolver) field(f field) Expr {
	var out []Expr
	for _, v := range c.expanded(f) {
		if e := c.value(f, v); e != nil {
			out = append(out, e)
		}
	}
	switch {
	case len(out) == 1:
		return out[0]
	case f.modifiers.all && len(out) > 0: // all of an empty list would be any event
		return And(out)
	}
	return Or(out)
}

// expanded replaces values that name a list by the list's entries.
func (c *resolver) expanded(f field) []value {
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

func (c *resolver) value(f field, v value) Expr {
	m := f.modifiers
	p := &Predicate{Field: f.path, Cased: m.cased, Node: v.node}
	if v.null {
		if m != (modifiers{}) {
			c.fault(v.node, "null takes no modifier")
		}
		p.Op = Null
		return p
	}
	if m.exists {
		p.Op = Exists
		switch strings.ToLower(v.text) {
		case "true", "yes":
			return p
		case "false", "no":
			return Not{p}
		}
		c.fault(v.node, "exists takes true or false, not %q", v.text)
		return nil
	}
	if err := fill(p, v.text, m); err != nil {
		c.fault(v.node, "%v", err)
		return nil
	}
	return p
}

var comparisons = map[string]Op{"lt": Less, "lte": LessEqual, "gt": Greater, "gte": GreaterEqual}

// fill completes a predicate by a rule's text under its modifiers.
func fill(p *Predicate, s string, m modifiers) (err error) {
	switch {
	case m.fieldref:
		p.Op, p.Other = SameAs, s
		p.Contains, p.StartsWith, p.EndsWith = m.contains, m.startswith, m.endswith
	case m.re:
		p.Op = Search
		p.Regexp, err = compileRegexp(s, m.flags)
	case m.cidr:
		p.Op = Within
		p.Prefix, err = parseNetwork(s)
	case m.compare != "":
		p.Op = comparisons[m.compare]
		p.Number, err = parseNumber(s)
	default:
		p.Pattern = ParsePattern(s)
		if m.contains || m.endswith {
			p.Pattern = slices.Insert(p.Pattern, 0, AnyRun)
		}
		if m.contains || m.startswith {
			p.Pattern = append(p.Pattern, AnyRun)
		}
	}
	return err
}

func compileRegexp(s, flags string) (*regexp.Regexp, error) {
	if flags != "" {
		s = "(?" + flags + ")" + s
	}
	re, err := regexp.Compile(s)
	if err != nil {
		return nil, fmt.Errorf("%q is no regular expression that can run in linear time (RE2): %w", s, err)
	}
	return re, nil
}

func parseNetwork(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is no network; write 10.0.0.0/8", s)
	}
	return p.Masked(), nil
}

// parseNumber reads a decimal number; hexadecimal, Inf and NaN are none.
func parseNumber(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, fmt.Errorf("%q is no number", s)
	}
	return n, nil
}
