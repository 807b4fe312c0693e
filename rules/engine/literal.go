package engine

import (
	"bytes"
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"
)

// literal is a text that a value has to hold, at a place, for a predicate to
// hold: folded by [appendIndexed].
type literal struct {
	text  []byte
	place place
}

// place says where in a value a literal stands.
type place uint8

const (
	whole place = iota
	atStart
	atEnd
	inside
	places
)

// minInside is the length in bytes from which a literal is looked for inside of
// values.
const minInside = 2

// maxLiteral is how many bytes of a literal are looked for. Of longer ones, a
// value that repeats all of one but its last letter would be compared at each of
// its places, and each of many lengths would be looked up. What they leave out
// the predicate confirms.
const maxLiteral = 64

// cut returns what is looked for of a literal; whole ones are left whole.
func (l literal) cut() literal {
	if n := len(l.text) - maxLiteral; n > 0 {
		switch l.place {
		case atStart, inside:
			l.text = l.text[:maxLiteral]
		case atEnd:
			l.text = l.text[n:]
		}
	}
	return l
}

// literals returns literals of which one has to be there for the predicate to
// hold, or none if it cannot say. exact says that this suffices.
func literals(p predicate) (list []literal, exact bool) {
	switch p := p.(type) {
	case *text:
		return p.literals()
	case pattern:
		return p.literals(), false
	}
	return nil, false
}

func (t *text) literals() (list []literal, exact bool) {
	parts := t.glob.parts
	if len(parts) == 1 && parts[0].anyAt == nil {
		l := literal{indexed(parts[0].text), whole}
		return []literal{l}, !t.cased && bytes.Equal(l.text, parts[0].text)
	}
	var best literal
	var written []byte // in the pattern
	for i, p := range parts {
		for _, l := range p.runs() {
			switch {
			case i == 0 && l.place == atStart, i == len(parts)-1 && l.place == atEnd:
			default:
				l.place = inside
			}
			text := l.text
			if l.text = indexed(text); better(l, best) {
				best, written = l, text
			}
		}
	}
	if best.text == nil {
		return nil, false
	}
	rest := 0
	for _, p := range parts {
		rest += len(p.text)
	}
	if len(best.text) > maxLiteral {
		return []literal{best.cut()}, false
	}
	// The index takes a long s for an s, the pattern does not.
	exact = !t.cased && bytes.Equal(best.text, written) &&
		rest == len(written) && len(parts) == map[place]int{atStart: 2, atEnd: 2, inside: 3}[best.place]
	return []literal{best}, exact
}

// better says whether a literal narrows more than another one.
func better(a, b literal) bool {
	if len(a.text) == 0 || (a.place == inside && len(a.text) < minInside) {
		return false
	}
	return len(a.text) > len(b.text) || len(a.text) == len(b.text) && a.place != inside && b.place == inside
}

// runs are the part's texts between its '?'. The first is at the start of the
// part, the last at its end.
func (p globPart) runs() []literal {
	if p.anyAt == nil {
		// At both ends; where the part is the first or the last one, it is at
		// that of the value, too.
		return []literal{{p.text, atStart}, {p.text, atEnd}}
	}
	var list []literal
	from := 0
	for i := 0; i <= len(p.text); i++ {
		if i < len(p.text) && !p.anyAt[i] {
			continue
		}
		l := literal{p.text[from:i], inside}
		if from == 0 {
			l.place = atStart
		} else if i == len(p.text) {
			l.place = atEnd
		}
		list, from = append(list, l), i+1
	}
	return list
}

// maxAlternatives bounds the literals of one regular expression.
const maxAlternatives = 64

func (p pattern) literals() []literal {
	re, err := syntax.Parse(p.re.String(), syntax.Perl)
	if err != nil {
		return nil
	}
	var list []literal
	for _, s := range required(re.Simplify()) {
		list = append(list, literal{[]byte(s), inside}.cut())
	}
	return list
}

// required returns texts, folded, of which every match of re holds one, nil if
// it knows none that is long enough.
func required(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		// The Kelvin sign has three bytes, and is looked for as a k.
		if s := indexed([]byte(string(re.Rune))); len(s) >= minInside {
			return []string{string(s)}
		}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if list := required(sub); list != nil && (best == nil || shortest(list) > shortest(best)) {
				best = list
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			list := required(sub)
			if list == nil || len(all)+len(list) > maxAlternatives {
				return nil
			}
			all = append(all, list...)
		}
		return all
	}
	return nil
}

func shortest(list []string) int {
	n := len(list[0])
	for _, s := range list {
		n = min(n, len(s))
	}
	return n
}

// indexed folds a literal for an index.
func indexed(b []byte) []byte { return appendIndexed(nil, bytes.ToValidUTF8(b, []byte("\uFFFD"))) }

// appendIndexed appends b folded as far as anything folds it: texts that are
// equal to a rule without regard to case, or to a regular expression with its
// flag i, are the same bytes. It takes more for the same than either does.
func appendIndexed(dst, b []byte) []byte {
	for len(b) > 0 {
		if c := b[0]; c < utf8.RuneSelf {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			dst, b = append(dst, c), b[1:]
			continue
		}
		r, n := utf8.DecodeRune(b)
		dst, b = utf8.AppendRune(dst, indexedRune(r)), b[n:]
	}
	return dst
}

// indexedRune returns the one that stands for all characters that fold to r:
// the ASCII letter among them, or else the smallest.
func indexedRune(r rune) rune {
	r = unicode.ToLower(r)
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		if f < utf8.RuneSelf {
			return unicode.ToLower(f)
		}
		least = min(least, f)
	}
	return least
}

// isShort says whether a text tells little about an event: a flag, a small
// number.
func isShort(b []byte) bool {
	return len(b) <= 2 || (len(b) <= 5 && strings.Trim(string(b), "0123456789") == "") ||
		string(b) == "true" || string(b) == "false"
}
