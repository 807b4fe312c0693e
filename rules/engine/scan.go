package engine

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// maxDepth bounds the nesting of an event.
const maxDepth = 200

const (
	ones     = 0x0101010101010101
	highBits = 0x8080808080808080
)

// What a string is made of, beside plain ASCII.
const (
	hasEscape = 1 << iota
	hasHigh   // bytes that are no ASCII
)

// scanner checks that bytes are JSON, exactly as RFC 8259 has it. Its methods
// take the place of a value and return the one behind it, or -1 after a fault.
type scanner struct {
	raw  []byte
	at   int // of the fault
	what string
}

func (s *scanner) fail(at int, what string) int {
	s.at, s.what = at, what
	return -1
}

func (s *scanner) err() error { return fmt.Errorf("byte %d: %s", s.at, s.what) }

// space returns the place of the next byte that is no white space.
func (s *scanner) space(i int) int {
	for i < len(s.raw) && s.raw[i] <= ' ' {
		if c := s.raw[i]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return i
		}
		i++
	}
	return i
}

// string walks a string from behind its opening quote to behind the closing
// one, eight bytes at a time, and says what it is made of.
func (s *scanner) string(i int) (end int, made uint8) {
	raw, high := s.raw, uint64(0)
	for i+8 <= len(raw) {
		w := binary.LittleEndian.Uint64(raw[i:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// The high bit of a byte is set where it is one of these, and perhaps
		// of some behind it; the first is certain.
		special := ((quote - ones) &^ quote) | ((slash - ones) &^ slash) | ((w - ones*' ') &^ w)
		special &= highBits
		if special == 0 {
			high |= w
			i += 8
			continue
		}
		n := bits.TrailingZeros64(special) / 8
		high |= w & (1<<(8*n) - 1)
		i += n
		switch raw[i] {
		case '"':
			if high&highBits != 0 {
				made |= hasHigh
			}
			return i + 1, made
		case '\\':
			made |= hasEscape
			if i = s.escape(i); i < 0 {
				return -1, 0
			}
		default:
			return s.fail(i, "a control character stands in a string"), 0
		}
	}
	if high&highBits != 0 {
		made |= hasHigh
	}
	return s.stringEnd(i, made)
}

// stringEnd walks the string's rest where less than eight bytes are left.
func (s *scanner) stringEnd(i int, made uint8) (int, uint8) {
	for i < len(s.raw) {
		switch c := s.raw[i]; {
		case c == '"':
			return i + 1, made
		case c == '\\':
			made |= hasEscape
			if i = s.escape(i); i < 0 {
				return -1, 0
			}
		case c < ' ':
			return s.fail(i, "a control character stands in a string"), 0
		default:
			if c >= 0x80 {
				made |= hasHigh
			}
			i++
		}
	}
	return s.fail(i, "a string does not end"), 0
}

func (s *scanner) escape(i int) int {
	if i+1 >= len(s.raw) {
		return s.fail(i, "a string does not end")
	}
	switch s.raw[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
		for k := i + 2; k < i+6; k++ {
			if k >= len(s.raw) || !isHex(s.raw[k]) {
				return s.fail(i, "an escape of a string is not valid")
			}
		}
		return i + 6
	}
	return s.fail(i, "an escape of a string is not valid")
}

func isHex(c byte) bool {
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
}

// scalar walks a number or a literal.
func (s *scanner) scalar(i int) (end int, k kind) {
	if i >= len(s.raw) {
		return s.fail(i, "a value is missing or not valid"), 0
	}
	word := ""
	switch c := s.raw[i]; {
	case c == '-' || (c >= '0' && c <= '9'):
		return s.number(i), kindNumber
	case c == 't':
		word, k = "true", kindBool
	case c == 'f':
		word, k = "false", kindBool
	case c == 'n':
		word, k = "null", kindNull
	}
	if word == "" || len(s.raw)-i < len(word) || string(s.raw[i:i+len(word)]) != word {
		return s.fail(i, "a value is missing or not valid"), 0
	}
	return i + len(word), k
}

// number walks a number as RFC 8259, section 6, has it.
func (s *scanner) number(i int) int {
	if s.raw[i] == '-' {
		i++
	}
	if i < len(s.raw) && s.raw[i] == '0' {
		i++
	} else if i = s.digits(i); i < 0 {
		return i
	}
	if i < len(s.raw) && s.raw[i] == '.' {
		if i = s.digits(i + 1); i < 0 {
			return i
		}
	}
	if i < len(s.raw) && (s.raw[i] == 'e' || s.raw[i] == 'E') {
		i++
		if i < len(s.raw) && (s.raw[i] == '+' || s.raw[i] == '-') {
			i++
		}
		return s.digits(i)
	}
	return i
}

func (s *scanner) digits(i int) int {
	start := i
	for i < len(s.raw) && s.raw[i] >= '0' && s.raw[i] <= '9' {
		i++
	}
	if i == start {
		return s.fail(i, "a number is not valid")
	}
	return i
}
