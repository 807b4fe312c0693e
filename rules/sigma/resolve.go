package sigma

import (
	"errors"
	"fmt"
	"net/netip"
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

// Detection returns what the rule asks of an event, with its filters and with
// its lists written out, or what is wrong with it. It asks by a field's name
// and path alone, so the same tree serves every engine.
func (r *Rule) Detection(lists Lists) (Expr, Faults) {
	own, faults := r.own(lists)
	all := And{own}
	for _, f := range r.Filters {
		passes, wrong := f.passes(lists)
		all, faults = append(all, passes), append(faults, wrong...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	if len(all) == 1 {
		return own, nil
	}
	return all, nil
}

// own returns what the rule asks without its filters.
func (r *Rule) own(lists Lists) (Expr, Faults) {
	c := resolver{rule: r, lists: lists, memo: map[string]Expr{}}
	var any Or
	for _, cond := range r.conditions {
		any = append(any, c.condition(cond))
	}
	if len(any) == 1 {
		return any[0], c.faults
	}
	return any, c.faults
}

// resolver turns conditions and selections into predicates.
type resolver struct {
	rule  *Rule
	lists Lists
	// unlisted says that the lists are not known yet.
	unlisted bool

	faults Faults
	memo   map[string]Expr // of selections
	spelt  int             // characters that values stand for
}

func (c *resolver) fault(node ast.Node, format string, args ...any) {
	c.faults = append(c.faults, c.rule.At(node, format, args...))
}

func (c *resolver) condition(cond condition) Expr {
	switch cond := cond.(type) {
	case allOf:
		return And(resolved(cond, c.condition))
	case anyOf:
		return Or(resolved(cond, c.condition))
	case negate:
		return Not{c.condition(cond.of)}
	case named:
		return c.named(cond.name.text)
	case some:
		return Or(resolved(c.rule.matching(cond.pattern.text), c.named))
	case every:
		return And(resolved(c.rule.matching(cond.pattern.text), c.named))
	}
	return Or{}
}

// resolved are the parts of a list, each of them resolved.
func resolved[T any](parts []T, resolve func(T) Expr) []Expr {
	out := make([]Expr, len(parts))
	for i, p := range parts {
		out[i] = resolve(p)
	}
	return out
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
		return And(resolved(s, c.selection))
	case listOr:
		return Or(resolved(s, c.selection))
	case field:
		return c.field(s)
	}
	return Or{}
}

// field resolves one key with its values: any of them suffices, or all of them
// are needed under the modifier all.
func (c *resolver) field(f field) Expr {
	if f.modifiers.faulty { // then nobody knows what they mean
		return Or{}
	}
	var out []Expr
	for _, v := range f.values {
		out = append(out, c.value(f, v)...)
	}
	var linked Expr = Or(out)
	switch {
	case len(out) == 1:
		linked = out[0]
	case f.modifiers.has("all") && len(out) > 0: // all of an empty list would be any event
		linked = And(out)
	}
	if f.modifiers.has("neq") {
		return Not{linked}
	}
	return linked
}

// value resolves one value. Under expand it is one of each entry of its list.
func (c *resolver) value(f field, v value) []Expr {
	m := &f.modifiers
	p := &Predicate{Field: f.path, Cased: m.has("cased"), Node: v.node}
	switch {
	case v.null && !m.none():
		c.fault(v.node, "null takes no modifier; exclude it by a selection of its own: and not")
		return nil
	case v.null:
		p.Op = Null
		return []Expr{p}
	case m.has("exists"):
		return c.existence(p, v)
	case m.has("expand") && c.unlisted:
		return nil
	case m.has("expand"):
		return c.expanded(p, v, m)
	}
	return c.unexpanded(p, v, m)
}

func (c *resolver) existence(p *Predicate, v value) []Expr {
	p.Op = Exists
	switch strings.ToLower(v.text) {
	case "true", "yes":
		return []Expr{p}
	case "false", "no":
		return []Expr{Not{p}}
	}
	c.fault(v.node, "exists takes true or false, not %q", v.text)
	return nil
}

func (c *resolver) expanded(p *Predicate, v value, m *modifiers) []Expr {
	pattern, names := placeholders(v.text)
	var out []Expr
	for _, entries := range c.combinations(v, names) {
		one := *p
		if m.text() {
			out = append(out, c.texts(&one, v, m, pattern, entries)...)
		} else {
			out = append(out, c.single(&one, v, m, filledText(v.text, entries))...)
		}
	}
	return out
}

func (c *resolver) unexpanded(p *Predicate, v value, m *modifiers) []Expr {
	if m.text() {
		return c.texts(p, v, m, ParsePattern(v.text), nil)
	}
	return c.single(p, v, m, v.text)
}

// texts resolves a Sigma string, which its modifiers may turn into several.
func (c *resolver) texts(p *Predicate, v value, m *modifiers, value Pattern, entries []string) []Expr {
	if c.spelt > maxSpeltAll {
		return nil // which has been said
	}
	found, err := patterns(value, m, entries)
	if _, is := errors.AsType[tooMuch](err); is {
		c.spelt += maxSpelt // it took as long as if it had been little enough
	}
	if err != nil {
		c.fault(v.node, "%v", err)
		return nil
	}
	if len(found) > 1 && !c.room(v, found) {
		return nil
	}
	var any Or
	for _, pattern := range found {
		one := *p
		one.Pattern = pattern
		any = append(any, &one)
	}
	if len(any) == 1 {
		return []Expr{any[0]}
	}
	return []Expr{any}
}

// room says whether the rule may have these texts of a value, too.
func (c *resolver) room(v value, texts []Pattern) bool {
	for _, t := range texts {
		c.spelt += len(t)
	}
	if c.spelt <= maxSpeltAll {
		return true
	}
	c.fault(v.node, "the values of this rule stand for more than %d characters; write another rule for some of them", maxSpeltAll)
	return false
}

// single resolves a value that is no Sigma string.
func (c *resolver) single(p *Predicate, v value, m *modifiers, s string) []Expr {
	if err := fill(p, s, m); err != nil {
		c.fault(v.node, "%v", err)
		return nil
	}
	return []Expr{p}
}

var comparisons = map[string]Op{"lt": Less, "lte": LessEqual, "gt": Greater, "gte": GreaterEqual}

// fill completes a predicate by a rule's text under its modifiers.
func fill(p *Predicate, s string, m *modifiers) (err error) {
	switch {
	case m.has("fieldref"):
		p.Op, p.Other = SameAs, s
		p.Contains, p.StartsWith, p.EndsWith = m.has("contains"), m.has("startswith"), m.has("endswith")
	case m.has("re"):
		p.Op = Search
		p.Regexp, err = compileRegexp(s, m)
	case m.has("cidr"):
		p.Op = Within
		p.Prefix, err = parseNetwork(s)
	case m.part != "":
		err = parseTimePart(p, s, m)
	case m.compare != "":
		p.Op = comparisons[m.compare]
		p.Number, err = parseNumber(s)
	}
	return err
}

// parseNetwork reads a network, or an address as the network of itself alone.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is no network; write 10.0.0.0/8", s)
	}
	return p.Masked(), nil
}

// parseNumber reads a decimal number; hexadecimal, Inf and NaN are none.
func parseNumber(s string) (float64, error) {
	n, err := strconv.ParseFloat(s, 64)
	switch {
	case errors.Is(err, strconv.ErrRange):
		return 0, fmt.Errorf("%s is too large a number to compare with; the largest is about 1.8e308", s)
	case err != nil || strings.Trim(s, "+-.0123456789eE") != "":
		return 0, fmt.Errorf("%q is no number", s)
	}
	return n, nil
}
