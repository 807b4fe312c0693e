package rules

import (
	"maps"
	"slices"
	"strings"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// scopes says which scopes hold which: a company its accounts, an account its
// roles. '*' in a narrower scope stands for any run of characters.
type scopes map[string][]string

func newScopes(e Estate) scopes { return e.Scopes }

// maxWithin bounds the scopes that hold one: each is part of every match.
const maxWithin = 50

// within returns the scopes that hold a scope, the nearest first.
func (s scopes) within(scope string) []string {
	var out []string
	seen := map[string]bool{scope: true}
	for level := []string{scope}; len(level) > 0; {
		var next []string
		for _, wider := range slices.Sorted(maps.Keys(s)) {
			if seen[wider] || !slices.ContainsFunc(level, func(x string) bool { return s.holds(wider, x) }) {
				continue
			}
			seen[wider] = true
			next = append(next, wider)
		}
		out = append(out, next...)
		level = next
	}
	return out[:min(len(out), maxWithin)]
}

func (s scopes) holds(wider, scope string) bool {
	return slices.ContainsFunc(s[wider], func(p string) bool { return event.Wildcard(p, scope) })
}

// Bounds on the scopes of an estate: each is looked at for every act whose rule
// asks.
const (
	maxScopes   = 1_000
	maxPatterns = 20_000
)

func (l *loader) scopes(r *reader, p sigma.Pair) {
	pairs, ok := sigma.Pairs(p.Value)
	if !ok {
		r.fault(p.KeyNode, "scopes has to be a mapping of scopes to those that they hold")
	}
	e := &l.policy.Estate
	if e.Scopes == nil {
		e.Scopes = scopes{}
	}
	for _, pair := range pairs {
		if l.declare(r, aScope, pair.Key, told{node: pair.KeyNode}) {
			e.Scopes[pair.Key] = r.list(pair.Value, pair.Key)
		}
	}
	patterns := 0
	for _, narrower := range e.Scopes {
		patterns += len(narrower)
	}
	if len(e.Scopes) > maxScopes || patterns > maxPatterns {
		r.fault(p.KeyNode, "there are %d scopes that hold %d; %d and %d are allowed", len(e.Scopes), patterns, maxScopes, maxPatterns)
		e.Scopes = nil
	}
}

// checkScopes finds scopes that hold themselves. One whose pattern happens to
// match its own name does not: '*' is what a company holds.
func (l *loader) checkScopes(s scopes) {
	holds := map[string][]string{}
	for wider, patterns := range s {
		holds[wider] = nil
		for _, p := range patterns {
			if p == wider {
				holds[wider] = append(holds[wider], wider)
			}
		}
		for narrower := range s {
			if narrower != wider && s.holds(wider, narrower) {
				holds[wider] = append(holds[wider], narrower)
			}
		}
		slices.Sort(holds[wider])
	}
	for _, way := range circles(holds) {
		at := l.told[declared{aScope, way[0]}]
		l.faults = append(l.faults, at.At(at.node, "the scope %q holds itself: %s", way[0], strings.Join(way, " > ")))
	}
}
