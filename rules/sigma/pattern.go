package sigma

import "strings"

// Pattern is a Sigma string: characters, and [AnyRun] and [AnyOne] for its
// wildcards.
type Pattern []rune

// The wildcards of a [Pattern].
const (
	AnyRun rune = -1 // '*': any run of characters, also none
	AnyOne rune = -2 // '?': one character
)

// ParsePattern reads a Sigma string: '*' and '?' are wildcards, and a backslash
// takes the meaning from either and from itself.
//
// Source: Sigma specification 2.1, "String Wildcard" and "Escaping".
func ParsePattern(s string) Pattern {
	runes := []rune(s)
	t := make(Pattern, 0, len(runes))
	for i := 0; i < len(runes); i++ {
		switch c := runes[i]; {
		case c == '\\' && i+1 < len(runes) && strings.ContainsRune(`\*?`, runes[i+1]):
			i++
			t = append(t, runes[i])
		case c == '*':
			t = append(t, AnyRun)
		case c == '?':
			t = append(t, AnyOne)
		default:
			t = append(t, c)
		}
	}
	return t
}

// Plain returns the text if it has no wildcards.
func (t Pattern) Plain() (s string, ok bool) {
	for _, c := range t {
		if c < 0 {
			return "", false
		}
	}
	return string(t), true
}

// Match says whether the whole of s matches. It is made for names in rules,
// not for events.
func (t Pattern) Match(s string) bool {
	runes := []rune(s)
	at, star, from := 0, -1, 0
	for i := 0; i < len(runes); {
		switch {
		case at < len(t) && t[at] == AnyRun:
			star, from, at = at, i, at+1
		case at < len(t) && (t[at] == AnyOne || t[at] == runes[i]):
			at, i = at+1, i+1
		case star >= 0:
			from++
			at, i = star+1, from
		default:
			return false
		}
	}
	for at < len(t) && t[at] == AnyRun {
		at++
	}
	return at == len(t)
}
