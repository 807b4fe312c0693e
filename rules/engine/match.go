package engine

import (
	"fmt"

	"sidedoor/rules/sigma"
)

// route is what a program does with the events of one log source.
type route struct {
	rules    []int
	when     []expression
	trie     *trie
	fields   map[string]int
	kind     int // index of KindField, or -1
	keywords bool
}

func (r *route) index(path string) int {
	if i, ok := r.fields[path]; ok {
		return i
	}
	i := len(r.fields)
	r.fields[path] = i
	r.trie.add(path).field = i
	return i
}

// route returns the route of an event's log source.
func (p *Program) route(src sigma.LogSource) *route {
	p.mu.RLock()
	r := p.routes[src]
	p.mu.RUnlock()
	if r != nil {
		return r
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if r = p.routes[src]; r == nil {
		r = p.newRoute(src)
		p.routes[src] = r
	}
	return r
}

// newRoute gathers the rules whose log source fits: what a rule does not name
// fits anything.
func (p *Program) newRoute(src sigma.LogSource) *route {
	r := &route{trie: newTrie(), fields: map[string]int{}, kind: -1}
	fits := map[sigma.LogSource]bool{}
	for bits := range 8 {
		s := src
		if bits&1 != 0 {
			s.Product = ""
		}
		if bits&2 != 0 {
			s.Category = ""
		}
		if bits&4 != 0 {
			s.Service = ""
		}
		fits[s] = true
	}
	member := map[int]bool{}
	for s := range fits {
		for _, i := range p.groups[s] {
			member[i] = true
		}
	}
	for i, c := range p.rules {
		if !member[i] {
			continue
		}
		r.rules = append(r.rules, i)
		r.when = append(r.when, c.when.bind(r))
		r.keywords = r.keywords || c.keywords
	}
	if i, ok := r.fields[sigma.KindField]; ok {
		r.kind = i
	}
	return r
}

// Matcher finds the rules that match an event. It belongs to one goroutine.
type Matcher struct {
	program *Program
	route   *route
	fields  [][]found // by field index of the route
	texts   []found
	scratch []byte // text in lower case, of this event
	scan    scanner
	// keepTexts is keepText as a value, made once: each making allocates.
	keepTexts func(found)
}

// maxScratch bounds what a matcher keeps between events, in bytes.
const maxScratch = 1 << 20

// NewMatcher returns a matcher for the program.
func (p *Program) NewMatcher() *Matcher {
	m := &Matcher{program: p}
	m.scan.visit, m.keepTexts = m.keep, m.keepText
	return m
}

// Match appends to dst the indexes, among the rules given to [Compile], of
// those that match the event. src is the event's log source; kind is its
// [sigma.KindField], or empty. It fails if raw is not one valid JSON object.
func (m *Matcher) Match(dst []int, src sigma.LogSource, kind string, raw []byte) ([]int, error) {
	m.begin(m.program.route(src), raw)
	if err := m.scan.object(m.route.trie); err != nil {
		return dst, fmt.Errorf("event: %w", err)
	}
	if m.route.kind >= 0 {
		// The header decides; a body that carries the key must not add to it.
		m.fields[m.route.kind] = m.fields[m.route.kind][:0]
		if kind != "" {
			start := len(m.scratch)
			m.scratch = append(m.scratch, kind...)
			m.keepAt(m.route.kind, found{kind: kindString, text: m.scratch[start:len(m.scratch):len(m.scratch)]})
		}
	}
	for i, when := range m.route.when {
		if when.eval(m) {
			dst = append(dst, m.route.rules[i])
		}
	}
	return dst, nil
}

func (m *Matcher) begin(r *route, raw []byte) {
	m.route = r
	for len(m.fields) < len(r.fields) {
		m.fields = append(m.fields, nil)
	}
	for i := range m.fields {
		m.fields[i] = m.fields[i][:0]
	}
	m.texts = m.texts[:0]
	if m.scratch = m.scratch[:0]; cap(m.scratch) > maxScratch {
		m.scratch = nil
	}
	m.scan.raw, m.scan.at, m.scan.texts = raw, 0, nil
	if r.keywords {
		m.scan.texts = m.keepTexts
	}
}

func (m *Matcher) keep(t *trie, v found) { m.keepAt(t.field, v) }

func (m *Matcher) keepAt(field int, v found) { m.fields[field] = append(m.fields[field], v) }

func (m *Matcher) keepText(v found) { m.texts = append(m.texts, v) }

// fold sets the value's text in lower case, once, without allocating: what is
// not in lower case already goes to the scratch, whose older parts stay valid
// where it has to grow.
func (m *Matcher) fold(v *found) {
	switch {
	case v.folded != nil:
	case isFolded(v.text):
		v.folded = v.text
	default:
		start := len(m.scratch)
		m.scratch = appendFolded(m.scratch, v.text)
		v.folded = m.scratch[start:len(m.scratch):len(m.scratch)]
	}
}

// Get returns the values at a dotted path of an event, as text: strings
// unescaped, numbers and booleans as written, objects as JSON; of an array its
// members. ok is false if there is none, or only null, or raw is no valid
// event.
func Get(raw []byte, path string) (values []string, ok bool) {
	root := newTrie()
	root.add(path).field = 0
	s := scanner{raw: raw, visit: func(_ *trie, v found) {
		if v.kind != kindNull && v.kind != kindArray {
			values = append(values, string(v.text))
		}
	}}
	if err := s.object(root); err != nil {
		return nil, false
	}
	return values, len(values) > 0
}
