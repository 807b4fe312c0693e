package event

import "strings"

// Wildcard says whether the whole of s matches a pattern in which '*' stands
// for any run of characters, as in an approval's Covers or a person's alias.
func Wildcard(pattern, s string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, first)
	if !ok {
		return false
	}
	for {
		part, more, wild := strings.Cut(rest, "*")
		if !wild {
			return strings.HasSuffix(s, part)
		}
		// The leftmost place leaves most to the parts that follow.
		_, after, found := strings.Cut(s, part)
		if !found {
			return false
		}
		s, rest = after, more
	}
}
