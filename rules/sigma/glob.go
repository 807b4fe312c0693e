package sigma

import (
	"bytes"
	"strings"
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

// compileGlob reads a Sigma string.
func compileGlob(s string) glob {
	var g glob
	var cur globPart
	add := func(c byte, anyChar bool) {
		cur.text = append(cur.text, c)
		cur.anyAt = append(cur.anyAt, anyChar)
	}
	flush := func() {
		if !bytes.ContainsRune(boolBytes(cur.anyAt), 1) {
			cur.anyAt = nil
		}
		g.parts = append(g.parts, cur)
		cur = globPart{}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`\*?`, s[i+1]) >= 0:
			i++
			add(s[i], false)
		case c == '*':
			flush()
		case c == '?':
			add(0, true)
		default:
			add(c, false)
		}
	}
	flush()
	return g
}

func boolBytes(flags []bool) []byte {
	b := make([]byte, len(flags))
	for i, f := range flags {
		if f {
			b[i] = 1
		}
	}
	return b
}

// afterAnything returns g with a '*' before it.
func (g glob) afterAnything() glob { return glob{parts: append([]globPart{{}}, g.parts...)} }

// beforeAnything returns g with a '*' behind it.
func (g glob) beforeAnything() glob {
	return glob{parts: append(g.parts[:len(g.parts):len(g.parts)], globPart{})}
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
