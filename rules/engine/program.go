package engine

import (
	"sync"

	"sidedoor/rules/sigma"
)

// Program is a set of compiled rules. It is immutable and may be shared.
type Program struct {
	rules  []sigma.Expr // nil where a rule is faulty
	groups map[sigma.LogSource][]int

	mu     sync.RWMutex
	routes map[sigma.LogSource]*route // by the event's log source, made when first met
}

// Compile turns rules into a program. A rule with a fault is left out and
// reported; it never takes the others down.
func Compile(rules []*sigma.Rule, lists sigma.Lists) (*Program, sigma.Faults) {
	p := &Program{groups: map[sigma.LogSource][]int{}, routes: map[sigma.LogSource]*route{}}
	var faults sigma.Faults
	for _, r := range rules {
		when, wrong := r.Detection(lists)
		faults = append(faults, wrong...)
		p.add(r.LogSource, when)
	}
	return p, faults
}

// add takes in the next rule; one with a fault asks for nothing.
func (p *Program) add(src sigma.LogSource, when sigma.Expr) {
	if when != nil {
		p.groups[src] = append(p.groups[src], len(p.rules))
	}
	p.rules = append(p.rules, when)
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
		r = newRoute(p.rules, p.fitting(src))
		p.routes[src] = r
	}
	return r
}

// fitting says which rules are for a log source: what a rule does not name fits
// anything.
func (p *Program) fitting(src sigma.LogSource) []bool {
	fits := make([]bool, len(p.rules))
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
		for _, i := range p.groups[s] {
			fits[i] = true
		}
	}
	return fits
}
