package judge

import (
	"cmp"
	"iter"
	"slices"
	"strings"
)

// patterns holds of the approvals of each kind and pattern with wildcards the
// first, by the kind and what stands before the first and behind the last '*'. So
// a scope is compared with each pattern once, and only with those that begin and
// end as it does.
type patterns struct {
	chains
	begins map[key]int        // by kind and beginning, how many patterns
	shapes map[string][]shape // by kind, in their order
}

// shape is how many bytes a pattern has before the first '*' and behind the
// last.
type shape struct {
	begin, end int
	count      int // of patterns
}

func compareShapes(a, b shape) int {
	return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
}

// ends is what stands before the first '*' and behind the last.
func ends(pattern string) (begin, end string) {
	return pattern[:strings.IndexByte(pattern, '*')], pattern[strings.LastIndexByte(pattern, '*')+1:]
}

// count counts one more pattern, or one less.
func (p *patterns) count(kind, begin, end string, by int) {
	if p.begins == nil {
		p.begins, p.shapes = map[key]int{}, map[string][]shape{}
	}
	k := key{kind, begin}
	if p.begins[k] += by; p.begins[k] == 0 {
		delete(p.begins, k)
	}
	shapes, s := p.shapes[kind], shape{begin: len(begin), end: len(end)}
	i, ok := slices.BinarySearchFunc(shapes, s, compareShapes)
	if !ok {
		shapes = slices.Insert(shapes, i, s)
	}
	if shapes[i].count += by; shapes[i].count == 0 {
		shapes = slices.Delete(shapes, i, i+1)
	}
	if p.shapes[kind] = shapes; len(shapes) == 0 {
		delete(p.shapes, kind)
	}
}

func (s *approvals) addPattern(kind, pattern string, n int32) {
	begin, end := ends(pattern)
	kind, begin = strings.Clone(kind), strings.Clone(begin) // not the message that they are part of
	s.patterns.add(s.hash(kind, begin, end), n, s.between(kind, begin, end))
	s.patterns.count(kind, begin, end, 1)
}

func (s *approvals) removePattern(kind, pattern string, n int32) {
	begin, end := ends(pattern)
	s.patterns.remove(s.hash(kind, begin, end), n)
	s.patterns.count(kind, begin, end, -1)
}

func (s *approvals) between(kind, begin, end string) func(int32) bool {
	return func(n int32) bool {
		k, pattern := s.pattern(n)
		b, e := ends(pattern)
		return k == kind && b == begin && e == end
	}
}

// patternsCovering returns the first approval of each pattern that covers the
// scope.
func (s *approvals) patternsCovering(kind, scope string) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		looked, any := -1, false // how long a beginning was looked for, and whether a pattern has it
		for _, sh := range s.patterns.shapes[kind] {
			if sh.begin+sh.end > len(scope) {
				continue
			}
			begin, end := scope[:sh.begin], scope[len(scope)-sh.end:]
			if looked != sh.begin {
				looked, any = sh.begin, s.patterns.begins[key{kind, begin}] > 0
			}
			if !any {
				continue
			}
			first, ok := s.patterns.first.find(s.hash(kind, begin, end), s.between(kind, begin, end))
			if !ok {
				continue
			}
			for n := range s.patterns.from(first) {
				if _, pattern := s.pattern(n); covers(pattern, scope) && !yield(n) {
					return
				}
			}
		}
	}
}

// pattern reads of an approval its kind and what it covers, and nothing else.
func (s *approvals) pattern(n int32) (kind, scope string) {
	r := s.reader(s.texts.at(n))
	r.word(&kind)
	r.path(&scope)
	return kind, scope
}
