package engine_test

import (
	"math"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// reference evaluates one rule in the plainest way there is: it walks the
// rule's YAML anew for each event, with the event decoded by encoding/json,
// strings compared by regular expressions, and conditions split at their words.
// It shares with the engine only the reading of YAML.
type reference struct {
	lists      sigma.Lists
	names      []string
	selections map[string]ast.Node
	conditions []string
	regexps    map[string]*regexp.Regexp

	texts   map[string]string // id, name, product, category, service
	applies []string          // of a filter: ids and names of rules; "any"
	filters []*reference      // of a rule
}

// listed returns the items of a list, or the node alone.
func listed(n ast.Node) []ast.Node {
	if items, ok := sigma.Items(n); ok {
		return items
	}
	return []ast.Node{n}
}

func (r *reference) matches(v view) bool {
	holds := func(name string) bool { return r.selection("", r.selections[name], v) }
	return r.decides(holds) && !slices.ContainsFunc(r.filters, func(f *reference) bool { return f.suppresses(v) })
}

func (r *reference) decides(holds func(string) bool) bool {
	return slices.ContainsFunc(r.conditions, func(c string) bool {
		return r.condition(strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(c)), holds)
	})
}

// matchesAny says whether the rule matches under any reading of the event.
func (r *reference) matchesAny(event object, kind string) bool {
	return slices.ContainsFunc(readings(event), func(o object) bool { return r.matches(view{o, kind, event}) })
}

// suppresses says whether a filter's condition is not what it is for an event
// in which none of its selections is found.
func (r *reference) suppresses(v view) bool {
	return r.decides(func(name string) bool { return r.selection("", r.selections[name], v) }) != r.decides(func(string) bool { return false })
}

// condition: or binds least, then and, then not.
func (r *reference) condition(words []string, holds func(string) bool) bool {
	if parts := splitAt(words, "or"); len(parts) > 1 {
		return slices.ContainsFunc(parts, func(p []string) bool { return r.condition(p, holds) })
	}
	if parts := splitAt(words, "and"); len(parts) > 1 {
		return !slices.ContainsFunc(parts, func(p []string) bool { return !r.condition(p, holds) })
	}
	switch first := strings.ToLower(words[0]); {
	case first == "not":
		return !r.condition(words[1:], holds)
	case first == "(":
		return r.condition(words[1:len(words)-1], holds)
	case len(words) == 3:
		hits, all := 0, r.named(words[2])
		for _, n := range all {
			if holds(n) {
				hits++
			}
		}
		return hits == len(all) || (first != "all" && hits > 0)
	}
	return holds(words[0])
}

// splitAt splits at a word that stands outside of parentheses.
func splitAt(words []string, at string) [][]string {
	parts, depth, from := [][]string{}, 0, 0
	for i, w := range words {
		switch {
		case w == "(":
			depth++
		case w == ")":
			depth--
		case depth == 0 && strings.EqualFold(w, at):
			parts = append(parts, words[from:i])
			from = i + 1
		}
	}
	return append(parts, words[from:])
}

func (r *reference) named(pattern string) []string {
	var names []string
	for _, n := range r.names {
		if strings.EqualFold(pattern, "them") && !strings.HasPrefix(n, "_") ||
			!strings.EqualFold(pattern, "them") && r.regexp(expressionOf(atomsOf(pattern, nil))).MatchString(n) {
			names = append(names, n)
		}
	}
	return names
}

func (r *reference) selection(path string, n ast.Node, v view) bool {
	if pairs, ok := sigma.Pairs(n); ok {
		return !slices.ContainsFunc(pairs, func(p sigma.Pair) bool { return !r.field(path, p, v) })
	}
	return slices.ContainsFunc(listed(n), func(item ast.Node) bool {
		if _, ok := sigma.Pairs(item); ok {
			return r.selection(path, item, v)
		}
		if path == "" {
			return r.value("", []string{"contains"}, item, v, nil)
		}
		return r.value(path, nil, item, v, nil)
	})
}

func (r *reference) field(path string, p sigma.Pair, v view) bool {
	parts := strings.Split(p.Key, "|")
	name, modifiers := parts[0], parts[1:]
	switch {
	case name == "":
		if !slices.ContainsFunc([]string{"re", "cidr", "startswith", "endswith", "contains", "lt", "lte", "gt", "gte"}, has(modifiers)) {
			modifiers = append(slices.Clone(modifiers), "contains")
		}
		path = ""
	case path == "":
		path = name
	default:
		path += "." + name
	}
	if items := listed(p.Value); slices.ContainsFunc(items, func(n ast.Node) bool { _, ok := sigma.Pairs(n); return ok }) {
		return r.selection(path, p.Value, v)
	}
	hits, values := 0, 0
	for _, value := range listed(p.Value) {
		for _, entries := range r.expansions(value, modifiers) {
			values++
			if r.value(path, modifiers, value, v, entries) {
				hits++
			}
		}
	}
	holds := hits > 0 && (hits == values || !slices.Contains(modifiers, "all"))
	return holds != slices.Contains(modifiers, "neq")
}

