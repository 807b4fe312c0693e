package engine

import "sidedoor/rules/sigma"

// route is what a program does with the events of one log source.
type route struct {
	rules  []int32 // by number in the route: the index among the program's rules
	when   []node  // likewise
	always []int32 // numbers of the rules that no value of an event gives away

	leaves []leaf
	checks []predicate // what the hits of an index are confirmed by

	paths  *paths
	fields map[string]int32
	index  []fieldIndex // by field
	texts  fieldIndex   // of keywords: every text of the event
	inside int32        // how many literals these look for inside of texts
	kind   int32        // field of sigma.KindField, or -1
	// keywords says that some rule looks at every text.
	keywords bool
}

func newRoute(rules []sigma.Expr, fits []bool) *route {
	r := &route{paths: newPaths(), fields: map[string]int32{}, kind: -1}
	l := &lowering{route: r, shared: map[string]int32{}}
	for i, when := range rules {
		if fits[i] {
			r.rules = append(r.rules, int32(i))
			r.when = append(r.when, l.lower(when))
		}
	}
	r.index = make([]fieldIndex, len(r.fields))
	b := &indexing{route: r, drafts: make([]draft, len(r.fields))}
	b.cheap()
	b.witnesses()
	b.finish()
	r.paths.freeze()
	if f, ok := r.fields[sigma.KindField]; ok {
		r.kind = f
	}
	return r
}

// field returns the number of a path.
func (r *route) field(path string) int32 {
	if f, ok := r.fields[path]; ok {
		return f
	}
	f := int32(len(r.fields))
	r.fields[path] = f
	if path != sigma.KindField { // a body that carries the key must not add to it
		r.paths.add(path).field = f
	}
	return f
}
