package engine

import (
	"bytes"
	"strings"
)

// trie holds the field paths that are read, key by key.
type trie struct {
	children map[string]*trie
	field    int // index of the field that ends here, or -1
}

func newTrie() *trie { return &trie{field: -1} }

// add returns the node of a dotted path.
func (t *trie) add(path string) *trie {
	for key := range strings.SplitSeq(path, ".") {
		next := t.children[key]
		if next == nil {
			if t.children == nil {
				t.children = map[string]*trie{}
			}
			next = newTrie()
			t.children[key] = next
		}
		t = next
	}
	return t
}

// child returns the node below a key of an event, or nil. A key may hold dots
// itself: then it stands for as many steps of a path.
func (t *trie) child(key []byte) *trie {
	if t == nil || t.children == nil {
		return nil
	}
	if c := t.children[string(key)]; c != nil {
		return c
	}
	for {
		first, rest, dotted := bytes.Cut(key, []byte("."))
		if !dotted {
			return t.children[string(key)]
		}
		if t = t.children[string(first)]; t == nil || t.children == nil {
			return nil
		}
		key = rest
	}
}
