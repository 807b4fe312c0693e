package engine

import (
	"math"
	"time"

	"sidedoor/rules/sigma"
)

// timePart compares a part of a date with a number. The date is RFC 3339-like
// text, read as it is written, whatever its zone; or a number of seconds or of
// milliseconds since 1970, read as UTC.
type timePart struct {
	part  sigma.TimePart
	op    sigma.Op
	limit float64
}

func (timePart) folds() bool { return false }

func (t timePart) holds(v *value) bool {
	if v.kind != kindNumber && v.kind != kindString {
		return false
	}
	n, ok := t.of(v.text)
	if !ok {
		return false
	}
	if t.op == sigma.Equal {
		return float64(n) == t.limit
	}
	return compare(t.op, float64(n), t.limit)
}

// of returns the part, if the text is a date that has it.
func (t timePart) of(b []byte) (n int, ok bool) {
	at, hasClock, ok := parseDate(b)
	if !ok || !hasClock && (t.part == sigma.Minute || t.part == sigma.Hour) {
		return 0, false
	}
	switch t.part {
	case sigma.Minute:
		n = at.Minute()
	case sigma.Hour:
		n = at.Hour()
	case sigma.Day:
		n = at.Day()
	case sigma.Week:
		_, n = at.ISOWeek()
	case sigma.Month:
		n = int(at.Month())
	case sigma.Year:
		n = at.Year()
	}
	return n, true
}

// firstMilli is the least number that counts milliseconds: as seconds it would
// be in the year 2286. Dates end before lastMilli, in the year 10000.
const (
	firstMilli = 1e10
	lastMilli  = 253402300800000
)

// parseDate reads a date, or a date and a time.
func parseDate(b []byte) (at time.Time, hasClock, ok bool) {
	if n, isNumber := parseNumber(b); isNumber {
		switch {
		case n <= 0 || n >= lastMilli:
			return at, false, false
		case n < firstMilli:
			return time.Unix(int64(math.Floor(n)), 0).UTC(), true, true
		}
		return time.UnixMilli(int64(math.Floor(n))).UTC(), true, true
	}
	p := dateParser{rest: b, ok: true}
	year := p.digits(4)
	p.one("-")
	month := p.digits(2)
	p.one("-")
	day := p.digits(2)
	hour, minute, second := 0, 0, 0
	if hasClock = len(p.rest) > 0; hasClock {
		p.one("Tt ")
		hour = p.digits(2)
		p.one(":")
		minute = p.digits(2)
		second = p.second()
		p.zone()
	}
	at = time.Date(year, time.Month(month), day, hour, minute, 0, 0, time.UTC)
	real := year >= 1 && at.Day() == day && int(at.Month()) == month && at.Hour() == hour && at.Minute() == minute && second <= 60
	return at, hasClock, p.ok && len(p.rest) == 0 && real
}

// dateParser consumes a date's text from its front, until something is wrong.
type dateParser struct {
	rest []byte
	ok   bool
}

func (p *dateParser) digits(n int) int {
	if len(p.rest) < n {
		p.ok = false
		return 0
	}
	v := 0
	for _, c := range p.rest[:n] {
		if c < '0' || c > '9' {
			p.ok = false
			return 0
		}
		v = v*10 + int(c-'0')
	}
	p.rest = p.rest[n:]
	return v
}

// peek says whether the next byte is one of those given.
func (p *dateParser) peek(of string) bool {
	if len(p.rest) == 0 {
		return false
	}
	for i := range len(of) {
		if p.rest[0] == of[i] {
			return true
		}
	}
	return false
}

func (p *dateParser) one(of string) {
	if !p.peek(of) {
		p.ok = false
		return
	}
	p.rest = p.rest[1:]
}

// second reads seconds, which may be left out, and what follows their point.
func (p *dateParser) second() int {
	if !p.peek(":") {
		return 0
	}
	p.one(":")
	s := p.digits(2)
	if !p.peek(".,") {
		return s
	}
	p.one(".,")
	p.digits(1)
	for p.peek("0123456789") {
		p.one("0123456789")
	}
	return s
}

// zone reads a zone, which may be left out: Z, UTC, +02:00, +0200 or +02.
func (p *dateParser) zone() {
	if p.peek(" ") {
		p.one(" ")
		if len(p.rest) == 0 {
			p.ok = false
		}
	}
	switch {
	case p.peek("Zz"):
		p.one("Zz")
	case p.peek("U"):
		p.one("U")
		p.one("T")
		p.one("C")
	case p.peek("+-"):
		p.one("+-")
		p.digits(2)
		if p.peek(":") {
			p.one(":")
			p.digits(2)
		} else if len(p.rest) > 0 {
			p.digits(2)
		}
	}
}
