package sigma

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

// firstPlaceholder stands in a [Pattern] for a value's first placeholder, the
// rune before it for the second, and so on; none is left where a pattern is
// compared.
const firstPlaceholder rune = -3

// placeholders reads a value under the modifier expand: the pattern with its
// placeholders '%name%', and their names. A backslash takes the meaning from a
// percent sign, too.
func placeholders(s string) (p Pattern, names []string) {
	for _, part := range cutPlaceholders(s) {
		if part.isName {
			p = append(p, firstPlaceholder-rune(len(names)))
			names = append(names, part.text)
		} else {
			p = append(p, ParsePattern(part.text)...)
		}
	}
	return p, names
}

// placeholderPart is a placeholder's name, or what stands around it.
type placeholderPart struct {
	text   string
	isName bool
}

func cutPlaceholders(s string) []placeholderPart {
	var parts []placeholderPart
	var text []rune
	runes := []rune(s)
	for i := 0; i < len(runes); i++ {
		switch {
		case runes[i] == '\\' && i+1 < len(runes) && runes[i+1] == '%':
			i++
			text = append(text, '%')
		case runes[i] == '\\' && i+1 < len(runes) && strings.ContainsRune(`\*?`, runes[i+1]):
			text = append(text, runes[i], runes[i+1])
			i++
		case runes[i] == '%' && nameAt(runes[i+1:]) > 0:
			n := nameAt(runes[i+1:])
			parts = append(parts, placeholderPart{text: string(text)}, placeholderPart{string(runes[i+1 : i+1+n]), true})
			text = nil
			i += n + 1
		default:
			text = append(text, runes[i])
		}
	}
	return append(parts, placeholderPart{text: string(text)})
}

// nameAt returns how long a placeholder's name is that ends in a percent sign,
// or 0.
func nameAt(runes []rune) int {
	for i, c := range runes {
		switch {
		case c == '%':
			return i
		case !isWord(c) && c != '-' && c != '.' || unicode.IsSpace(c):
			return 0
		}
	}
	return 0
}

// filled puts entries of lists, which are Sigma strings, in the places of the
// placeholders.
func (t Pattern) filled(entries []string) Pattern {
	out := make(Pattern, 0, len(t))
	for _, c := range t {
		if c <= firstPlaceholder {
			out = append(out, ParsePattern(entries[firstPlaceholder-c])...)
		} else {
			out = append(out, c)
		}
	}
	return out
}

// filledText does the same for a value that is no Sigma string, such as a
// regular expression: entries are what its modifier takes.
func filledText(s string, entries []string) string {
	var b strings.Builder
	used := 0
	for _, part := range cutPlaceholders(s) {
		if !part.isName {
			b.WriteString(part.text)
			continue
		}
		b.WriteString(entries[used])
		used++
	}
	return b.String()
}

// combinations returns what the placeholders of a value stand for: an entry
// for each, in every combination.
func (c *resolver) combinations(v value, names []string) [][]string {
	if len(names) == 0 {
		c.fault(v.node, "%q names no list; with expand a value has a list's name in it, as '%%name%%'", v.text)
		return nil
	}
	out := [][]string{nil}
	for _, name := range names {
		entries, known := c.lists[name]
		if !known {
			c.fault(v.node, "the estate has no list %q%s; lists are defined in an estate.yaml, under lists", name, suggest(name, slices.Sorted(maps.Keys(c.lists))))
			return nil
		}
		if len(names) > 1 && len(out)*len(entries) > maxVariants {
			c.fault(v.node, "the lists of %q have more than %d combinations; write fewer placeholders into one value", v.text, maxVariants)
			return nil
		}
		var longer [][]string
		for _, o := range out {
			for _, e := range entries {
				longer = append(longer, append(slices.Clone(o), e))
			}
		}
		out = longer
	}
	return out
}
