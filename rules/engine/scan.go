package engine

import (
	"fmt"
)

// maxDepth bounds the nesting of an event.
const maxDepth = 200

// scanner walks an event once: it checks that the bytes are one JSON object
// and calls visit for each value at a node of the trie.
type scanner struct {
	raw   []byte
	at    int
	visit func(t *trie, v found)
	// texts, if set, is called for every string value, read or not.
	texts func(v found)
}

func (s *scanner) fail(what string) error {
	return fmt.Errorf("byte %d: %s", s.at, what)
}

// object walks the whole event.
func (s *scanner) object(root *trie) error {
	s.space()
	if s.peek() != '{' {
		return s.fail("an event has to be a JSON object")
	}
	if err := s.value(root, 0); err != nil {
		return err
	}
	s.space()
	if s.at < len(s.raw) {
		return s.fail("there is something behind the event")
	}
	return nil
}

func (s *scanner) peek() byte {
	if s.at < len(s.raw) {
		return s.raw[s.at]
	}
	return 0
}

func (s *scanner) space() {
	for s.at < len(s.raw) {
		switch s.raw[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// value walks one value; t is nil if nobody reads it.
func (s *scanner) value(t *trie, depth int) error {
	if depth > maxDepth {
		return s.fail(fmt.Sprintf("the event nests deeper than %d levels", maxDepth))
	}
	start := s.at
	v := found{}
	bare := true // not an array with members, which stand for it
	switch c := s.peek(); {
	case c == '{':
		v.kind = kindObject
		if err := s.members(t, depth); err != nil {
			return err
		}
	case c == '[':
		v.kind = kindArray
		n, err := s.elements(t, depth)
		if err != nil {
			return err
		}
		bare = n == 0
	case c == '"':
		q, err := s.text()
		if err != nil {
			return err
		}
		s.stringValue(t, q)
		return nil
	case c == '-' || (c >= '0' && c <= '9'):
		v.kind = kindNumber
		if err := s.number(); err != nil {
			return err
		}
	default:
		k, err := s.literal()
		if err != nil {
			return err
		}
		v.kind = k
	}
	if bare && t != nil && t.field >= 0 {
		v.text = s.raw[start:s.at]
		s.visit(t, v)
	}
	return nil
}

func (s *scanner) stringValue(t *trie, q quoted) {
	read := t != nil && t.field >= 0
	if !read && s.texts == nil {
		return
	}
	v := found{kind: kindString, text: q.text()}
	if read {
		s.visit(t, v)
	}
	if s.texts != nil {
		s.texts(v)
	}
}

func (s *scanner) members(t *trie, depth int) error {
	s.at++ // {
	s.space()
	if s.peek() == '}' {
		s.at++
		return nil
	}
	for {
		if s.peek() != '"' {
			return s.fail("a key is missing")
		}
		q, err := s.text()
		if err != nil {
			return err
		}
		s.space()
		if s.peek() != ':' {
			return s.fail("a colon is missing")
		}
		s.at++
		s.space()
		var below *trie
		if t != nil && t.children != nil {
			below = t.child(q.text())
		}
		if err := s.value(below, depth+1); err != nil {
			return err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
			s.space()
		case '}':
			s.at++
			return nil
		default:
			return s.fail("a comma or a closing brace is missing")
		}
	}
}

// elements walks an array and counts its members: each stands for the array.
func (s *scanner) elements(t *trie, depth int) (n int, err error) {
	s.at++ // [
	s.space()
	if s.peek() == ']' {
		s.at++
		return 0, nil
	}
	for {
		n++
		if err := s.value(t, depth+1); err != nil {
			return n, err
		}
		s.space()
		switch s.peek() {
		case ',':
			s.at++
			s.space()
		case ']':
			s.at++
			return n, nil
		default:
			return n, s.fail("a comma or a closing bracket is missing")
		}
	}
}

// text walks a string and returns what is between its quotes.
func (s *scanner) text() (q quoted, err error) {
	s.at++ // "
	start := s.at
	for s.at < len(s.raw) {
		switch c := s.raw[s.at]; {
		case c == '"':
			q.body = s.raw[start:s.at]
			s.at++
			return q, nil
		case c == '\\':
			q.escaped = true
			if err := s.escape(); err != nil {
				return q, err
			}
		case c < ' ':
			return q, s.fail("a control character stands in a string")
		default:
			s.at++
		}
	}
	return q, s.fail("a string does not end")
}

func (s *scanner) escape() error {
	if s.at+1 >= len(s.raw) {
		return s.fail("a string does not end")
	}
	switch s.raw[s.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return nil
	case 'u':
		for i := s.at + 2; i < s.at+6; i++ {
			if i >= len(s.raw) || !isHex(s.raw[i]) {
				return s.fail("an escape of a string is not valid")
			}
		}
		s.at += 6
		return nil
	}
	return s.fail("an escape of a string is not valid")
}

func isHex(c byte) bool {
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')
}

func (s *scanner) digits() bool {
	start := s.at
	for s.at < len(s.raw) && s.raw[s.at] >= '0' && s.raw[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// number walks a number as RFC 8259, section 6, has it.
func (s *scanner) number() error {
	if s.peek() == '-' {
		s.at++
	}
	if s.peek() == '0' {
		s.at++
	} else if !s.digits() {
		return s.fail("a number is not valid")
	}
	if s.peek() == '.' {
		s.at++
		if !s.digits() {
			return s.fail("a number is not valid")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.at++
		if c := s.peek(); c == '+' || c == '-' {
			s.at++
		}
		if !s.digits() {
			return s.fail("a number is not valid")
		}
	}
	return nil
}

func (s *scanner) literal() (kind, error) {
	for _, l := range [...]struct {
		word string
		kind kind
	}{{"null", kindNull}, {"true", kindBool}, {"false", kindBool}} {
		if len(s.raw)-s.at >= len(l.word) && string(s.raw[s.at:s.at+len(l.word)]) == l.word {
			s.at += len(l.word)
			return l.kind, nil
		}
	}
	return 0, s.fail("a value is missing or not valid")
}
