package sigma

import (
	"bytes"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Collect merges the documents of a file as their actions say, and returns
// those that stand for themselves. What a document with "action: global" holds
// is laid under each rule that follows, until "action: reset"; a document with
// "action: repeat" is laid over the rule before it. Mappings are merged key by
// key, anything else is replaced.
//
// Source: Sigma specification 1.0, "Rule Collections".
func Collect(docs []Document) ([]Document, Faults) {
	c := collector{}
	for _, d := range docs {
		c.document(d)
	}
	c.reset()
	return c.out, c.faults
}

// maxCollected bounds the text that a file's collections come to: what is
// global counts again for each rule.
const maxCollected = 16 * maxFile

// maxGlobal bounds the documents that are laid under one rule, one after the
// other.
const maxGlobal = 100

type collector struct {
	out      []Document
	faults   Faults
	global   []Document // in force
	used     bool       // the last of them, by a rule
	previous *Document  // rule, as merged
	size     int        // of what was merged
}

func (c *collector) fault(d Document, node ast.Node, format string, args ...any) {
	c.faults = append(c.faults, d.At(node, format, args...))
}

var actions = []string{"global", "reset", "repeat"}

func (c *collector) document(d Document) {
	pair, has := d.key("action")
	if !has {
		c.rule(d)
		return
	}
	action, _ := Text(pair.Value)
	switch action {
	case "global":
		if len(c.global) == maxGlobal {
			c.fault(d, pair.Value, "%d documents are global already; write what they have in common into one", maxGlobal)
			return
		}
		c.global, c.used = append(c.global, d), false
	case "reset":
		if len(d.Root.Values) > 1 {
			c.fault(d, pair.KeyNode, "a document that resets holds nothing else; write --- before what follows")
		}
		c.reset()
	case "repeat":
		c.repeat(d, pair)
	default:
		c.fault(d, pair.Value, "action %q is none of global, reset, repeat%s", action, suggest(action, actions))
	}
}

// rule takes a document without an action. Filters and correlations have no
// part in the rules' common parts.
func (c *collector) rule(d Document) {
	if !d.Has("filter") && !d.Has("correlation") {
		c.used = true
		c.merge(append(slices.Clone(c.global), d))
		return
	}
	c.out = append(c.out, d)
}

// merge adds the rule that documents make together.
func (c *collector) merge(layers []Document) {
	last := layers[len(layers)-1]
	if len(layers) > 1 {
		for _, l := range layers {
			c.size += len(l.Source)
		}
		if c.size > maxCollected {
			c.fault(last, last.Root, "the rules of this file come to more than %d bytes with what they repeat", maxCollected)
			return
		}
		last = merged(layers)
	}
	c.previous = &last
	c.out = append(c.out, last)
}

func (c *collector) repeat(d Document, action Pair) {
	if c.previous == nil {
		c.fault(d, action.Value, "there is no rule before this document that it could repeat")
		return
	}
	c.merge([]Document{*c.previous, d})
}

// reset forgets what is global. A part that nothing has used looks as if it
// were at work.
func (c *collector) reset() {
	if len(c.global) > 0 && !c.used {
		d := c.global[len(c.global)-1]
		c.fault(d, d.Root, "no rule follows that this global document applies to")
	}
	c.global, c.used = nil, false
}

// Has says whether a document has a top-level key.
func (d Document) Has(key string) bool {
	_, has := d.key(key)
	return has
}

func (d Document) key(key string) (Pair, bool) {
	pairs, _ := Pairs(d.Root)
	i := slices.IndexFunc(pairs, func(p Pair) bool { return p.Key == key })
	if i < 0 {
		return Pair{}, false
	}
	return pairs[i], true
}

// merged lays documents over each other. The result stands where the last one
// does.
func merged(layers []Document) Document {
	out := Document{Place: layers[len(layers)-1].Place}
	texts := make([][]byte, len(layers))
	for i, l := range layers {
		texts[i] = l.Source
		out.Root = mergedMapping(out.Root, withoutAction(l.Root))
	}
	out.Source = joined(texts...)
	return out
}

func withoutAction(root *ast.MappingNode) *ast.MappingNode {
	out := ast.Mapping(root.Start, root.IsFlowStyle)
	for _, v := range root.Values {
		if keyText(v.Key) != "action" {
			out.Values = append(out.Values, v)
		}
	}
	return out
}

func mergedMapping(under, over *ast.MappingNode) *ast.MappingNode {
	if under == nil {
		return over
	}
	out := ast.Mapping(over.Start, over.IsFlowStyle, under.Values...)
	at := map[string]int{}
	for i, v := range out.Values {
		at[keyText(v.Key)] = i
	}
	for _, v := range over.Values {
		i, both := at[keyText(v.Key)]
		if !both {
			out.Values = append(out.Values, v)
			continue
		}
		a, b := mapping(Unwrap(out.Values[i].Value)), mapping(Unwrap(v.Value))
		if a != nil && b != nil {
			v = ast.MappingValue(v.Start, v.Key, mergedMapping(a, b))
		}
		out.Values[i] = v
	}
	return out
}

// joined returns the texts of documents one after the other, so that the whole
// is YAML again.
func joined(texts ...[]byte) []byte {
	if len(texts) == 1 {
		return texts[0]
	}
	var all []byte
	for _, text := range texts {
		if len(all) > 0 && !bytes.HasSuffix(all, []byte("\n")) {
			all = append(all, '\n')
		}
		if line, _, _ := bytes.Cut(text, []byte("\n")); len(all) > 0 && !isMarker(line) {
			all = append(all, "---\n"...)
		}
		all = append(all, text...)
	}
	return all
}
