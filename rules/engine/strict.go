package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// DuplicateKeyError says that an object of an event has a key more than once
// where a rule reads: readers differ in which one they take, so the event means
// different things to different people. Nobody's serializer writes that.
type DuplicateKeyError struct {
	Key string // dotted, from the event's root
}

// Error names the key.
func (e *DuplicateKeyError) Error() string {
	return fmt.Sprintf("event: key %q stands more than once in an object", e.Key)
}

// reading is which of the members of one key an object has.
type reading uint8

const (
	everyMember reading = iota
	firstMember
	lastMember
)

// ambiguous matches an event in which a key stands twice: under each reading,
// since one that no rule reads must not hide what another one shows.
func (m *Matcher) ambiguous(dst []int, kind string) ([]int, error) {
	from := len(dst)
	dst = m.run.matching(dst)
	root, err := decode(m.raw)
	if err != nil {
		return dst[:from], fmt.Errorf("event: %w", err)
	}
	for _, r := range []reading{firstMember, lastMember} {
		m.begin(kind)
		m.read(root, m.run.route.paths.nodes[0], r)
		dst = m.run.matching(dst)
	}
	return union(dst, from), &DuplicateKeyError{Key: root.duplicate(m.run.route.paths.nodes[0])}
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
func (m *Matcher) read(t tree, n *pathNode, r reading) {
	if t.kind == kindArray && len(t.items) > 0 {
		for _, it := range t.items {
			m.read(it, n, r)
		}
		return
	}
	taken := t.taken(r)
	for i, mem := range t.members {
		var below *pathNode
		if n != nil && taken(i) {
			below = n.child([]byte(mem.key))
		}
		m.read(mem.tree, below, r) // for its texts, if for nothing else
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

// taken says which members a reading takes.
func (t tree) taken(r reading) func(i int) bool {
	if r == everyMember {
		return func(int) bool { return true }
	}
	at := map[string]int{}
	for i, mem := range t.members {
		if _, again := at[mem.key]; !again || r == lastMember {
			at[mem.key] = i
		}
	}
	return func(i int) bool { return at[t.members[i].key] == i }
}

// duplicate returns the path of the first key that stands twice where n reads.
func (t tree) duplicate(n *pathNode) string {
	if n == nil {
		return ""
	}
	for _, it := range t.items {
		if s := it.duplicate(n); s != "" {
			return s
		}
	}
	seen := map[*pathNode]bool{}
	for _, mem := range t.members {
		below := n.child([]byte(mem.key))
		if below == nil {
			continue
		}
		if seen[below] {
			return mem.key
		}
		seen[below] = true
		if s := mem.duplicate(below); s != "" {
			return mem.key + "." + s
		}
	}
	return ""
}

// values appends the values at a path: of an array its members, or the array
// itself if it has none. A key that holds dots stands for as many steps.
func (t tree) values(path string, dst []tree) []tree {
	for _, mem := range t.members {
		switch rest, below := strings.CutPrefix(path, mem.key+"."); {
		case mem.key == path:
			dst = mem.flat(dst)
		case below:
			for _, v := range mem.flat(nil) {
				dst = v.values(rest, dst)
			}
		}
	}
	return dst
}

func (t tree) flat(dst []tree) []tree {
	if t.kind != kindArray || len(t.items) == 0 {
		return append(dst, t)
	}
	for _, it := range t.items {
		dst = it.flat(dst)
	}
	return dst
}

// union sorts what was appended from an index on, each once.
func union(dst []int, from int) []int {
	slices.Sort(dst[from:])
	return append(dst[:from], slices.Compact(dst[from:])...)
}
