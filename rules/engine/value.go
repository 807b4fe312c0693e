package engine

import (
	"unicode/utf16"
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
	kindArray // without members; those of others stand for it
)

// value is a value of an event: a reference into its bytes, or into a
// matcher's scratch.
type value struct {
	kind  kind
	ascii bool // text is ASCII alone
	// text is a string's content unescaped, anything else as it is written.
	text   []byte
	folded []byte // in lower case, once [Matcher.fold] was asked for it
}

// hasText says whether there is a text to compare: there is none of null and
// of an empty array.
func (v *value) hasText() bool { return v.kind != kindNull && v.kind != kindArray }

// appendUnescaped appends what stands between a JSON string's quotes as
// encoding/json decodes it: escapes are resolved, and what is no UTF-8 or half
// a surrogate pair becomes U+FFFD, so that nobody can write a value that people
// read and rules do not. The string has been checked.
func appendUnescaped(dst, body []byte) []byte {
	for i := 0; i < len(body); {
		switch c := body[i]; {
		case c == '\\' && body[i+1] == 'u':
			r := hex4(body[i+2:])
			i += 6
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if i+6 <= len(body) && body[i] == '\\' && body[i+1] == 'u' {
					low = hex4(body[i+2:])
				}
				if r = utf16.DecodeRune(r, low); r != utf8.RuneError {
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		case c == '\\':
			dst = append(dst, unescaped(body[i+1]))
			i += 2
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRune(body[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return dst
}

// appendValid appends b with U+FFFD in the place of each byte that is no UTF-8.
func appendValid(dst, b []byte) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		dst, b = utf8.AppendRune(dst, r), b[n:]
	}
	return dst
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // quote, backslash, slash
}

func hex4(b []byte) rune {
	var r rune
	for _, c := range b[:4] {
		r = r<<4 | rune(hexDigit(c))
	}
	return r
}

func hexDigit(c byte) byte {
	switch {
	case c >= 'a':
		return c - ('a' - 10)
	case c >= 'A':
		return c - ('A' - 10)
	}
	return c - '0'
}
