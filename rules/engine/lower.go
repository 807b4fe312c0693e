package engine

import (
	"fmt"
	"strings"

	"sidedoor/rules/sigma"
)

// node is a rule's tree over leaves.
type node struct {
	op   nodeOp
	leaf int32
	kids []node
}

type nodeOp uint8

const (
	opLeaf nodeOp = iota
	opAnd
	opOr
	opNot
)

// allTexts is the field of a leaf that looks at every text of the event.
const allTexts int32 = -1

// leaf is something that rules ask of an event. Rules that ask the same share
// the leaf, so that it is answered once.
type leaf struct {
	op    sigma.Op
	field int32
	// any are the predicates of which one value has to satisfy one; none for
	// Null, Exists and SameAs.
	any    []predicate
	other  int32            // of SameAs
	sameAs *sigma.Predicate // likewise
	// decided says that the index finds every value that makes the leaf hold:
	// what it does not find does not hold.
	decided bool
	// rules are those that can only match where this leaf holds, or another of
	// their witnesses.
	rules []int32
}

// lowering turns rules into nodes.
type lowering struct {
	route  *route
	shared map[string]int32 // leaves by what they ask
}

func (l *lowering) lower(e sigma.Expr) node {
	switch e := e.(type) {
	case sigma.And:
		kids := make([]node, len(e))
		for i, p := range e {
			kids[i] = l.lower(p)
		}
		return join(opAnd, kids)
	case sigma.Or:
		return l.or(e)
	case sigma.Not:
		n := l.lower(e.Of)
		if n.op == opNot {
			return n.kids[0]
		}
		return node{op: opNot, kids: []node{n}}
	case *sigma.Predicate:
		return node{leaf: l.leaf([]*sigma.Predicate{e})}
	}
	return node{op: opOr} // nothing asked: never
}

// or makes one leaf of all alternatives that ask for texts of the same field and
// that an index finds, and another one of those that it does not: one star among
// thousands of names must not make each of them be asked.
func (l *lowering) or(parts sigma.Or) node {
	texts := map[alternatives][]*sigma.Predicate{}
	for _, e := range parts {
		if of, p, ok := alternativesOf(e); ok {
			texts[of] = append(texts[of], p)
		}
	}
	var kids []node
	for _, e := range parts {
		of, _, ok := alternativesOf(e)
		if !ok {
			kids = append(kids, l.lower(e))
		} else if all := texts[of]; all != nil {
			kids = append(kids, node{leaf: l.leaf(all)})
			texts[of] = nil
		}
	}
	return join(opOr, kids)
}

// alternatives are those that make one leaf.
type alternatives struct {
	field string
	found bool // by an index
}

func alternativesOf(e sigma.Expr) (of alternatives, p *sigma.Predicate, ok bool) {
	if p, ok = e.(*sigma.Predicate); !ok || p.Op != sigma.Matches {
		return of, p, false
	}
	list, _ := literals(newPredicate(p))
	return alternatives{p.Field, list != nil}, p, true
}

// join makes one node of several; what nests in one of its own kind is a part
// of it.
func join(op nodeOp, kids []node) node {
	out := node{op: op}
	for _, n := range kids {
		if n.op == op {
			out.kids = append(out.kids, n.kids...)
		} else {
			out.kids = append(out.kids, n)
		}
	}
	if len(out.kids) == 1 {
		return out.kids[0]
	}
	return out
}

func (l *lowering) leaf(predicates []*sigma.Predicate) int32 {
	key := asked(predicates)
	if id, ok := l.shared[key]; ok {
		return id
	}
	id := int32(len(l.route.leaves))
	l.shared[key] = id
	l.route.leaves = append(l.route.leaves, l.newLeaf(predicates))
	return id
}

func (l *lowering) newLeaf(predicates []*sigma.Predicate) leaf {
	first := predicates[0]
	out := leaf{op: first.Op, field: allTexts}
	if first.Field == "" {
		l.route.keywords = true
	} else {
		out.field = l.route.field(first.Field)
	}
	switch first.Op {
	case sigma.Null, sigma.Exists:
	case sigma.SameAs:
		out.other, out.sameAs = l.route.field(first.Other), first
	default:
		for _, p := range predicates {
			out.any = append(out.any, newPredicate(p))
		}
	}
	return out
}

// asked writes down what predicates ask, the same for the same.
func asked(predicates []*sigma.Predicate) string {
	var b strings.Builder
	for _, p := range predicates {
		fmt.Fprintf(&b, "%d %q %d %t ", p.Op, p.Field, p.Part, p.Cased)
		switch p.Op {
		case sigma.Matches:
			fmt.Fprintf(&b, "%v", []rune(p.Pattern))
		case sigma.Search:
			fmt.Fprintf(&b, "%q", p.Regexp)
		case sigma.Within:
			fmt.Fprintf(&b, "%v", p.Prefix)
		case sigma.SameAs:
			fmt.Fprintf(&b, "%q %t %t %t", p.Other, p.Contains, p.StartsWith, p.EndsWith)
		default:
			fmt.Fprintf(&b, "%v", p.Number)
		}
		b.WriteByte(';')
	}
	return b.String()
}
