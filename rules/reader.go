package rules

import (
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// reader reads parts of a document and collects what is wrong with them.
type reader struct {
	sigma.Place
	faults sigma.Faults
}

func (r *reader) fault(node ast.Node, format string, args ...any) {
	r.faults = append(r.faults, r.At(node, format, args...))
}

// mapping calls the handler of each key; a key without one is a fault.
func (r *reader) mapping(node ast.Node, what string, handlers map[string]func(sigma.Pair)) {
	pairs, ok := sigma.Pairs(node)
	if !ok {
		r.fault(node, "%s has to be a mapping", what)
		return
	}
	seen := map[string]bool{}
	for _, p := range pairs {
		h := handlers[p.Key]
		switch {
		case h == nil:
			r.fault(p.KeyNode, "%s has no key %q%s", what, p.Key, sigma.Suggest(p.Key, slices.Sorted(maps.Keys(handlers))))
		case seen[p.Key]:
			r.fault(p.KeyNode, "key %q stands twice", p.Key)
		default:
			h(p)
		}
		seen[p.Key] = true
	}
}

// text returns a handler that keeps a text.
func (r *reader) text(to *string) func(sigma.Pair) {
	return func(p sigma.Pair) { *to = r.scalar(p.Value, p.Key) }
}

func (r *reader) scalar(node ast.Node, what string) string {
	s, ok := sigma.Text(node)
	if !ok {
		r.fault(node, "%s has to be a text", what)
	}
	return s
}

// texts returns a handler that keeps a list of texts, or a single one.
func (r *reader) texts(to *[]string) func(sigma.Pair) {
	return func(p sigma.Pair) { *to = r.list(p.Value, p.Key) }
}

func (r *reader) list(node ast.Node, what string) []string {
	items := sigma.OneOrMore(node)
	out := make([]string, 0, len(items))
	for _, it := range items {
		s := r.scalar(it, what)
		if _, ok := sigma.Text(it); ok { // an empty entry in place of a faulty one might match something
			out = append(out, s)
		}
	}
	return out
}

// boolean returns a handler that keeps true or false.
func (r *reader) boolean(to *bool) func(sigma.Pair) {
	return func(p sigma.Pair) {
		s := r.scalar(p.Value, p.Key)
		if s != "true" && s != "false" {
			r.fault(p.Value, "%s: %q is neither true nor false", p.Key, s)
		}
		*to = s == "true"
	}
}

// aWord is what somebody is to something.
var aWord = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// word finds what is not a single word.
func (r *reader) word(node ast.Node, what, s string) {
	if !aWord.MatchString(s) {
		r.fault(node, "%s: %q is not a word in small letters, such as author or merged-by", what, s)
	}
}

// duration returns a handler that keeps a duration that is not negative.
func (r *reader) duration(to *time.Duration) func(sigma.Pair) {
	return func(p sigma.Pair) {
		s := r.scalar(p.Value, p.Key)
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			r.fault(p.Value, `%s: %q is not a duration; write "5m" or "1h30m"`, p.Key, s)
			return
		}
		if d > maxWait {
			r.fault(p.Value, "%s: %s is more than a year", p.Key, s)
			return
		}
		*to = d
	}
}
