package engine

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"sidedoor/rules/sigma"
)

// glob is a Sigma string: '*' stands for any run of characters, '?' for one
// character, and a backslash takes the meaning from either and from itself.
type glob struct {
	parts []globPart // between the '*'; the first is anchored, and the last
}

// globPart is a run without '*'. anyAt marks the bytes that are a '?'.
type globPart struct {
	text  []byte
	anyAt []bool // nil: none
}

// compileGlob cuts a Sigma string at its '*'. Letters are folded unless cased.
func compileGlob(p sigma.Pattern, cased bool) glob {
	var g glob
	var cur globPart
	wild := false
	flush := func() {
		if !wild {
			cur.anyAt = nil
		}
		g.parts = append(g.parts, cur)
		cur, wild = globPart{}, false
	}
	for _, c := range p {
		switch {
		case c == sigma.AnyRun:
			flush()
			continue
		case c == sigma.AnyOne:
			cur.text, wild = append(cur.text, 0), true
		case cased:
			cur.text = utf8.AppendRune(cur.text, c)
		default:
			cur.text = utf8.AppendRune(cur.text, unicode.ToLower(c))
		}
		for len(cur.anyAt) < len(cur.text) {
			cur.anyAt = append(cur.anyAt, c == sigma.AnyOne)
		}
	}
	flush()
	return g
}

// match says whether the whole of s matches.
func (g glob) match(s []byte) bool {
	if len(g.parts) == 1 {
		n, ok := g.parts[0].prefix(s)
		return ok && n == len(s)
	}
	n, ok := g.parts[0].prefix(s)
	if !ok {
		return false
	}
	s = s[n:]
	for _, p := range g.parts[1 : len(g.parts)-1] {
		i, n := p.find(s)
		if i < 0 {
			return false
		}
		s = s[i+n:]
	}
	return g.parts[len(g.parts)-1].suffix(s)
}

// prefix says whether s begins with the part, and how many bytes it takes. A
// '?' takes one character of UTF-8, which may be several bytes.
func (p globPart) prefix(s []byte) (n int, ok bool) {
	if p.anyAt == nil {
		return len(p.text), bytes.HasPrefix(s, p.text)
	}
	for i, c := range p.text {
		if n >= len(s) {
			return 0, false
		}
		if p.anyAt[i] {
			n++
			for n < len(s) && s[n]&0xc0 == 0x80 {
				n++
			}
			continue
		}
		if s[n] != c {
			return 0, false
		}
		n++
	}
	return n, true
}

// find returns where the part first occurs in s and how many bytes it takes,
// or -1.
func (p globPart) find(s []byte) (at, n int) {
	if p.anyAt == nil {
		return bytes.Index(s, p.text), len(p.text)
	}
	for i := 0; i <= len(s); i++ {
		if i > 0 && i < len(s) && s[i]&0xc0 == 0x80 {
			continue
		}
		if n, ok := p.prefix(s[i:]); ok {
			return i, n
		}
	}
	return -1, 0
}

// suffix says whether s ends with the part.
func (p globPart) suffix(s []byte) bool {
	if p.anyAt == nil {
		return bytes.HasSuffix(s, p.text)
	}
	for i := max(0, len(s)-4*len(p.text)); i <= len(s); i++ {
		if i > 0 && i < len(s) && s[i]&0xc0 == 0x80 {
			continue
		}
		if n, ok := p.prefix(s[i:]); ok && i+n == len(s) {
			return true
		}
	}
	return false
}
