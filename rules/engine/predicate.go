package engine

import (
	"bytes"
	"errors"
	"math"
	"net/netip"
	"regexp"
	"strconv"

	"sidedoor/rules/sigma"
)

// predicate decides about one value of an event.
type predicate interface {
	// holds decides about a value that has a text. It is folded if folds asks
	// for it.
	holds(v *value) bool
	// folds says whether letters are compared without case.
	folds() bool
}

func (t *text) folds() bool    { return !t.cased }
func (pattern) folds() bool    { return false }
func (network) folds() bool    { return false }
func (comparison) folds() bool { return false }

// text compares with a Sigma string.
type text struct {
	glob  glob
	cased bool
	// number is the value that the rule wrote, where it is one: 200 equals
	// 200.0, whatever their texts.
	number  float64
	isNum   bool
	integer bool // it is written as digits alone
}

func (t *text) holds(v *value) bool {
	s := v.folded
	if t.cased {
		s = v.text
	}
	if t.glob.match(s) {
		return true
	}
	// Two integers are equal if their texts are: as floats, long identifiers
	// that differ in their last digits would be equal, too.
	if !t.isNum || v.kind != kindNumber || (t.integer && isInteger(v.text)) {
		return false
	}
	n, ok := parseNumber(v.text)
	return ok && n == t.number
}

func isInteger(b []byte) bool { return !bytes.ContainsAny(b, ".eE") }

type pattern struct{ re *regexp.Regexp }

func (p pattern) holds(v *value) bool { return p.re.Match(v.text) }

type network struct{ prefix netip.Prefix }

// unmapped returns a network of version 4 that is written as one of version 6
// as what it is.
func unmapped(p netip.Prefix) netip.Prefix {
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		return netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p
}

func (n network) holds(v *value) bool {
	if v.kind != kindString {
		return false
	}
	addr, ok := parseAddress(v.text)
	return ok && n.prefix.Contains(addr)
}

// comparison compares numbers as 64-bit floats, which are exact up to 2^53.
type comparison struct {
	op    sigma.Op
	limit float64
}

func (c comparison) holds(v *value) bool {
	if v.kind != kindNumber && v.kind != kindString {
		return false
	}
	n, ok := parseNumber(v.text)
	if !ok {
		return false
	}
	return compare(c.op, n, c.limit)
}

func compare(op sigma.Op, n, limit float64) bool {
	switch op {
	case sigma.Less:
		return n < limit
	case sigma.LessEqual:
		return n <= limit
	case sigma.Greater:
		return n > limit
	}
	return n >= limit
}

// parseNumber reads a decimal number; hexadecimal, Inf and NaN are none. One
// that is too large is infinite, so that it is still greater than others.
func parseNumber(b []byte) (float64, bool) {
	if !isDecimal(b) { // for which an error would cost memory
		return 0, false
	}
	n, err := strconv.ParseFloat(string(b), 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}

// isDecimal says whether b is a decimal number, with or without a sign, a
// fraction and an exponent.
func isDecimal(b []byte) bool {
	b = afterSign(b)
	rest := afterDigits(b)
	digits := len(b) - len(rest)
	if len(rest) > 0 && rest[0] == '.' {
		fraction := rest[1:]
		rest = afterDigits(fraction)
		digits += len(fraction) - len(rest)
	}
	if digits == 0 || len(rest) == 0 {
		return digits > 0
	}
	exponent := afterSign(rest[1:])
	return (rest[0] == 'e' || rest[0] == 'E') && len(exponent) > 0 && len(afterDigits(exponent)) == 0
}

func afterSign(b []byte) []byte {
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		return b[1:]
	}
	return b
}

func afterDigits(b []byte) []byte { return bytes.TrimLeft(b, "0123456789") }

// newPredicate returns what decides about values as p asks.
func newPredicate(p *sigma.Predicate) predicate {
	if p.Part != sigma.WholeTime {
		return timePart{p.Part, p.Op, p.Number}
	}
	switch p.Op {
	case sigma.Search:
		return pattern{p.Regexp}
	case sigma.Within:
		return network{unmapped(p.Prefix)}
	case sigma.Less, sigma.LessEqual, sigma.Greater, sigma.GreaterEqual:
		return comparison{p.Op, p.Number}
	}
	t := &text{glob: compileGlob(p.Pattern, p.Cased), cased: p.Cased}
	if s, plain := p.Pattern.Plain(); plain {
		t.number, t.isNum = parseNumber([]byte(s))
		t.isNum = t.isNum && !math.IsInf(t.number, 0) // all that are too large would be equal
		t.integer = isInteger([]byte(s))
	}
	return t
}
