package engine

import (
	"slices"

	"sidedoor/rules/sigma"
)

// indexing decides what the indexes of a route find. Whole texts are always
// indexed: to find one costs the same whatever their number. So are leaves of
// many alternatives. Of the rest, only the witnesses are: for each rule those
// leaves, cheapest together, of which one has to hold for the rule to match.
// The others are answered when a rule that asks becomes a candidate.
type indexing struct {
	route   *route
	drafts  []draft // by field
	texts   draft
	anchors [][]anchor // by leaf; nil if some value makes it hold without any
	askedBy []int      // by leaf: how many rules could have it for a witness
}

// anchor is a predicate with the literals of which one is in every value that
// satisfies it.
type anchor struct {
	is       predicate
	literals []literal
	exact    bool // a literal suffices
}

func anchorsOf(l *leaf) []anchor {
	var list []anchor
	for _, p := range l.any {
		found, exact := literals(p)
		if len(found) == 0 {
			return nil
		}
		list = append(list, anchor{p, found, exact})
	}
	return list
}

// manyAnchors is from how many alternatives on a leaf is indexed whether it is a
// witness or not: asking them one by one, of each of an event's values, could
// take for ever.
const manyAnchors = 16

// cheap finds the anchors of all leaves, and indexes those to which that costs
// nothing much.
func (b *indexing) cheap() {
	leaves := b.route.leaves
	b.anchors, b.askedBy = make([][]anchor, len(leaves)), make([]int, len(leaves))
	for id := range leaves {
		l := &leaves[id]
		b.anchors[id] = anchorsOf(l)
		if b.anchors[id] != nil && (len(b.anchors[id]) >= manyAnchors || l.field != allTexts && !slices.ContainsFunc(b.anchors[id], anchor.partial)) {
			b.insert(int32(id))
		}
	}
}

// partial says whether a literal may stand within a longer text.
func (a anchor) partial() bool {
	return slices.ContainsFunc(a.literals, func(l literal) bool { return l.place != whole })
}

// insert puts a leaf into the index, which decides it from then on.
func (b *indexing) insert(id int32) {
	l := &b.route.leaves[id]
	d := &b.texts
	if l.field != allTexts {
		d = &b.drafts[l.field]
	}
	l.decided = true
	for _, a := range b.anchors[id] {
		p := posting{leaf: id, check: int32(len(b.route.checks)), exact: a.exact}
		b.route.checks = append(b.route.checks, a.is)
		for _, lit := range a.literals {
			d.add(lit, p)
		}
		if t, ok := a.is.(*text); ok && t.isNum {
			d.number(t, p)
		}
	}
}

// witnesses gives each rule its witnesses, and indexes them.
func (b *indexing) witnesses() {
	for i := range b.route.when {
		for _, id := range b.possible(&b.route.when[i], nil) {
			b.askedBy[id]++
		}
	}
	for i := range b.route.when {
		list, _, ok := b.choose(&b.route.when[i])
		if !ok {
			b.route.always = append(b.route.always, int32(i))
			continue
		}
		for _, id := range list {
			b.appoint(id, int32(i))
		}
	}
}

// possible returns the leaves that could be among a node's witnesses, each
// once.
func (b *indexing) possible(n *node, list []int32) []int32 {
	switch n.op {
	case opLeaf:
		if _, ok := b.cost(n.leaf); ok && !slices.Contains(list, n.leaf) {
			list = append(list, n.leaf)
		}
	case opAnd, opOr:
		for i := range n.kids {
			list = b.possible(&n.kids[i], list)
		}
	}
	return list
}

// choose returns the leaves of which one has to hold for the node to, at the
// least cost. ok is false if there are none: the node may hold in an event
// without any of its fields.
func (b *indexing) choose(n *node) (list []int32, cost float64, ok bool) {
	switch n.op {
	case opLeaf:
		cost, ok = b.cost(n.leaf)
		return []int32{n.leaf}, cost * float64(max(1, b.askedBy[n.leaf])), ok
	case opAnd:
		for i := range n.kids {
			if l, c, found := b.choose(&n.kids[i]); found && (!ok || c < cost) {
				list, cost, ok = l, c, true
			}
		}
		return list, cost, ok
	case opOr:
		for i := range n.kids {
			l, c, found := b.choose(&n.kids[i])
			if !found {
				return nil, 0, false
			}
			list, cost = append(list, l...), cost+c
		}
		return list, cost, true // of an empty one, none: it never holds
	}
	return nil, 0, false
}

// Guesses at how often a leaf of each kind holds where its field is there, as
// multiples of a whole text's of some length.
const (
	costPart    = 1.5
	costShort   = 30
	costPresent = 300
)

// cost guesses how often a leaf holds; ok is false if it may hold where its
// field is absent.
func (b *indexing) cost(id int32) (cost float64, ok bool) {
	l := &b.route.leaves[id]
	switch {
	case l.op == sigma.Null:
		return 0, false
	case b.anchors[id] == nil:
		return costPresent, l.field != allTexts
	}
	cost = 1
	for _, a := range b.anchors[id] {
		for _, lit := range a.literals {
			switch {
			case isShort(lit.text), lit.place == inside && len(lit.text) < gramSize:
				cost += costShort
			case lit.place != whole:
				cost += costPart / 10
			default:
				cost += 0.1
			}
		}
	}
	return cost, true
}

// appoint makes a leaf a witness of a rule.
func (b *indexing) appoint(id, rule int32) {
	l := &b.route.leaves[id]
	if b.anchors[id] == nil {
		x := &b.route.index[l.field]
		x.present = append(x.present, rule)
		return
	}
	if !l.decided {
		b.insert(id)
	}
	l.rules = append(l.rules, rule)
}

// finish builds the indexes.
func (b *indexing) finish() {
	for f := range b.drafts {
		b.drafts[f].build(&b.route.index[f], &b.route.inside)
	}
	b.texts.build(&b.route.texts, &b.route.inside)
}
