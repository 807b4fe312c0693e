package sigma

import (
	"fmt"
	"slices"
	"unicode"
)

// Bounds on what the values of a rule may stand for by their placeholders,
// dashes and encodings, which multiply: each text is compared on its own.
const (
	maxVariants = 4096    // of one value
	maxSpelt    = 1 << 20 // characters of one value in all its variants
	maxSpeltAll = 1 << 22 // of all such values of a rule
)

// patterns applies the modifiers to a value, in the order in which they stand.
// Any of what it returns suffices. entries are what stands for the value's
// placeholders.
func patterns(value Pattern, m *modifiers, entries []string) ([]Pattern, error) {
	out := []Pattern{value}
	var raw [][]byte // in place of out between encodings, for what is no UTF-8
	for _, n := range m.chain {
		encode, encodes := encoders[n]
		var err error
		switch {
		case encodes && raw == nil:
			if raw, err = plainBytes(out, n); err == nil {
				raw, err = each(raw, encode)
			}
		case encodes:
			raw, err = each(raw, encode)
		case raw != nil:
			out, raw = texts(raw), nil
		}
		if err == nil && !encodes {
			out, err = each(out, func(p Pattern) ([]Pattern, error) { return p.modified(n, entries) })
		}
		if err != nil {
			return nil, err
		}
	}
	if raw != nil {
		out = texts(raw)
	}
	return out, nil
}

// tooMuch says of a value that its modifiers multiply it beyond the bounds.
type tooMuch string

func (e tooMuch) Error() string { return "the value stands for more than " + string(e) }

// each applies f to all of a list and joins what it returns.
func each[T ~[]C, C any](list []T, f func(T) ([]T, error)) ([]T, error) {
	var out []T
	spelt := 0
	for _, v := range list {
		more, err := f(v)
		if err != nil {
			return nil, err
		}
		for _, text := range more {
			spelt += len(text)
		}
		if out = append(out, more...); len(out) > maxVariants {
			return nil, tooMuch(fmt.Sprintf("%d texts; write fewer of them at a time", maxVariants))
		}
		if spelt > maxSpelt {
			return nil, tooMuch(fmt.Sprintf("%d characters; write less of it at a time", maxSpelt))
		}
	}
	return out, nil
}

func plainBytes(list []Pattern, n string) ([][]byte, error) {
	var out [][]byte
	for _, p := range list {
		s, ok := p.Plain()
		if !ok {
			return nil, fmt.Errorf("%s cannot encode a wildcard; write the text without it, and %s|contains", n, n)
		}
		out = append(out, []byte(s))
	}
	return out, nil
}

// texts reads bytes as a decoder of JSON would: what is no UTF-8 becomes
// U+FFFD, byte by byte.
func texts(raw [][]byte) []Pattern {
	out := make([]Pattern, len(raw))
	for i, b := range raw {
		out[i] = Pattern([]rune(string(b)))
	}
	return out
}

func (t Pattern) modified(n string, entries []string) ([]Pattern, error) {
	switch n {
	case "contains":
		t = append(append(Pattern{AnyRun}, t...), AnyRun)
	case "startswith":
		t = append(slices.Clone(t), AnyRun)
	case "endswith":
		t = append(Pattern{AnyRun}, t...)
	case "windash":
		return t.dashed()
	case "expand":
		t = t.filled(entries)
	}
	return []Pattern{t}, nil
}

var dashesOfFlags = []rune{'-', '/', '–', '—', '―'}

// dashed gives all spellings of a command line in which each dash before a
// flag may be any of [dashesOfFlags]. A flag begins where a dash stands before
// a letter, a digit or '_' and not behind one, as pySigma has it.
func (t Pattern) dashed() ([]Pattern, error) {
	out := []Pattern{slices.Clone(t)}
	for i, c := range t {
		if !slices.Contains(dashesOfFlags, c) || i+1 == len(t) || !isWord(t[i+1]) || i > 0 && isWord(t[i-1]) {
			continue
		}
		var err error
		out, err = each(out, func(p Pattern) ([]Pattern, error) {
			var spelt []Pattern
			for _, d := range dashesOfFlags {
				other := slices.Clone(p)
				other[i] = d
				spelt = append(spelt, other)
			}
			return spelt, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

func isWord(c rune) bool { return c == '_' || unicode.IsLetter(c) || unicode.IsNumber(c) }
