package engine

import (
	"fmt"
	"unicode/utf8"

	"sidedoor/rules/sigma"
)

// Matcher finds the rules that match an event. It belongs to one goroutine.
type Matcher struct {
	program *Program
	runs    map[*route]*run
	src     sigma.LogSource // of run
	run     *run
	scanner
	twice duplicates // of the event at hand
	// hidden are keys that are not read, by where they begin.
	hidden map[int]bool
}

// NewMatcher returns a matcher for the program.
func (p *Program) NewMatcher() *Matcher {
	return &Matcher{program: p, runs: map[*route]*run{}}
}

// Match appends to dst the indexes, among the rules given to [Compile], of
// those that match the event, in ascending order. src is the event's log
// source; kind is its [sigma.KindField], or empty. It fails if raw is not one
// valid JSON object. A [DuplicateKeyError] comes with the matches all the same.
func (m *Matcher) Match(dst []int, src sigma.LogSource, kind string, raw []byte) ([]int, error) {
	if m.run == nil || m.src != src {
		m.src, m.run = src, m.runOf(src)
	}
	m.begin(kind)
	m.raw, m.twice = raw, duplicates{}
	if !m.event() {
		return dst, fmt.Errorf("event: %w", m.err())
	}
	if m.twice.later != nil {
		return m.ambiguous(dst, kind)
	}
	return m.run.matching(dst), nil
}

func (m *Matcher) runOf(src sigma.LogSource) *run {
	route := m.program.route(src)
	r := m.runs[route]
	if r == nil {
		r = newRun(route)
		m.runs[route] = r
	}
	return r
}

func (m *Matcher) begin(kind string) {
	m.run.begin()
	if f := m.run.route.kind; f >= 0 && kind != "" {
		start := len(m.run.scratch)
		m.run.scratch = append(m.run.scratch, kind...)
		text, ascii := m.written(m.run.scratch[start:len(m.run.scratch):len(m.run.scratch)])
		m.run.keep(f, value{kind: kindString, text: text, ascii: ascii})
	}
}

// event walks the whole event.
func (m *Matcher) event() bool {
	i := m.space(0)
	if i >= len(m.raw) || m.raw[i] != '{' {
		m.fail(i, "an event has to be a JSON object")
		return false
	}
	if i = m.members(i, m.run.route.paths.nodes[0], 1); i < 0 {
		return false
	}
	if i = m.space(i); i < len(m.raw) {
		m.fail(i, "there is something behind the event")
		return false
	}
	return true
}

// members walks an object. n is where its path leads to; nil if nobody reads
// it, but for keywords.
func (m *Matcher) members(i int, n *pathNode, depth int) int {
	if n == nil || len(n.children) == 0 {
		if !m.run.route.keywords {
			return m.skip(i, depth-1)
		}
		n = nil
	}
	if depth > maxDepth {
		return m.tooDeep(i)
	}
	m.run.object++
	object, outer := m.run.object, len(m.run.covered)
	if i = m.space(i + 1); i < len(m.raw) && m.raw[i] == '}' {
		return i + 1
	}
	for {
		start := i + 1
		end, made := m.key(i)
		if end < 0 {
			return end
		}
		var below *pathNode
		if n != nil {
			below = m.below(n, start, end, made, object)
		}
		if i = m.element(end, below, depth); i < 0 {
			return i
		}
		if i = m.space(i); i >= len(m.raw) {
			return m.fail(i, "a comma or a closing brace is missing")
		}
		switch m.raw[i] {
		case ',':
			i = m.space(i + 1)
		case '}':
			m.run.uncover(outer)
			return i + 1
		default:
			return m.fail(i, "a comma or a closing brace is missing")
		}
	}
}

// below finds the path of a key, which ends somewhere before end.
func (m *Matcher) below(n *pathNode, start, end int, made uint8, object uint64) *pathNode {
	if m.hidden != nil && m.hidden[start] {
		return nil
	}
	for m.raw[end-1] != '"' {
		end--
	}
	key := m.raw[start : end-1]
	if made != 0 {
		key = m.text(key, made)
	}
	next := n.child(key)
	if next == nil {
		return nil
	}
	if before, again := m.run.had(next.number, keyMark{object, start}); again {
		m.twice.add(next, before, start)
	}
	return next
}

// text returns a string's content, unescaped.
func (m *Matcher) text(body []byte, made uint8) []byte {
	if made&hasEscape == 0 && (made == 0 || utf8.Valid(body)) {
		return body
	}
	start := len(m.run.scratch)
	m.run.scratch = appendUnescaped(m.run.scratch, body)
	return m.run.scratch[start:len(m.run.scratch):len(m.run.scratch)]
}

// element walks one value.
func (m *Matcher) element(i int, n *pathNode, depth int) int {
	if n == nil && !m.run.route.keywords {
		return m.skip(i, depth)
	}
	if i = m.space(i); i >= len(m.raw) {
		return m.fail(i, "a value is missing or not valid")
	}
	start := i
	var v value
	switch m.raw[i] {
	case '"':
		return m.stringValue(i+1, n)
	case '{':
		v.kind = kindObject
		i = m.members(i, n, depth+1)
	case '[':
		return m.elements(i, n, depth+1)
	default:
		i, v.kind = m.scalar(i)
	}
	if i >= 0 && n != nil && n.field >= 0 {
		v.text, v.ascii = m.raw[start:i], true
		if v.kind == kindObject {
			v.text, v.ascii = m.written(v.text)
		}
		m.run.keep(n.field, v)
	}
	return i
}

// written returns the text of an object, in which what is no UTF-8 is U+FFFD,
// as it is in strings.
func (m *Matcher) written(raw []byte) (text []byte, ascii bool) {
	if isASCII(raw) {
		return raw, true
	}
	if utf8.Valid(raw) {
		return raw, false
	}
	start := len(m.run.scratch)
	m.run.scratch = appendValid(m.run.scratch, raw)
	return m.run.scratch[start:len(m.run.scratch):len(m.run.scratch)], false
}

func (m *Matcher) stringValue(i int, n *pathNode) int {
	end, made := m.string(i)
	if end < 0 {
		return end
	}
	read := n != nil && n.field >= 0
	if !read && !m.run.route.keywords {
		return end
	}
	v := value{kind: kindString, text: m.raw[i : end-1], ascii: made == 0}
	if made != 0 {
		v.text = m.text(v.text, made)
		v.ascii = made&hasHigh == 0 && isASCII(v.text)
	}
	if read {
		m.run.keep(n.field, v)
	}
	if m.run.route.keywords {
		m.run.keepText(v)
	}
	return end
}

// elements walks an array. Its members stand for it.
func (m *Matcher) elements(i int, n *pathNode, depth int) int {
	if depth > maxDepth {
		return m.tooDeep(i)
	}
	if i = m.space(i + 1); i < len(m.raw) && m.raw[i] == ']' {
		if n != nil && n.field >= 0 {
			m.run.keep(n.field, value{kind: kindArray})
		}
		return i + 1
	}
	for {
		if i = m.element(i, n, depth); i < 0 {
			return i
		}
		if i = m.space(i); i >= len(m.raw) {
			return m.fail(i, "a comma or a closing bracket is missing")
		}
		switch m.raw[i] {
		case ',':
			i++
		case ']':
			return i + 1
		default:
			return m.fail(i, "a comma or a closing bracket is missing")
		}
	}
}
