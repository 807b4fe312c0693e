package engine_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// references reads the rules of a file: those of its documents, each over the
// global ones before it, and with the file's filters.
func references(t testing.TB, src string, lists sigma.Lists) []*reference {
	t.Helper()
	docs, faults := sigma.ParseDocuments("r.yml", []byte(src))
	if faults.Err() != nil {
		t.Fatal(faults)
	}
	return referencesOf(docs, lists)
}

func referencesOf(docs []sigma.Document, lists sigma.Lists) []*reference {
	var rules, filters []*reference
	var global, previous []ast.Node
	for _, d := range docs {
		action, _ := sigma.Text(keyOf(d.Root, "action"))
		switch {
		case keyOf(d.Root, "filter") != nil:
			filters = append(filters, readReference([]ast.Node{d.Root}, "filter", lists))
			continue
		case action == "global":
			global = append(global, d.Root)
			continue
		case action == "reset":
			global = nil
			continue
		case action == "repeat":
			previous = append(slices.Clone(previous), d.Root)
		default:
			previous = append(slices.Clone(global), d.Root)
		}
		rules = append(rules, readReference(previous, "detection", lists))
	}
	for _, r := range rules {
		for _, f := range filters {
			if f.covers(r) {
				r.filters = append(r.filters, f)
			}
		}
	}
	return rules
}

func newReference(d sigma.Document, lists sigma.Lists) *reference {
	return readReference([]ast.Node{d.Root}, "detection", lists)
}

// keyOf returns what stands under a key of a mapping, or nil.
func keyOf(n ast.Node, key string) ast.Node {
	pairs, _ := sigma.Pairs(n)
	for _, p := range pairs {
		if p.Key == key {
			return p.Value
		}
	}
	return nil
}

// readReference reads a rule or a filter from documents of which the later are
// laid over the earlier.
func readReference(layers []ast.Node, block string, lists sigma.Lists) *reference {
	r := &reference{lists: lists, selections: map[string]ast.Node{}, regexps: map[string]*regexp.Regexp{}, texts: map[string]string{}}
	for _, key := range []string{"id", "name"} {
		r.texts[key], _ = sigma.Text(laid(layers, key))
	}
	for _, key := range []string{"product", "category", "service"} {
		r.texts[key], _ = sigma.Text(laid(layers, "logsource", key))
	}
	for _, l := range layers {
		pairs, _ := sigma.Pairs(keyOf(l, block))
		for _, p := range pairs {
			if p.Key != "condition" && p.Key != "rules" && !slices.Contains(r.names, p.Key) {
				r.names = append(r.names, p.Key)
				r.selections[p.Key] = laid(layers, block, p.Key)
			}
		}
	}
	r.conditions = textsIn(laid(layers, block, "condition"))
	r.applies = textsIn(laid(layers, block, "rules"))
	return r
}

func textsIn(n ast.Node) []string {
	var texts []string
	if n != nil {
		for _, item := range listed(n) {
			text, _ := sigma.Text(item)
			texts = append(texts, text)
		}
	}
	return texts
}

// laid returns what stands at a path when layers are laid over each other:
// mappings are joined, anything else is the last layer's.
func laid(layers []ast.Node, path ...string) ast.Node {
	if len(path) > 0 {
		var below []ast.Node
		for _, l := range layers {
			if n := keyOf(l, path[0]); n != nil {
				below = append(below, n)
			}
		}
		return laid(below, path[1:]...)
	}
	if len(layers) == 0 {
		return nil
	}
	last := layers[len(layers)-1]
	for i, l := range layers {
		if _, isMap := sigma.Pairs(l); !isMap {
			if i == len(layers)-1 {
				return last
			}
			return laid(layers[i+1:])
		}
	}
	var keys []string
	joined := ast.Mapping(nil, false)
	for _, l := range layers {
		pairs, _ := sigma.Pairs(l)
		for _, p := range pairs {
			if !slices.Contains(keys, p.Key) {
				keys = append(keys, p.Key)
				joined.Values = append(joined.Values, ast.MappingValue(nil, p.KeyNode.(ast.MapKeyNode), laid(layers, p.Key)))
			}
		}
	}
	return joined
}

// covers says whether a filter is for a rule.
func (r *reference) covers(rule *reference) bool {
	for _, part := range []string{"product", "category", "service"} {
		if r.texts[part] != "" && r.texts[part] != rule.texts[part] {
			return false
		}
	}
	return slices.ContainsFunc(r.applies, func(name string) bool {
		return strings.EqualFold(name, "any") || strings.EqualFold(name, "all") || name == rule.texts["id"] || name == rule.texts["name"]
	})
}
