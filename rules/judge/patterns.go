package judge

import (
	"iter"
	"strings"
)

// patterns holds of the approvals of each kind and pattern with wildcards the
// first, by the kind and what stands before the pattern's first '*'. So a scope
// is compared with each pattern once, and only with those that begin as it
// does.
type patterns struct {
	chains
	lengths map[string][]int // by kind, how many patterns begin with so many bytes
}

// begin is what stands before the first '*'.
func begin(pattern string) string {
	before, _, _ := strings.Cut(pattern, "*")
	return before
}

func (s *approvals) addPattern(kind, pattern string, n int32) {
	p, before := &s.patterns, begin(pattern)
	p.add(s.hasher.of(kind, before), n, s.beginning(kind, before))
	if p.lengths == nil {
		p.lengths = map[string][]int{}
	}
	lengths := p.lengths[kind]
	for len(lengths) <= len(before) {
		lengths = append(lengths, 0)
	}
	lengths[len(before)]++
	p.lengths[kind] = lengths
}

func (s *approvals) removePattern(kind, pattern string, n int32) {
	p, before := &s.patterns, begin(pattern)
	p.remove(s.hasher.of(kind, before), n)
	lengths := p.lengths[kind]
	lengths[len(before)]--
	for len(lengths) > 0 && lengths[len(lengths)-1] == 0 {
		lengths = lengths[:len(lengths)-1]
	}
	if p.lengths[kind] = lengths; len(lengths) == 0 {
		delete(p.lengths, kind)
	}
}

func (s *approvals) beginning(kind, before string) func(int32) bool {
	return func(n int32) bool { ap := s.lookup(n); return ap.Kind == kind && begin(ap.Covers) == before }
}

// patternsCovering returns the first approval of each pattern that covers the
// scope.
func (s *approvals) patternsCovering(kind, scope string) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for length, count := range s.patterns.lengths[kind] {
			if length > len(scope) {
				return
			}
			if count == 0 {
				continue
			}
			before := scope[:length]
			for n := range s.patterns.of(s.hasher.of(kind, before), s.beginning(kind, before)) {
				if covers(s.pattern(n), scope) && !yield(n) {
					return
				}
			}
		}
	}
}

// pattern reads what an approval covers, and nothing else.
func (s *approvals) pattern(n int32) (scope string) {
	var kind string
	r := s.reader(*s.texts.at(n))
	r.word(&kind)
	r.path(&scope)
	return scope
}
