package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"sidedoor/rules/sigma"
)

// Link makes a program of what rules ask, for benchmarks that make their rules.
func Link(sources []sigma.LogSource, rules []sigma.Expr) *Program {
	p, _ := Compile(nil, nil)
	for i, when := range rules {
		p.add(sources[i], when)
	}
	return p
}

// ParseAddress is how networks read an address.
var ParseAddress = parseAddress

// MatchStrictly is Match by way of encoding/json alone, every member of every
// object taken. It is what the scanner is held to.
func (m *Matcher) MatchStrictly(src sigma.LogSource, kind string, raw []byte) ([]int, error) {
	root, err := decode(raw)
	if err != nil {
		return nil, err
	}
	m.src, m.run = src, m.runOf(src)
	m.begin(kind)
	m.read(root, m.run.route.paths.nodes[0])
	return m.run.matching(nil), nil
}

// tree is a value of an event as encoding/json reads it, but with every member
// of every object.
type tree struct {
	kind    kind
	text    string // a string's content; anything else as it is written
	members []member
	items   []tree
}

type member struct {
	key string
	tree
}

// errNoObject is the fault of JSON that is no event.
var errNoObject = errors.New("an event has to be a JSON object")

// decode reads an event strictly and slowly. It is what the scanner is held to.
func decode(raw []byte) (tree, error) {
	if !json.Valid(raw) {
		return tree{}, errors.New("not valid JSON")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	root := decodeValue(d, string(raw))
	if root.kind != kindObject {
		return tree{}, errNoObject
	}
	return root, nil
}

// decodeValue reads one value of valid JSON, which is raw from its start on.
func decodeValue(d *json.Decoder, raw string) tree {
	tok, err := d.Token()
	if err != nil {
		return tree{}
	}
	start := d.InputOffset() - 1
	switch tok := tok.(type) {
	case json.Delim:
		t := tree{kind: kindObject}
		if tok == '[' {
			t.kind = kindArray
		}
		for d.More() {
			if t.kind == kindArray {
				t.items = append(t.items, decodeValue(d, raw))
				continue
			}
			key, _ := d.Token() // a text, since the JSON is valid
			t.members = append(t.members, member{fmt.Sprint(key), decodeValue(d, raw)})
		}
		_, _ = d.Token() // the closing bracket
		t.text = raw[start:d.InputOffset()]
		return t
	case string:
		return tree{kind: kindString, text: tok}
	case json.Number:
		return tree{kind: kindNumber, text: tok.String()}
	case bool:
		return tree{kind: kindBool, text: fmt.Sprint(tok)}
	}
	return tree{kind: kindNull, text: "null"}
}

// read keeps the values of a tree that rules read.
func (m *Matcher) read(t tree, n *pathNode) {
	if t.kind == kindArray && len(t.items) > 0 {
		for _, it := range t.items {
			m.read(it, n)
		}
		return
	}
	for _, mem := range t.members {
		var below *pathNode
		if n != nil {
			below = n.child([]byte(mem.key))
		}
		m.read(mem.tree, below) // for its texts, if for nothing else
	}
	read, searched := n != nil && n.field >= 0, t.kind == kindString && m.run.route.keywords
	if !read && !searched { // an object that nobody reads is not copied at each of its levels
		return
	}
	v := value{kind: t.kind}
	v.text, v.ascii = m.written([]byte(t.text))
	if read {
		m.run.keep(n.field, v)
	}
	if searched {
		m.run.keepText(v)
	}
}
