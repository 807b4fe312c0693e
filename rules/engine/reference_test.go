package engine_test

import (
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

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
}

// references reads the rules of a file that are sound.
func references(t testing.TB, src string, lists sigma.Lists) []*reference {
	t.Helper()
	docs, faults := sigma.ParseDocuments("r.yml", []byte(src))
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	var out []*reference
	for _, d := range docs {
		out = append(out, newReference(d, lists))
	}
	return out
}

func newReference(d sigma.Document, lists sigma.Lists) *reference {
	r := &reference{lists: lists, selections: map[string]ast.Node{}, regexps: map[string]*regexp.Regexp{}}
	pairs, _ := sigma.Pairs(d.Root)
	for _, p := range pairs {
		if p.Key != "detection" {
			continue
		}
		parts, _ := sigma.Pairs(p.Value)
		for _, s := range parts {
			if s.Key != "condition" {
				r.selections[s.Key] = s.Value
				r.names = append(r.names, s.Key)
				continue
			}
			for _, n := range listed(s.Value) {
				text, _ := sigma.Text(n)
				r.conditions = append(r.conditions, text)
			}
		}
	}
	return r
}

// listed returns the items of a list, or the node alone.
func listed(n ast.Node) []ast.Node {
	if items, ok := sigma.Items(n); ok {
		return items
	}
	return []ast.Node{n}
}

func (r *reference) matches(v view) bool {
	return slices.ContainsFunc(r.conditions, func(c string) bool {
		return r.condition(strings.Fields(strings.NewReplacer("(", " ( ", ")", " ) ").Replace(c)), v)
	})
}

// matchesAny says whether the rule matches under any reading of the event.
func (r *reference) matchesAny(event object, kind string) bool {
	return slices.ContainsFunc(readings(event), func(o object) bool { return r.matches(view{o, kind, event}) })
}

// condition: or binds least, then and, then not.
func (r *reference) condition(words []string, v view) bool {
	if parts := splitAt(words, "or"); len(parts) > 1 {
		return slices.ContainsFunc(parts, func(p []string) bool { return r.condition(p, v) })
	}
	if parts := splitAt(words, "and"); len(parts) > 1 {
		return !slices.ContainsFunc(parts, func(p []string) bool { return !r.condition(p, v) })
	}
	switch first := strings.ToLower(words[0]); {
	case first == "not":
		return !r.condition(words[1:], v)
	case first == "(":
		return r.condition(words[1:len(words)-1], v)
	case len(words) == 3:
		hits, all := 0, r.named(words[2])
		for _, n := range all {
			if r.selection("", r.selections[n], v) {
				hits++
			}
		}
		return hits == len(all) || (first != "all" && hits > 0)
	}
	return r.selection("", r.selections[words[0]], v)
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
			!strings.EqualFold(pattern, "them") && r.wild(pattern).MatchString(n) {
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
			return r.value("", []string{"contains"}, item, v)
		}
		return r.value(path, nil, item, v)
	})
}

func (r *reference) field(path string, p sigma.Pair, v view) bool {
	parts := strings.Split(p.Key, "|")
	name, modifiers := parts[0], parts[1:]
	switch {
	case name == "":
		if !slices.ContainsFunc([]string{"re", "cidr", "startswith", "endswith", "lt", "lte", "gt", "gte"}, has(modifiers)) {
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
	hits, values := 0, listed(p.Value)
	if slices.Contains(modifiers, "expand") {
		values = r.expanded(values)
	}
	for _, value := range values {
		if r.value(path, modifiers, value, v) {
			hits++
		}
	}
	return hits > 0 && (hits == len(values) || !slices.Contains(modifiers, "all"))
}

func has(list []string) func(string) bool {
	return func(s string) bool { return slices.Contains(list, s) }
}

func (r *reference) expanded(values []ast.Node) []ast.Node {
	var out []ast.Node
	for _, n := range values {
		text, _ := sigma.Text(n)
		for _, entry := range r.lists[strings.Trim(text, "%")] {
			out = append(out, &ast.StringNode{Value: entry})
		}
	}
	return out
}

// value says whether an event satisfies one value of a rule.
func (r *reference) value(path string, modifiers []string, want ast.Node, v view) bool {
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
	wanted := []string{text}
	if slices.Contains(modifiers, "fieldref") {
		wanted = nil
		for _, other := range v.at(text) {
			if s, ok := textOf(other); ok {
				wanted = append(wanted, literal(s))
			}
		}
	}
	return slices.ContainsFunc(candidates, func(c any) bool {
		return slices.ContainsFunc(wanted, func(w string) bool { return r.holds(c, w, modifiers) })
	})
}

// literal escapes a text so that it has no wildcards.
func literal(s string) string { return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`).Replace(s) }

func (r *reference) holds(have any, want string, modifiers []string) bool {
	text, ok := textOf(have)
	if !ok {
		return false
	}
	is := has(modifiers)
	switch {
	case is("re"):
		return r.regexp(flags(modifiers) + want).MatchString(text)
	case is("cidr"):
		_, isText := have.(string)
		_, network, _ := net.ParseCIDR(want)
		return isText && network.Contains(address(text))
	case is("lt"), is("lte"), is("gt"), is("gte"):
		_, isBool := have.(bool)
		a, ok := number(text)
		b, _ := number(want)
		return ok && !isBool && (is("lt") && a < b || is("lte") && a <= b || is("gt") && a > b || is("gte") && a >= b)
	}
	if !is("cased") {
		text, want = strings.ToLower(text), strings.ToLower(want)
	}
	pattern := want
	if is("contains") || is("endswith") {
		pattern = "*" + pattern
	}
	if is("contains") || is("startswith") {
		// A backslash at the end must not take the meaning from the star.
		return r.regexp(strings.TrimSuffix(r.wild(pattern).String(), `\z`)).MatchString(text)
	}
	return r.wild(pattern).MatchString(text) || pattern == want && !is("fieldref") && sameNumber(have, want)
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

// wild turns a Sigma string into a regular expression.
func (r *reference) wild(s string) *regexp.Regexp {
	var b strings.Builder
	b.WriteString(`\A`)
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == '\\' && i+1 < len(runes) && strings.ContainsRune(`\*?`, runes[i+1]):
			i++
			b.WriteString(regexp.QuoteMeta(string(runes[i])))
		case c == '*':
			b.WriteString(`(?s:.*)`)
		case c == '?':
			b.WriteString(`(?s:.)`)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	return r.regexp(b.String() + `\z`)
}

func (r *reference) regexp(s string) *regexp.Regexp {
	if r.regexps[s] == nil {
		r.regexps[s] = regexp.MustCompile(s)
	}
	return r.regexps[s]
}

var decimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

func number(s string) (float64, bool) {
	if !decimal.MatchString(s) || len(s) > 64 {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

// sameNumber: 200 is 200.0. Two integers are the same if their texts are.
func sameNumber(have any, want string) bool {
	if _, isText := have.(string); isText {
		return false
	}
	text, _ := textOf(have)
	if !strings.ContainsAny(text+want, ".eE") {
		return false
	}
	a, okA := number(text)
	b, okB := number(want)
	return okA && okB && a == b
}
