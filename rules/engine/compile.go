package engine

import (
	"sync"

	"sidedoor/rules/sigma"
)

// Program is a set of compiled rules. It is immutable and may be shared.
type Program struct {
	rules  []*compiled // nil where a rule is faulty
	groups map[sigma.LogSource][]int

	mu     sync.RWMutex
	routes map[sigma.LogSource]*route // by the event's log source, made when first met
}

// compiled is a rule ready to be evaluated.
type compiled struct {
	when     expression
	keywords bool // reads every text
}

// Compile turns rules into a program. A rule with a fault is left out and
// reported; it never takes the others down.
func Compile(rules []*sigma.Rule, lists sigma.Lists) (*Program, sigma.Faults) {
	p := &Program{rules: make([]*compiled, len(rules)), groups: map[sigma.LogSource][]int{}, routes: map[sigma.LogSource]*route{}}
	var faults sigma.Faults
	for i, r := range rules {
		when, wrong := r.Detection(lists)
		faults = append(faults, wrong...)
		if len(wrong) > 0 {
			continue
		}
		c := &compiled{}
		c.when = c.compile(when)
		p.rules[i] = c
		p.groups[r.LogSource] = append(p.groups[r.LogSource], i)
	}
	return p, faults
}

func (c *compiled) compile(e sigma.Expr) expression {
	switch e := e.(type) {
	case sigma.And:
		out := make(allExpr, len(e))
		for i, s := range e {
			out[i] = c.compile(s)
		}
		return out
	case sigma.Or:
		out := make(anyExpr, len(e))
		for i, s := range e {
			out[i] = c.compile(s)
		}
		return out
	case sigma.Not:
		return notExpr{c.compile(e.Of)}
	case *sigma.Predicate:
		return c.predicate(e)
	}
	return anyExpr{}
}

func (c *compiled) predicate(p *sigma.Predicate) expression {
	c.keywords = c.keywords || p.Field == ""
	switch p.Op {
	case sigma.Null:
		return isNull{p.Field}
	case sigma.Exists:
		return present{p.Field}
	case sigma.SameAs:
		return sameAs{path: p.Field, other: p.Other, how: p}
	}
	return test{path: p.Field, is: compilePredicate(p)}
}
