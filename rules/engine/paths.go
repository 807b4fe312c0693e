package engine

import (
	"bytes"
	"strings"
)

// paths is the tree of the field paths that are read, key by key.
type paths struct {
	nodes []*pathNode // by number; the first is the root
}

// pathNode is where a path leads to.
type pathNode struct {
	number int32
	path   string // dotted
	field  int32  // that ends here, or -1
	// byKey has the children in the slots of their keys' hashes, one beside
	// the other where they collide.
	byKey    []pathChild
	mask     uint32
	firsts   [4]uint64 // the first bytes of the children's keys, as a set
	children []pathChild
	byName   map[string]*pathNode // the children again
	deeper   bool                 // some child has children
	crowded  bool                 // too many keys collide in byKey: byName is asked
}

type pathChild struct {
	key  string
	node *pathNode
}

func newPaths() *paths {
	p := &paths{}
	p.node("")
	return p
}

func (p *paths) node(path string) *pathNode {
	n := &pathNode{number: int32(len(p.nodes)), path: path, field: -1, byName: map[string]*pathNode{}}
	p.nodes = append(p.nodes, n)
	return n
}

// add returns the node of a dotted path.
func (p *paths) add(path string) *pathNode {
	n, end := p.nodes[0], -1
	for key := range strings.SplitSeq(path, ".") {
		end += len(key) + 1
		next := n.byName[key]
		if next == nil {
			next = p.node(path[:end])
			n.children, n.byName[key] = append(n.children, pathChild{key, next}), next
		}
		n = next
	}
	return n
}

// maxCollisions is how many keys may stand between one and its slot. The hash
// looks at few bytes; a tree whose keys differ in others alone is walked by its
// maps.
const maxCollisions = 16

// freeze makes the tree ready to be walked.
func (p *paths) freeze() {
	for _, n := range p.nodes {
		size := 1
		for size < 4*len(n.children) {
			size *= 2
		}
		n.byKey, n.mask = make([]pathChild, size), uint32(size-1)
		for _, c := range n.children {
			n.place(c)
			n.deeper = n.deeper || len(c.node.children) > 0
			if c.key != "" {
				n.firsts[c.key[0]>>6] |= 1 << (c.key[0] & 63)
			}
		}
	}
}

// place puts a child into its slot, or the next free one.
func (n *pathNode) place(c pathChild) {
	slot := keyHash([]byte(c.key)) & n.mask
	for range maxCollisions {
		if n.byKey[slot].node == nil {
			n.byKey[slot] = c
			return
		}
		slot = (slot + 1) & n.mask
	}
	n.crowded = true
}

// keyHash tells most keys of an object apart by looking at five of their bytes.
func keyHash(key []byte) uint32 {
	n := len(key)
	if n == 0 {
		return 0
	}
	h := uint32(n)*0x9e3779b1 ^ uint32(key[0])*0x85ebca6b ^ uint32(key[n-1])*0xc2b2ae35 ^ uint32(key[n/2])*0x27d4eb2f
	return h>>15 ^ h
}

// child returns the node below a key of an event, or nil. A key may hold dots
// itself: then it stands for as many steps of a path.
func (n *pathNode) child(key []byte) *pathNode {
	if len(n.children) == 0 {
		return nil
	}
	if n.crowded {
		if next := n.byName[string(key)]; next != nil {
			return next
		}
	} else {
		for slot := keyHash(key) & n.mask; n.byKey[slot].node != nil; slot = (slot + 1) & n.mask {
			if n.byKey[slot].key == string(key) {
				return n.byKey[slot].node
			}
		}
	}
	if !n.deeper || (len(key) > 0 && key[0] != '.' && n.firsts[key[0]>>6]>>(key[0]&63)&1 == 0) || bytes.IndexByte(key, '.') < 0 {
		return nil
	}
	return n.steps(key)
}

// steps follows a key that holds dots.
func (n *pathNode) steps(key []byte) *pathNode {
	for {
		first, rest, dotted := bytes.Cut(key, []byte("."))
		if n = n.byName[string(first)]; n == nil || !dotted {
			return n
		}
		key = rest
	}
}