func has(list []string) func(string) bool {
	return func(s string) bool { return slices.Contains(list, s) }
}

// value says whether an event satisfies one value of a rule, with entries of
// lists for its placeholders.
func (r *reference) value(path string, modifiers []string, want ast.Node, v view, entries []string) bool {
	candidates := v.at(path)
	if path == "" {
		candidates = v.texts()
	}
	if sigma.IsNull(want) {
		return !slices.ContainsFunc(candidates, func(c any) bool { return c != nil })
	}
	text, _ := sigma.Text(want)
	if slices.Contains(modifiers, "exists") {
		return (len(candidates) > 0) == (strings.EqualFold(text, "true") || strings.EqualFold(text, "yes"))
	}
	return slices.ContainsFunc(candidates, func(c any) bool {
		have, ok := textOf(c)
		return ok && r.holds(c, have, text, v, modifiers, entries)
	})
}

// holds compares one text of an event with a value.
func (r *reference) holds(value any, have, want string, v view, modifiers, entries []string) bool {
	is := has(modifiers)
	_, isText := value.(string)
	_, isBool := value.(bool)
	compared := slices.ContainsFunc([]string{"lt", "lte", "gt", "gte"}, is)
	part := slices.IndexFunc(modifiers, has([]string{"minute", "hour", "day", "week", "month", "year"}))
	if is("re") || is("cidr") || is("fieldref") || compared || part >= 0 {
		want = writeOut(want, entries)
	}
	switch {
	case is("re"):
		return r.regexp(flags(modifiers) + anchored(want, is)).MatchString(have)
	case is("cidr"):
		_, network, _ := net.ParseCIDR(want)
		return isText && network.Contains(address(have))
	case is("fieldref"):
		return slices.ContainsFunc(v.at(want), func(other any) bool {
			text, ok := textOf(other)
			return ok && refers(have, text, is)
		})
	case part >= 0:
		n, ok := datePart(have, modifiers[part])
		b, _ := number(want)
		return ok && !isBool && (!compared && n == b || ordered(n, b, is))
	case compared:
		a, ok := number(have)
		b, _ := number(want)
		return ok && !isBool && ordered(a, b, is)
	}
	return slices.ContainsFunc(r.variants(want, modifiers, entries), func(atoms []string) bool {
		text := have
		if !is("cased") {
			text, atoms = strings.ToLower(have), lowered(atoms)
		}
		return r.regexp(expressionOf(atoms)).MatchString(text) || !isText && sameNumber(have, atoms)
	})
}

func ordered(a, b float64, is func(string) bool) bool {
	return is("lt") && a < b || is("lte") && a <= b || is("gt") && a > b || is("gte") && a >= b
}

// refers compares two fields' texts.
func refers(a, b string, is func(string) bool) bool {
	if !is("cased") {
		a, b = strings.ToLower(a), strings.ToLower(b)
	}
	return a == b || is("contains") && strings.Contains(a, b) || is("startswith") && strings.HasPrefix(a, b) ||
		is("endswith") && strings.HasSuffix(a, b)
}

func anchored(re string, is func(string) bool) string {
	if is("startswith") {
		re = `\A(?:` + re + `)`
	}
	if is("endswith") {
		re = `(?:` + re + `)\z`
	}
	return re
}

func flags(modifiers []string) string {
	f := ""
	for _, m := range modifiers {
		if m == "i" || m == "m" || m == "s" {
			f += m
		}
	}
	if f == "" {
		return ""
	}
	return "(?" + f + ")"
}

// address reads an address; one of version 6 may name a zone.
func address(s string) net.IP {
	if plain, zone, ok := strings.Cut(s, "%"); ok && zone != "" && strings.Contains(plain, ":") {
		s = plain
	}
	return net.ParseIP(s)
}

func (r *reference) regexp(s string) *regexp.Regexp {
	if r.regexps[s] == nil {
		r.regexps[s] = regexp.MustCompile(s)
	}
	return r.regexps[s]
}

var decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// number reads a number; one that is too large is infinite.
func number(s string) (float64, bool) {
	if !decimal.MatchString(s) {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil || math.IsInf(n, 0)
}

// sameNumber: 200 is 200.0. Two integers are the same if their texts are, and
// so are two numbers that are too large.
func sameNumber(have string, atoms []string) bool {
	want := strings.Join(atoms, "")
	if !strings.ContainsAny(have+want, ".eE") {
		return false
	}
	a, okA := number(have)
	b, okB := number(want)
	return okA && okB && a == b && !math.IsInf(b, 0)
}
