package engine

import (
	"encoding/json"
	"unicode"
	"unicode/utf8"
)

// kind is the JSON type of a value.
type kind uint8

const (
	kindNull kind = iota
	kindString
	kindNumber
	kindBool
	kindObject
	kindArray
)

// found is a value of an event: a reference into its bytes.
type found struct {
	kind kind
	// text is a string's content unescaped, anything else as it is written.
	text   []byte
	folded []byte // in lower case, once [Matcher.fold] was asked for it
}

// composite says whether the value is an object, or an array without members:
// it is there, and has no text to compare.
func (v *found) composite() bool { return v.kind == kindObject || v.kind == kindArray }

// quoted is what stands between a string's quotes.
type quoted struct {
	body    []byte
	escaped bool // it holds a backslash
}

// text returns the string's content. Plain text is returned as it is; escapes
// and invalid UTF-8 are decoded as encoding/json does, so that nobody can
// write a value that people read and rules do not.
func (q quoted) text() []byte {
	if !q.escaped && utf8.Valid(q.body) {
		return q.body
	}
	whole := make([]byte, 0, len(q.body)+2)
	whole = append(append(append(whole, '"'), q.body...), '"')
	var out string
	if err := json.Unmarshal(whole, &out); err != nil {
		return q.body
	}
	return []byte(out)
}

// isFolded says whether text is in lower case for certain.
func isFolded(b []byte) bool {
	for _, c := range b {
		if (c >= 'A' && c <= 'Z') || c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// appendFolded appends b in lower case as strings.ToLower has it, which folds
// the texts of rules.
func appendFolded(dst, b []byte) []byte {
	for len(b) > 0 {
		c := b[0]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRune(b)
			dst, b = utf8.AppendRune(dst, unicode.ToLower(r)), b[n:]
			continue
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst, b = append(dst, c), b[1:]
	}
	return dst
}
