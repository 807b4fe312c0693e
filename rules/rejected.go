package rules

import (
	"cmp"
	"slices"

	"sidedoor/event"
	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// Rejected is a rule, a correlation or a filter that is not in force because
// something is wrong with it.
type Rejected struct {
	File string
	Line int    // where its document begins
	Name string // its name, id or title; empty if not even that could be read
	// Faults are why; there is at least one.
	Faults sigma.Faults
}

// reject keeps a rule out of force.
func (l *loader) reject(r Rejected) {
	l.faults = append(l.faults, r.Faults...)
	l.policy.Rejected = append(l.policy.Rejected, r)
}

// rejectRule keeps out of force a rule whose document could be read.
func (l *loader) rejectRule(r *sigma.Rule, faults sigma.Faults) {
	l.reject(rejected(r, faults))
}

func rejected(r *sigma.Rule, faults sigma.Faults) Rejected {
	return Rejected{File: r.File, Line: r.Line, Name: cmp.Or(r.Name, r.ID, r.Title), Faults: faults}
}

func rejectedFilter(f *sigma.Filter, faults sigma.Faults) Rejected {
	return Rejected{File: f.File, Line: f.Line, Name: cmp.Or(f.Name, f.ID, f.Title), Faults: faults}
}

func rejectedCorrelation(c *Correlation, faults sigma.Faults) Rejected {
	return Rejected{File: c.File, Line: c.Line, Name: c.Name, Faults: faults}
}

// unparsed reports documents that are no YAML, each of them a rule unless the
// file holds something else.
func (l *loader) unparsed(name string, faults sigma.Faults) {
	if !holdsRules(name) {
		l.faults = append(l.faults, faults...)
		return
	}
	for _, f := range faults {
		l.reject(Rejected{File: f.File, Line: f.Line, Faults: sigma.Faults{f}})
	}
}

// prune puts out of force what does not compile, such as a rule that refers to
// a list that the estate lacks, and the correlations that this feeds; it
// returns what is wrong with them. Which lists there are is known only when
// every layer is loaded.
func (p *Policy) prune() sigma.Faults {
	all := p.pruneFilters()
	off := map[string]bool{} // by ID
	p.Rules = slices.DeleteFunc(p.Rules, func(r *Rule) bool {
		_, faults := engine.Compile([]*sigma.Rule{r.Rule}, p.Estate.Lists)
		if len(faults) > 0 {
			p.Rejected = append(p.Rejected, rejected(r.Rule, faults))
			all, off[r.ID] = append(all, faults...), true
		}
		return off[r.ID]
	})
	for before := -1; before < len(off); { // along chains
		before = len(off)
		all = append(all, p.pruneCorrelations(off)...)
	}
	p.settle()
	return all
}

// pruneCorrelations puts out of force what is fed by something that is off.
func (p *Policy) pruneCorrelations(off map[string]bool) sigma.Faults {
	var all sigma.Faults
	isOff := func(x referred) bool { return off[x.id()] }
	p.Correlations = slices.DeleteFunc(p.Correlations, func(c *Correlation) bool {
		if c.countsAny() { // and the others still count
			c.rules = slices.DeleteFunc(c.rules, isOff)
		}
		i := slices.IndexFunc(c.rules, isOff)
		if i < 0 {
			return false
		}
		f := c.At(c.Rules[i].Node, "the rule %q has a fault, so this correlation is left out, too", c.Rules[i].Name)
		p.Rejected = append(p.Rejected, rejectedCorrelation(c, sigma.Faults{f}))
		all, off[c.ID] = append(all, f), true
		return true
	})
	return all
}

// pruneFilters takes faulty filters from the rules, which then report too much
// rather than nothing.
func (p *Policy) pruneFilters() sigma.Faults {
	base, all := p.sound()
	for i, r := range base {
		p.Rules[i].Rule, p.Rules[i].Digest = r, event.DigestOf(r.Document)
	}
	p.Filters = slices.DeleteFunc(p.Filters, func(f *Filter) bool {
		faults := f.Check(p.Estate.Lists)
		if len(faults) > 0 {
			p.Rejected = append(p.Rejected, rejectedFilter(f.Filter, faults))
		}
		return len(faults) > 0
	})
	return all
}

// settle brings the policy into its order and identifies it.
func (p *Policy) settle() {
	slices.SortFunc(p.Rules, func(a, b *Rule) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Correlations, func(a, b *Correlation) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(p.Controls, func(a, b Control) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortStableFunc(p.Rejected, func(a, b Rejected) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	p.Digest = p.digest()
}

// RuleAt names the rule or correlation whose document has the line of the
// file, in force or rejected; it returns "" if there is none.
func (p *Policy) RuleAt(file string, line int) string {
	name, from := "", 0
	look := func(at string, begins int, called string) {
		if at == file && begins <= line && begins > from {
			name, from = called, begins
		}
	}
	for _, r := range p.Rules {
		look(r.File, r.Line, r.Name)
	}
	for _, c := range p.Correlations {
		look(c.File, c.Line, c.Name)
	}
	for _, r := range p.Rejected {
		look(r.File, r.Line, r.Name)
	}
	return name
}

// OfEstate returns the faults that are in files of the estate.
func OfEstate(faults sigma.Faults) sigma.Faults {
	return slices.DeleteFunc(slices.Clone(faults), func(f sigma.Fault) bool { return kindOfFile(f.File) != "estate" })
}

// Bounds on what is announced of the rules that are not in force: a policy is
// one message on the stream.
const (
	maxAnnounced     = 200
	maxAnnouncedText = 300 // characters
)

// announceRejected describes the rejected rules for the stream, the first of
// many, each with its first fault.
func (p *Policy) announceRejected() []event.RejectedRule {
	var out []event.RejectedRule
	for _, r := range p.Rejected[:min(len(p.Rejected), maxAnnounced)] {
		f := r.Faults[0]
		out = append(out, event.RejectedRule{
			File: short(f.File), Line: f.Line, Name: short(r.Name), Message: short(f.Message),
		})
	}
	return out
}

func short(s string) string {
	runes := []rune(s)
	if len(runes) <= maxAnnouncedText {
		return s
	}
	return string(runes[:maxAnnouncedText]) + "…"
}
