package rules

import (
	"cmp"
	"slices"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Filter is a Sigma filter in force. Its document is part of those of the
// rules that it is for, so their digests change with it.
type Filter struct {
	*sigma.Filter
	// Digest is that of the filter's document, byte for byte.
	Digest event.Digest
}

func (l *loader) filter(d sigma.Document) {
	base, faults := sigma.ParseFilter(d)
	if len(faults) > 0 {
		l.reject(rejectedFilter(base, faults))
		return
	}
	f := &Filter{Filter: base, Digest: event.DigestOf(base.Document)}
	f.Name = cmp.Or(f.Name, f.ID, f.Title)
	if l.again("filter", f.Name) || f.ID != "" && l.again("filter's id", f.ID) {
		l.reject(rejectedFilter(base, sigma.Faults{d.At(d.Root, "there is another filter %q in this folder", f.Name)}))
		return
	}
	l.policy.Filters = slices.DeleteFunc(l.policy.Filters, func(o *Filter) bool {
		return o.Name == f.Name || o.ID != "" && o.ID == f.ID
	})
	l.policy.Filters = append(l.policy.Filters, f)
}

// filters hands the filters of all folders to the rules of all folders, and
// names the rules by what they are now.
func (l *loader) filters() {
	p := l.policy
	slices.SortFunc(p.Filters, func(a, b *Filter) int { return cmp.Compare(a.Name, b.Name) })
	filters := make([]*sigma.Filter, len(p.Filters))
	for i, f := range p.Filters {
		filters[i] = f.Filter
	}
	base := make([]*sigma.Rule, len(p.Rules))
	for i, r := range p.Rules {
		base[i] = r.Rule
	}
	l.faults = append(l.faults, sigma.Apply(filters, base)...)
	for _, r := range p.Rules {
		r.Digest = event.DigestOf(r.Document)
	}
}

// sound returns the rules without the filters that are faulty, and the faults.
// A rule whose filter cannot be read reports too much, rather than nothing.
func (p *Policy) sound() ([]*sigma.Rule, sigma.Faults) {
	var faults sigma.Faults
	faulty := map[*sigma.Filter]bool{}
	for _, f := range p.Filters {
		wrong := f.Check(p.Estate.Lists)
		faults = append(faults, wrong...)
		faulty[f.Filter] = len(wrong) > 0
	}
	out := make([]*sigma.Rule, len(p.Rules))
	for i, r := range p.Rules {
		out[i] = r.Without(func(f *sigma.Filter) bool { return faulty[f] })
	}
	return out, faults
}
