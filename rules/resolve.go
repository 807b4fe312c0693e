package rules

import (
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// Bounds on what correlations make of one event.
const (
	maxChain = 5  // correlations, each fed by the one before
	maxParts = 50 // correlations fed by one rule, at once or along chains
)

// resolve finds what correlations refer to. One with a fault is left out, and
// so are those that are fed by it.
func (l *loader) resolve() {
	r := &resolver{
		loader: l, known: map[string]referred{}, depths: map[*Correlation]int{}, fed: map[string][]*Correlation{},
		wrong: map[*Correlation]sigma.Faults{},
	}
	for _, x := range l.policy.Rules {
		r.known[x.ID], r.known[x.Name] = referred{rule: x}, referred{rule: x}
	}
	for _, c := range l.policy.Correlations {
		r.known[c.ID], r.known[c.Name] = referred{correlation: c}, referred{correlation: c}
	}
	r.each(r.references)
	r.each(r.cycle)
	r.spread()
	r.each(r.chain)
	r.each(r.crowd)
	r.spread()
	for _, c := range l.policy.Correlations {
		c.setLogSource()
	}
}

type resolver struct {
	*loader
	known  map[string]referred // by name and by ID
	wrong  map[*Correlation]sigma.Faults
	depths map[*Correlation]int
	fed    map[string][]*Correlation // by the ID of what feeds them
}

func (r *resolver) fault(c *Correlation, node ast.Node, format string, args ...any) {
	f := c.At(node, format, args...)
	r.faults, r.wrong[c] = append(r.faults, f), append(r.wrong[c], f)
}

// each keeps the correlations that pass. What is wrong is judged by all of
// them, so that two that are wrong together are both reported.
func (r *resolver) each(passes func(*Correlation) bool) {
	left := slices.Clone(r.policy.Correlations)
	left = slices.DeleteFunc(left, func(c *Correlation) bool {
		if passes(c) {
			return false
		}
		r.policy.Rejected = append(r.policy.Rejected, rejectedCorrelation(c, r.wrong[c]))
		return true
	})
	r.policy.Correlations = left
}

// references resolves the names of rules.
func (r *resolver) references(c *Correlation) bool {
	before := len(r.faults)
	c.rules = nil
	seen := map[string]bool{}
	for _, ref := range c.Rules {
		if ref.Name == anyRule && len(c.Verdicts) > 0 {
			c.any(r.policy.Rules)
			continue
		}
		target, ok := r.known[ref.Name]
		switch {
		case ok && len(c.Verdicts) > 0 && (target.correlation != nil || !declares(target.rule.Extra)):
			r.fault(c, ref.Node, "%q has no act, so it has no verdicts to count", ref.Name)
			continue
		case !ok:
			r.fault(c, ref.Node, "there is no rule or correlation %q%s", ref.Name, sigma.Suggest(ref.Name, slices.Sorted(maps.Keys(r.known))))
			continue
		case seen[target.id()]:
			r.fault(c, ref.Node, "%q is a rule that stands here already, by its name or its id", ref.Name)
		}
		seen[target.id()] = true
		c.rules = append(c.rules, target)
	}
	if len(r.faults) == before {
		r.aliases(c)
	}
	return len(r.faults) == before
}

// countsAny says whether the correlation counts the verdicts of every rule
// that has an act, and so names none.
func (c *Correlation) countsAny() bool {
	return len(c.Verdicts) > 0 && slices.ContainsFunc(c.Rules, func(r sigma.Reference) bool { return r.Name == anyRule })
}

// any has the correlation count the verdicts of every rule that has an act.
func (c *Correlation) any(all []*Rule) {
	for _, x := range all {
		if x.Act != nil && declares(x.Extra) {
			c.rules = append(c.rules, referred{rule: x})
		}
	}
}

// aliases checks that aliases speak of the correlation's own rules.
func (r *resolver) aliases(c *Correlation) {
	var names []string
	for _, ref := range c.Rules {
		names = append(names, ref.Name)
	}
	for _, a := range c.Aliases {
		seen := map[string]bool{}
		for _, f := range a.Fields {
			i := c.position(r.known[f.Rule.Name])
			switch {
			case i < 0:
				r.fault(c, f.Rule.Node, "alias %q: %q is none of the correlation's rules%s", a.Name, f.Rule.Name, sigma.Suggest(f.Rule.Name, names))
				continue
			case seen[c.rules[i].id()]:
				r.fault(c, f.Rule.Node, "alias %q names the field of %q twice", a.Name, f.Rule.Name)
			}
			seen[c.rules[i].id()] = true
		}
	}
}

// position returns where the correlation refers to a rule, -1 if nowhere.
func (c *Correlation) position(target referred) int { return slices.Index(c.rules, target) }

// cycle finds a correlation that feeds itself.
func (r *resolver) cycle(c *Correlation) bool {
	for i, x := range c.rules {
		if x.correlation == nil {
			continue
		}
		if path := way(x.correlation, c, map[*Correlation]bool{}); path != nil {
			r.fault(c, c.Rules[i].Node, "%q is fed by itself: %s", c.Name, strings.Join(append([]string{c.Name}, path...), " ← "))
			return false
		}
	}
	return true
}

// way names the correlations on a way from one to another that feeds it.
func way(from, to *Correlation, been map[*Correlation]bool) []string {
	if from == to {
		return []string{to.Name}
	}
	if been[from] {
		return nil
	}
	been[from] = true
	for _, x := range from.rules {
		if x.correlation == nil {
			continue
		}
		if path := way(x.correlation, to, been); path != nil {
			return append([]string{from.Name}, path...)
		}
	}
	return nil
}

// spread leaves out the correlations that are fed by one that was left out.
func (r *resolver) spread() {
	for {
		before := len(r.policy.Correlations)
		sound := map[*Correlation]bool{nil: true}
		for _, c := range r.policy.Correlations {
			sound[c] = true
		}
		r.each(func(c *Correlation) bool {
			i := slices.IndexFunc(c.rules, func(x referred) bool { return !sound[x.correlation] })
			if i >= 0 {
				r.fault(c, c.Rules[i].Node, "the correlation %q has a fault, so this one is left out, too", c.Rules[i].Name)
			}
			return i < 0
		})
		if len(r.policy.Correlations) == before {
			return
		}
	}
}

// chain bounds the length of chains.
func (r *resolver) chain(c *Correlation) bool {
	for i, x := range c.rules {
		// Those that are fed by one that is too deep are too deep as well; only
		// the first is reported here.
		if x.correlation != nil && x.correlation.depth(r.depths) == maxChain {
			r.fault(c, c.Rules[i].Node, "a chain of correlations may be %d long; this is one more", maxChain)
			return false
		}
	}
	return true
}

// depth is the length of the longest chain that ends with the correlation.
func (c *Correlation) depth(known map[*Correlation]int) int {
	if d := known[c]; d > 0 {
		return d
	}
	depth := 1
	for _, x := range c.rules {
		if x.correlation != nil {
			depth = max(depth, 1+x.correlation.depth(known))
		}
	}
	known[c] = depth
	return depth
}

// crowd bounds the correlations that one rule feeds: of too many the last ones
// are left out.
func (r *resolver) crowd(c *Correlation) bool {
	for _, x := range c.rules {
		r.fed[x.id()] = append(r.fed[x.id()], c)
	}
	for i, x := range c.rules {
		for _, rule := range x.leaves(map[string]bool{}) {
			if r.count(rule.ID, 0) <= maxParts {
				continue
			}
			r.fault(c, c.Rules[i].Node, "the rule %q would feed more than %d correlations, at once and along chains", rule.Name, maxParts)
			for _, x := range c.rules {
				fed := r.fed[x.id()]
				r.fed[x.id()] = fed[:len(fed)-1]
			}
			return false
		}
	}
	return true
}

// leaves are the rules at the end of all chains, but for those seen already.
func (r referred) leaves(seen map[string]bool) []*Rule {
	switch {
	case seen[r.id()]:
		return nil
	case r.rule != nil:
		seen[r.id()] = true
		return []*Rule{r.rule}
	}
	seen[r.id()] = true
	var out []*Rule
	for _, x := range r.correlation.rules {
		out = append(out, x.leaves(seen)...)
	}
	return out
}

// count counts the correlations that something feeds, along every way; it ends
// when there are too many.
func (r *resolver) count(id string, sofar int) int {
	for _, c := range r.fed[id] {
		if sofar++; sofar > maxParts {
			break
		}
		sofar = r.count(c.ID, sofar)
	}
	return sofar
}
