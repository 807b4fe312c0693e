package sigma

import (
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// LogSource says which events a rule is for: each part that it names must be
// the event's.
type LogSource struct{ Product, Category, Service string }

// Rule is a Sigma rule as it stands in its file.
type Rule struct {
	ID, Name, Title, Status, Description, Author, Date, Level string

	Tags, References, FalsePositives []string

	LogSource LogSource
	// Document is the exact text of the YAML documents that the rule comes
	// from: its own, those of its collection, and its filters.
	Document []byte
	Place
	// Extra holds the top-level keys that Sigma does not know.
	Extra map[string]Pair
	// Filters are what [Apply] found for the rule.
	Filters []*Filter

	written    []byte // the document without those of the filters
	selections map[string]selection
	names      []string // of the selections, in the order of the file
	conditions []condition
}

// ParseRules reads the rules of a file, with its collections and filters. What
// is sound is returned, and all that is wrong.
func ParseRules(file string, src []byte) ([]*Rule, Faults) {
	docs, faults := ParseDocuments(file, src)
	docs, wrong := Collect(docs)
	faults = append(faults, wrong...)
	var rules []*Rule
	var filters []*Filter
	for _, d := range docs {
		var wrong Faults
		if d.Has("filter") {
			var f *Filter
			if f, wrong = ParseFilter(d); len(wrong) == 0 {
				filters = append(filters, f)
			}
		} else {
			var r *Rule
			if r, wrong = ParseRule(d); len(wrong) == 0 {
				rules = append(rules, r)
			}
		}
		faults = append(faults, wrong...)
	}
	return rules, append(faults, Apply(filters, rules)...).Unique()
}

// ParseRule reads one rule.
func ParseRule(d Document) (*Rule, Faults) {
	p := &ruleParser{doc: d, used: map[string]bool{}, rule: &Rule{
		Document: d.Source, Place: d.Place, Extra: map[string]Pair{}, selections: map[string]selection{},
	}}
	p.each(p.key)
	if !d.Has("correlation") {
		p.needs("a rule", "title", "detection", "logsource")
	}
	p.checkValues()
	return p.rule, p.faults
}

type ruleParser struct {
	doc    Document
	rule   *Rule
	used   map[string]bool // selections that a condition names
	named  int             // how often conditions name one, with those that patterns mean
	faults Faults
}

func (p *ruleParser) fault(node ast.Node, format string, args ...any) {
	p.faults = append(p.faults, p.doc.At(node, format, args...))
}

// each reads the keys of the document, each of them once.
func (p *ruleParser) each(read func(Pair)) {
	pairs, _ := Pairs(p.doc.Root)
	seen := map[string]bool{}
	for _, pair := range pairs {
		if seen[pair.Key] {
			p.fault(pair.KeyNode, "key %q stands twice", pair.Key)
			continue
		}
		seen[pair.Key] = true
		read(pair)
	}
}

// needs reports the keys that are not there, each where a key stands that may
// be meant for it.
func (p *ruleParser) needs(what string, keys ...string) {
	for _, key := range keys {
		if p.doc.Has(key) {
			continue
		}
		if near := nearest(key, slices.Sorted(maps.Keys(p.rule.Extra))); near != "" {
			p.fault(p.rule.Extra[near].KeyNode, "%s needs a %s, and has no use for %q; did you mean %q?", what, key, near, key)
		} else {
			p.fault(p.doc.Root, "%s needs a %s", what, key)
		}
	}
}

// checkValues looks for what is wrong with values where something else is wrong
// already: a rule without a fault is told so when its lists are known.
func (p *ruleParser) checkValues() {
	if len(p.faults) == 0 {
		return
	}
	c := resolver{rule: p.rule, unlisted: true, memo: map[string]Expr{}}
	for _, name := range p.rule.names {
		c.named(name)
	}
	p.faults = append(p.faults, c.faults...)
}

func (p *ruleParser) key(pair Pair) {
	r := p.rule
	switch pair.Key {
	case "title":
		p.text(pair, &r.Title)
	case "id":
		p.text(pair, &r.ID)
	case "name":
		p.text(pair, &r.Name)
	case "status":
		p.note(pair, &r.Status)
	case "description":
		p.note(pair, &r.Description)
	case "author":
		p.note(pair, &r.Author)
	case "date":
		p.note(pair, &r.Date)
	case "level":
		p.level(pair)
	case "tags":
		p.list(pair, &r.Tags)
	case "references":
		p.list(pair, &r.References)
	case "falsepositives":
		p.list(pair, &r.FalsePositives)
	case "logsource":
		p.logsource(pair)
	case "detection":
		p.detection(pair)
	case "correlation":
		p.fault(pair.KeyNode, "a correlation is not a rule: its matches are made of those of rules")
	default:
		r.Extra[pair.Key] = pair
	}
}

func (p *ruleParser) text(pair Pair, to *string) {
	s, ok := Text(pair.Value)
	if !ok {
		p.fault(pair.KeyNode, "%s has to be a text", pair.Key)
	}
	*to = s
}

// note reads what informs people alone. Many rules leave it empty, and some
// list their authors.
func (p *ruleParser) note(pair Pair, to *string) {
	var all []string
	if p.list(pair, &all); len(all) > 0 {
		*to = strings.Join(all, ", ")
	}
}

func (p *ruleParser) list(pair Pair, to *[]string) {
	items, ok := Items(pair.Value)
	if !ok {
		if IsNull(pair.Value) {
			return
		}
		if s, isText := Text(pair.Value); isText { // some rules write a single entry so
			*to = []string{s}
			return
		}
		p.fault(pair.KeyNode, "%s has to be a text or a list of them", pair.Key)
		return
	}
	for _, it := range items {
		if s, isText := Text(it); isText {
			*to = append(*to, s)
		}
	}
}

var levels = []string{"informational", "low", "medium", "high", "critical"}

func (p *ruleParser) level(pair Pair) {
	p.text(pair, &p.rule.Level)
	written := p.rule.Level
	if p.rule.Level = strings.ToLower(written); !slices.Contains(levels, p.rule.Level) {
		p.fault(pair.Value, "level %q is none of %s%s", written, strings.Join(levels, ", "), suggest(written, levels))
	}
}

func (p *ruleParser) logsource(pair Pair) {
	pairs, ok := Pairs(pair.Value)
	if !ok {
		p.fault(pair.KeyNode, "logsource has to name product, category or service")
		return
	}
	for _, s := range pairs {
		var to *string
		switch s.Key {
		case "product":
			to = &p.rule.LogSource.Product
		case "category":
			to = &p.rule.LogSource.Category
		case "service":
			to = &p.rule.LogSource.Service
		default: // definition and custom keys inform people
			continue
		}
		p.text(s, to)
	}
	if p.rule.LogSource == (LogSource{}) {
		p.fault(pair.KeyNode, "logsource has to name product, category or service")
	}
}

// String names the log source for people.
func (s LogSource) String() string {
	parts := slices.DeleteFunc([]string{s.Product, s.Category, s.Service}, func(p string) bool { return p == "" })
	return strings.Join(parts, "/")
}
