package sigma

import (
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Filter suppresses what rules would match, in one place for many of them.
//
//	title: Deployments are what the deployer does
//	logsource: {product: kubernetes, service: audit}
//	filter:
//	  rules: [k8s-direct-change]
//	  selection: {user.username: deployer}
//	  condition: selection
//
// An event in which none of its selections is found is never suppressed,
// whether its author wrote "selection" or, as for other tools, "not selection".
type Filter struct {
	ID, Name, Title string

	LogSource LogSource
	// Document is the exact text of the filter's YAML document.
	Document []byte
	Place

	rules     []filtered // those that it names; none: any
	body      *Rule      // its selections and its condition
	logSource ast.Node
	// inverted says that the condition holds where no selection is found.
	inverted bool
}

// filtered is a rule that a filter names.
type filtered struct {
	name string // or id
	node ast.Node
}

// ParseFilter reads one filter. Which rules there are is not looked at.
//
// Source: Sigma specification 2.1, "Sigma Filters".
func ParseFilter(d Document) (*Filter, Faults) {
	p := &filterParser{
		// What stands at the head of a filter stands at that of a rule, too.
		ruleParser: ruleParser{doc: d, used: map[string]bool{}, rule: &Rule{
			Document: d.Source, Place: d.Place, Extra: map[string]Pair{}, selections: map[string]selection{},
		}},
		out: &Filter{Document: d.Source, Place: d.Place},
	}
	p.each(p.top)
	f, r := p.out, p.rule
	f.ID, f.Name, f.Title, f.LogSource, f.body = r.ID, r.Name, r.Title, r.LogSource, r
	p.needs("a filter", "title", "logsource")
	p.checkValues()
	return f, p.faults
}

type filterParser struct {
	ruleParser
	out *Filter
}

func (p *filterParser) top(pair Pair) {
	switch pair.Key {
	case "filter":
		p.filter(pair)
	case "detection", "correlation", "act", "approval", "control", "tests":
		p.fault(pair.KeyNode, "a filter has no %s; a rule has, in a document of its own", pair.Key)
	case "logsource":
		p.out.logSource = pair.KeyNode
		p.key(pair)
	default:
		p.key(pair)
	}
}

// filter reads what stands under "filter".
func (p *filterParser) filter(pair Pair) {
	pairs, ok := Pairs(pair.Value)
	if !ok {
		p.fault(pair.KeyNode, "filter has to be a mapping of rules, selections and a condition")
		return
	}
	var rules, condition *Pair
	var rest []Pair
	for i, k := range pairs {
		switch k.Key {
		case "rules":
			rules = &pairs[i]
		case "condition":
			condition, rest = &pairs[i], append(rest, k)
		default:
			rest = append(rest, k)
		}
	}
	if rules == nil {
		p.fault(pair.KeyNode, "a filter needs rules: names or ids of rules, or any")
	} else {
		p.rules(*rules)
	}
	before := len(p.faults)
	p.selections(pair, rest)
	if condition == nil || len(p.faults) > before {
		return
	}
	if len(p.rule.conditions) > 1 {
		p.fault(condition.Value, "a filter has one condition; join them by or")
		return
	}
	p.direction(*condition)
}

// rules reads names of rules, a single one, or any.
func (p *filterParser) rules(pair Pair) {
	if s, ok := Text(pair.Value); ok && (strings.EqualFold(s, "any") || strings.EqualFold(s, "all")) {
		return
	}
	items := OneOrMore(pair.Value)
	for _, it := range items {
		if s, ok := Text(it); ok && s != "" {
			p.out.rules = append(p.out.rules, filtered{s, it})
		} else {
			p.fault(it, "rules has to list names or ids of rules")
		}
	}
	if len(items) == 0 {
		p.fault(pair.KeyNode, "the list of rules is empty; write any if the filter is for all of its log source")
	}
}

// maxDecided bounds how many selections a filter's condition is tried with.
const maxDecided = 8

// direction finds out whether the filter suppresses where its condition holds
// or where it does not.
func (p *filterParser) direction(pair Pair) {
	cond := p.rule.conditions[0]
	p.out.inverted = p.rule.decide(cond, func(string) bool { return false })
	if len(p.rule.names) > maxDecided {
		return
	}
	for bits := range 1 << len(p.rule.names) {
		holds := func(name string) bool { return bits>>slices.Index(p.rule.names, name)&1 == 1 }
		if p.rule.decide(cond, holds) != p.out.inverted {
			return
		}
	}
	p.fault(pair.Value, "the condition does not depend on its selections; the filter would suppress nothing")
}

// decide evaluates a condition over what is known of the selections.
func (r *Rule) decide(cond condition, holds func(string) bool) bool {
	fails := func(name string) bool { return !holds(name) }
	switch cond := cond.(type) {
	case allOf:
		return !slices.ContainsFunc(cond, func(c condition) bool { return !r.decide(c, holds) })
	case anyOf:
		return slices.ContainsFunc(cond, func(c condition) bool { return r.decide(c, holds) })
	case negate:
		return !r.decide(cond.of, holds)
	case named:
		return holds(cond.name.text)
	case some:
		return slices.ContainsFunc(r.matching(cond.pattern.text), holds)
	case every:
		return !slices.ContainsFunc(r.matching(cond.pattern.text), fails)
	}
	return false
}

// Check returns what is wrong with the filter in the light of the lists.
func (f *Filter) Check(lists Lists) Faults {
	_, faults := f.body.own(lists)
	return faults
}

// passes returns what holds for the events that the filter lets pass.
func (f *Filter) passes(lists Lists) (Expr, Faults) {
	e, faults := f.body.own(lists)
	if f.inverted {
		return e, faults
	}
	return Not{e}, faults
}

// maxFiltered bounds the text that filters add to their rules.
const maxFiltered = 64 << 20

// Apply hands each rule the filters that are for it. It fails for a filter
// that names a rule that is not there or has another log source, and for one
// that is for none.
func Apply(filters []*Filter, rules []*Rule) Faults {
	a := applier{rules: rules, known: map[string]*Rule{}}
	for _, r := range slices.Backward(rules) {
		a.known[r.Name], a.known[r.ID] = r, r
	}
	delete(a.known, "")
	a.names = slices.Sorted(maps.Keys(a.known))
	for _, f := range filters {
		a.filter(f)
	}
	for _, r := range rules {
		r.written = r.Document
		r.Document = r.withFilters()
	}
	return a.faults
}

// Without returns the rule as it is without the filters that are off.
func (r *Rule) Without(off func(*Filter) bool) *Rule {
	if !slices.ContainsFunc(r.Filters, off) {
		return r
	}
	out := *r
	out.Filters = slices.DeleteFunc(slices.Clone(r.Filters), off)
	out.Document = out.withFilters()
	return &out
}

// withFilters is the rule's own text with those of its filters.
func (r *Rule) withFilters() []byte {
	texts := [][]byte{r.written}
	for _, f := range r.Filters {
		texts = append(texts, f.Document)
	}
	return joined(texts...)
}

// applier hands filters to their rules.
type applier struct {
	rules  []*Rule
	known  map[string]*Rule // by name and by ID
	names  []string         // of known
	added  int              // bytes
	faults Faults
}

func (a *applier) fault(f *Filter, node ast.Node, format string, args ...any) {
	a.faults = append(a.faults, f.At(node, format, args...))
}

func (a *applier) filter(f *Filter) {
	meant := a.rules
	if len(f.rules) > 0 {
		meant = a.named(f)
	}
	n := 0
	for _, r := range meant {
		if !f.LogSource.Covers(r.LogSource) {
			continue
		}
		if a.added += len(f.Document); a.added > maxFiltered {
			a.fault(f, f.logSource, "the filters come to more than %d bytes with the rules that they are for; this one is not for all of its rules", maxFiltered)
			return
		}
		r.Filters = append(r.Filters, f)
		n++
	}
	if n == 0 && len(f.rules) == 0 {
		a.fault(f, f.logSource, "no rule has the log source %s; the filter would suppress nothing", f.LogSource)
	}
}

// maxUnknown bounds for how many names of a filter that are nobody's the
// nearest one is looked for.
const maxUnknown = 20

// named returns the rules that a filter names, each once.
func (a *applier) named(f *Filter) []*Rule {
	var out []*Rule
	seen, unknown := map[*Rule]bool{}, 0
	for _, named := range f.rules {
		r := a.known[named.name]
		switch {
		case r == nil:
			hint := ""
			if unknown++; unknown <= maxUnknown {
				hint = suggest(named.name, a.names)
			}
			a.fault(f, named.node, "there is no rule %q%s", named.name, hint)
		case !f.LogSource.Covers(r.LogSource):
			a.fault(f, named.node, "the filter is for %s, and the rule %q for %s; they have no event in common", f.LogSource, named.name, r.LogSource)
		case !seen[r]:
			out = append(out, r)
		}
		seen[r] = true
	}
	return out
}

// Covers says whether every event of o is one of s: each part that s names is
// that of o.
func (s LogSource) Covers(o LogSource) bool {
	fits := func(part, other string) bool { return part == "" || part == other }
	return fits(s.Product, o.Product) && fits(s.Category, o.Category) && fits(s.Service, o.Service)
}
