package engine

import (
	"slices"

	"sidedoor/rules/sigma"
)

// run is what a matcher knows of the event at hand, on one route. What is
// marked with the event's number is of this event; all else is old, and needs
// no clearing.
type run struct {
	route *route
	event uint32 // the number of the event at hand; 31 bits

	fields     [][]value // by field
	seen       []uint32  // by field: the event that has it
	present    []int32   // the fields that the event has
	texts      []value   // every text, for keywords
	truth      []uint32  // by leaf: the event, and whether the leaf holds in bit 0
	named      []uint32  // by rule: the event in which it became a candidate
	candidates []int32
	tried      []uint64  // by check: the last value that it was tried on
	found      []uint64  // by literal inside of texts: the last value that it was found in
	value      uint64    // the number of the value at hand, over all events
	marks      []keyMark // by path: the last key that led to it
	object     uint64    // the number of the object at hand, over all events
	first      uint64    // that of the event at hand
	covered    []covered

	scratch []byte // texts that are not as they stand in the event
	lookup  []byte // a text as the indexes have it
}

// keyMark is a key of an object, and where in the event it begins.
type keyMark struct {
	object uint64
	at     int
}

// covered is a key that an object had before an object inside of it had the
// same path: a key that holds dots leads as deep as several objects.
type covered struct {
	path int32
	keyMark
}

func newRun(r *route) *run {
	return &run{
		route: r, fields: make([][]value, len(r.fields)), seen: make([]uint32, len(r.fields)),
		truth: make([]uint32, len(r.leaves)), named: make([]uint32, len(r.rules)),
		tried: make([]uint64, len(r.checks)), marks: make([]keyMark, len(r.paths.nodes)),
		found: make([]uint64, r.inside),
	}
}

// Bounds of what a matcher keeps between events.
const (
	maxScratch = 1 << 20 // bytes
	maxValues  = 1 << 12 // of one field
)

// begin makes everything old.
func (r *run) begin() {
	r.event++
	if r.event >= 1<<31 {
		clear(r.seen)
		clear(r.truth)
		clear(r.named)
		r.event = 1
	}
	r.candidates = r.candidates[:0]
	r.first, r.covered = r.object+1, r.covered[:0]
	if r.scratch = r.scratch[:0]; cap(r.scratch) > maxScratch {
		r.scratch = nil
	}
	if cap(r.lookup) > maxScratch {
		r.lookup = nil
	}
	r.texts = emptied(r.texts)
	for _, field := range r.present {
		r.fields[field] = emptied(r.fields[field])
	}
	r.present = r.present[:0]
}

// emptied forgets values, which would keep the event that they are of in
// memory until another one has the field, which may be never.
func emptied(values []value) []value {
	if cap(values) > maxValues {
		return nil
	}
	clear(values)
	return values[:0]
}

// keep takes a value of a field in, and marks what it makes hold.
func (r *run) keep(field int32, v value) {
	x := &r.route.index[field]
	if r.seen[field] != r.event {
		r.seen[field] = r.event
		r.present = append(r.present, field)
		for _, rule := range x.present {
			r.name(rule)
		}
	}
	r.fields[field] = append(r.fields[field], v)
	if !v.hasText() {
		return
	}
	kept := &r.fields[field][len(r.fields[field])-1]
	if x.texts {
		r.search(x, kept)
	}
	if v.kind == kindNumber && x.numbers != nil {
		r.number(x, kept)
	}
}

// keepText takes in a text for keywords.
func (r *run) keepText(v value) {
	r.texts = append(r.texts, v)
	if r.route.texts.texts {
		r.search(&r.route.texts, &r.texts[len(r.texts)-1])
	}
}

// had says whether an object had a key of the path before, and where, and notes
// that it has one.
func (r *run) had(path int32, key keyMark) (before int, again bool) {
	last := r.marks[path]
	r.marks[path] = key
	if last.object == key.object {
		return last.at, true
	}
	if last.object >= r.first {
		r.covered = append(r.covered, covered{path, last})
	}
	return 0, false
}

// uncover gives the objects around one that ends the keys back that they had
// before it.
func (r *run) uncover(from int) {
	for i := len(r.covered) - 1; i >= from; i-- {
		r.marks[r.covered[i].path] = r.covered[i].keyMark
	}
	r.covered = r.covered[:from]
}

// name makes a rule a candidate.
func (r *run) name(rule int32) {
	if r.named[rule] != r.event {
		r.named[rule] = r.event
		r.candidates = append(r.candidates, rule)
	}
}

// matching appends the rules that match, in order.
func (r *run) matching(dst []int) []int {
	from := len(dst)
	for _, rules := range [...][]int32{r.route.always, r.candidates} {
		for _, rule := range rules {
			if r.holds(&r.route.when[rule]) {
				dst = append(dst, int(r.route.rules[rule]))
			}
		}
	}
	slices.Sort(dst[from:])
	return dst
}

func (r *run) holds(n *node) bool {
	switch n.op {
	case opLeaf:
		return r.leafHolds(n.leaf)
	case opNot:
		return !r.holds(&n.kids[0])
	}
	for i := range n.kids {
		if r.holds(&n.kids[i]) == (n.op == opOr) {
			return n.op == opOr
		}
	}
	return n.op == opAnd
}

// leafHolds answers a leaf, and remembers the answer.
func (r *run) leafHolds(id int32) bool {
	if t := r.truth[id]; t>>1 == r.event {
		return t&1 == 1
	}
	l := &r.route.leaves[id]
	if l.decided {
		return false
	}
	r.truth[id] = r.event << 1
	if r.ask(l) {
		r.truth[id] |= 1
		return true
	}
	return false
}

func (r *run) ask(l *leaf) bool {
	values := r.values(l.field)
	switch l.op {
	case sigma.Null:
		return !slices.ContainsFunc(values, func(v value) bool { return v.kind != kindNull })
	case sigma.Exists:
		return len(values) > 0
	case sigma.SameAs:
		return r.same(values, r.values(l.other), l.sameAs)
	}
	for i := range values {
		if values[i].hasText() && slices.ContainsFunc(l.any, func(p predicate) bool { return r.satisfies(p, &values[i]) }) {
			return true
		}
	}
	return false
}

// values returns the values of a field that the event has.
func (r *run) values(field int32) []value {
	switch {
	case field == allTexts:
		return r.texts
	case r.seen[field] != r.event:
		return nil
	}
	return r.fields[field]
}

// satisfies asks a predicate about a value that has a text.
func (r *run) satisfies(p predicate, v *value) bool {
	if p.folds() {
		r.fold(v)
	}
	return p.holds(v)
}

// fold sets a value's text in lower case, once, without allocating: what is
// not in lower case already goes to the scratch, whose older parts stay valid
// where it has to grow.
func (r *run) fold(v *value) {
	switch {
	case v.folded != nil:
	case isFolded(v.text):
		v.folded = v.text
	default:
		start := len(r.scratch)
		r.scratch = appendFolded(r.scratch, v.text)
		v.folded = r.scratch[start:len(r.scratch):len(r.scratch)]
	}
}
