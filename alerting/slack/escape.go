package slack

import (
	"strings"
	"unicode"
	"unicode/utf16"
)

// escape returns s in at most limit characters, for a plain text or a code
// span, which Slack neither formats nor turns into links, mentions and emoji.
// Characters that have no print, among them those that fake lines or turn the
// direction of writing around, become spaces, and a backtick, which would end
// the span, an apostrophe. Everything else can be copied from Slack as it was.
func escape(s string, limit int) string {
	var b strings.Builder
	left := limit - 1 // for the ellipsis
	for _, r := range strings.TrimSpace(s) {
		e := escaped(r)
		n := length(e)
		if n > left {
			b.WriteString("…")
			break
		}
		left -= n
		b.WriteString(e)
	}
	return b.String()
}

func escaped(r rune) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '`':
		return "'"
	}
	if !unicode.IsPrint(r) {
		return " "
	}
	return string(r)
}

// length counts as Slack does, in UTF-16 units.
func length(s string) int {
	n := 0
	for _, r := range s {
		n += utf16.RuneLen(r)
	}
	return n
}
