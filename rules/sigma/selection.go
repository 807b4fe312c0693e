package sigma

import (
	"slices"
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

// maxSelectionDepth bounds how deep a selection may nest.
const maxSelectionDepth = 20

// selection reads a selection. path is the field that it is nested under.
func (p *ruleParser) selection(path string, node, at ast.Node) selection {
	if strings.Count(path, ".") > maxSelectionDepth {
		p.fault(at, "the selection nests deeper than %d levels", maxSelectionDepth)
		return fieldsAnd{}
	}
	if pairs, ok := Pairs(node); ok {
		if len(pairs) == 0 {
			p.fault(at, "an empty mapping would match every event")
		}
		all := make(fieldsAnd, 0, len(pairs))
		for _, pair := range pairs {
			all = append(all, p.field(path, pair))
		}
		return all
	}
	items := OneOrMore(node)
	return p.alternatives(path, items, at)
}

// alternatives reads a list: mappings, and values which are keywords, or those
// of the field that they are nested under.
func (p *ruleParser) alternatives(path string, items []ast.Node, at ast.Node) selection {
	if len(items) == 0 {
		p.fault(at, "an empty list would match no event")
	}
	var any listOr
	var words []ast.Node
	for _, it := range items {
		if _, isMap := Pairs(it); isMap {
			any = append(any, p.selection(path, it, at))
		} else {
			words = append(words, it)
		}
	}
	if len(words) > 0 {
		f := field{path: path, values: p.values(words), node: at}
		if path == "" { // keywords are looked for in every text of the event
			f.modifiers.chain = []string{"contains"}
			p.checkWords(f)
		}
		any = append(any, f)
	}
	return any
}

func (p *ruleParser) field(path string, pair Pair) selection {
	name, rest, modified := strings.Cut(pair.Key, "|")
	f := field{path: join(path, name), node: pair.KeyNode}
	if modified {
		f.modifiers = p.modifiers(pair, strings.Split(rest, "|"))
	}
	if name == "" {
		return p.keywords(path, f, pair)
	}
	if nests(pair.Value) {
		if modified {
			p.fault(pair.KeyNode, "a modifier cannot stand on a nested selection")
		}
		return p.selection(f.path, pair.Value, pair.KeyNode)
	}
	f.values = p.listed(pair)
	return f
}

// keywords reads a key without a field: '|all' are keywords that must all be
// found.
func (p *ruleParser) keywords(path string, f field, pair Pair) selection {
	if path != "" || nests(pair.Value) {
		p.fault(pair.KeyNode, "a key without a field holds keywords; it cannot stand in a nested selection or hold one")
		return f
	}
	m := &f.modifiers
	if m.has("exists") || m.has("fieldref") || m.has("neq") || m.part != "" {
		p.fault(pair.KeyNode, "exists, fieldref, neq and parts of a date need a field")
	}
	if m.text() && !m.has("startswith") && !m.has("endswith") && !m.has("contains") {
		m.chain = append(m.chain, "contains")
	}
	f.values = p.listed(pair)
	p.checkWords(f)
	return f
}

// checkWords reports keywords that no text can be.
func (p *ruleParser) checkWords(f field) {
	for _, v := range f.values {
		if v.null {
			p.fault(v.node, "null is no keyword; name the field that is to be null")
		}
	}
}

// nests says whether a node is a mapping, or a list that holds one.
func nests(node ast.Node) bool {
	if _, ok := Pairs(node); ok {
		return true
	}
	items, _ := Items(node)
	return slices.ContainsFunc(items, func(n ast.Node) bool { _, ok := Pairs(n); return ok })
}

func join(path, name string) string {
	if path == "" || name == "" {
		return path + name
	}
	return path + "." + name
}

// listed reads the values of a field: one, or a list of them.
func (p *ruleParser) listed(pair Pair) []value {
	nodes := OneOrMore(pair.Value)
	if len(nodes) == 0 {
		p.fault(pair.KeyNode, "an empty list would match no event")
	}
	return p.values(nodes)
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
