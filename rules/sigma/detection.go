package sigma

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// selection is a search identifier's tree: what has to be found in an event.
type selection interface{ selection() }

type (
	fieldsAnd []selection // a mapping: all of it
	listOr    []selection // a list: any of it
	// field is one key with its modifiers and values.
	field struct {
		path      string // dotted; empty: a keyword, looked for everywhere
		modifiers modifiers
		values    []value
		node      ast.Node
	}
)

func (fieldsAnd) selection() {}
func (listOr) selection()    {}
func (field) selection()     {}

// value is a scalar as a rule writes it.
type value struct {
	text string
	null bool
	node ast.Node
}

func (p *ruleParser) detection(pair Pair) {
	pairs, ok := Pairs(pair.Value)
	if !ok {
		p.fault(pair.KeyNode, "detection has to be a mapping of selections and a condition")
		return
	}
	var conditions *Pair
	for i, s := range pairs {
		switch s.Key {
		case "condition":
			conditions = &pairs[i]
		case "timeframe":
			p.fault(s.KeyNode, "timeframe belongs to aggregations, which this version does not run")
		default:
			if _, twice := p.rule.selections[s.Key]; twice {
				p.fault(s.KeyNode, "selection %q stands twice", s.Key)
				continue
			}
			p.rule.selections[s.Key] = p.selection("", s.Value, s.KeyNode)
			p.rule.names = append(p.rule.names, s.Key)
		}
	}
	if conditions == nil {
		p.fault(pair.KeyNode, "detection needs a condition")
		return
	}
	p.conditions(*conditions)
}

func (p *ruleParser) conditions(pair Pair) {
	nodes, ok := Items(pair.Value)
	if !ok {
		nodes = []ast.Node{pair.Value}
	}
	for _, n := range nodes {
		text, _ := Text(n)
		c, err := parseCondition(text)
		if err != nil {
			p.fault(n, "condition: %v", err)
			continue
		}
		p.resolve(c, n)
		p.rule.conditions = append(p.rule.conditions, c)
	}
}

// resolve checks that a condition names selections that exist.
func (p *ruleParser) resolve(c condition, node ast.Node) {
	switch c := c.(type) {
	case allOf:
		for _, s := range c {
			p.resolve(s, node)
		}
	case anyOf:
		for _, s := range c {
			p.resolve(s, node)
		}
	case negate:
		p.resolve(c.of, node)
	case named:
		if _, ok := p.rule.selections[c.name]; !ok {
			p.fault(node, "condition: there is no selection %q%s", c.name, suggest(c.name, p.rule.names))
		}
	case some:
		if len(p.rule.matching(c.pattern)) == 0 {
			p.fault(node, "condition: no selection is named %q", c.pattern)
		}
	case every:
		if len(p.rule.matching(c.pattern)) == 0 {
			p.fault(node, "condition: no selection is named %q", c.pattern)
		}
	}
}

// matching returns the names of the selections that a pattern of "1 of" or
// "all of" means. "them" leaves out names that begin with an underscore.
func (r *Rule) matching(pattern string) []string {
	var names []string
	for _, n := range r.names {
		if strings.EqualFold(pattern, "them") {
			if !strings.HasPrefix(n, "_") {
				names = append(names, n)
			}
		} else if compileGlob(pattern).match([]byte(n)) {
			names = append(names, n)
		}
	}
	return names
}

// maxSelectionDepth bounds how deep a selection may nest.
const maxSelectionDepth = 20

// selection reads a selection. path is the field that it is nested under.
func (p *ruleParser) selection(path string, node, at ast.Node) selection {
	if strings.Count(path, ".") > maxSelectionDepth {
		p.fault(at, "the selection nests deeper than %d levels", maxSelectionDepth)
		return fieldsAnd{}
	}
	if pairs, ok := Pairs(node); ok {
		all := make(fieldsAnd, 0, len(pairs))
		for _, pair := range pairs {
			all = append(all, p.field(path, pair))
		}
		return all
	}
	items, ok := Items(node)
	if !ok {
		return p.keywords([]ast.Node{node}, at)
	}
	var maps listOr
	var words []ast.Node
	for _, it := range items {
		if _, isMap := Pairs(it); isMap {
			maps = append(maps, p.selection(path, it, at))
		} else {
			words = append(words, it)
		}
	}
	if len(words) > 0 {
		maps = append(maps, p.keywords(words, at))
	}
	return maps
}

// keywords are looked for in every text of the event.
func (p *ruleParser) keywords(nodes []ast.Node, at ast.Node) selection {
	return field{modifiers: modifiers{contains: true}, values: p.values(nodes), node: at}
}

func (p *ruleParser) field(path string, pair Pair) selection {
	name, rest, _ := strings.Cut(pair.Key, "|")
	f := field{path: join(path, name), node: pair.KeyNode}
	if rest != "" {
		f.modifiers = p.modifiers(pair, strings.Split(rest, "|"))
	}
	if name == "" { // '|all': keywords that must all be found
		f.path, f.modifiers.contains = "", true
	}
	if _, nested := Pairs(pair.Value); nested {
		if rest != "" {
			p.fault(pair.KeyNode, "a modifier cannot stand on a nested selection")
		}
		return p.selection(f.path, pair.Value, pair.KeyNode)
	}
	nodes, ok := Items(pair.Value)
	if !ok {
		nodes = []ast.Node{pair.Value}
	}
	for _, n := range nodes {
		if _, nested := Pairs(n); nested {
			return p.selection(f.path, pair.Value, pair.KeyNode)
		}
	}
	f.values = p.values(nodes)
	return f
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

func (p *ruleParser) values(nodes []ast.Node) []value {
	values := make([]value, 0, len(nodes))
	for _, n := range nodes {
		text, ok := Text(n)
		switch {
		case ok:
			values = append(values, value{text: text, node: n})
		case IsNull(n):
			values = append(values, value{null: true, node: n})
		default:
			p.fault(n, "a value has to be a text, a number, true, false or null")
		}
	}
	return values
}
