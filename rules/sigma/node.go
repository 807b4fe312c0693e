package sigma

import (
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Pairs returns the keys and values of a mapping node, or ok false if node is
// no mapping.
func Pairs(node ast.Node) (pairs []Pair, ok bool) {
	var values []*ast.MappingValueNode
	switch n := Unwrap(node).(type) {
	case *ast.MappingNode:
		values = n.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{n}
	default:
		return nil, false
	}
	for _, v := range values {
		pairs = append(pairs, Pair{Key: keyText(v.Key), KeyNode: v.Key, Value: Unwrap(v.Value)})
	}
	return pairs, true
}

// Pair is one key of a mapping with its value.
type Pair struct {
	Key     string
	KeyNode ast.Node
	Value   ast.Node
}

func keyText(k ast.MapKeyNode) string {
	if s, ok := Text(k); ok {
		return s
	}
	return k.String()
}

// Items returns the elements of a sequence node, or ok false if node is none.
func Items(node ast.Node) (items []ast.Node, ok bool) {
	seq, ok := Unwrap(node).(*ast.SequenceNode)
	if !ok {
		return nil, false
	}
	for _, v := range seq.Values {
		items = append(items, Unwrap(v))
	}
	return items, true
}

// OneOrMore returns the elements of a sequence node, or the node alone if it is
// none: people write a list of one without its brackets.
func OneOrMore(node ast.Node) []ast.Node {
	if items, ok := Items(node); ok {
		return items
	}
	return []ast.Node{node}
}

// Unwrap removes anchors and tags around a node.
func Unwrap(node ast.Node) ast.Node {
	for {
		switch n := node.(type) {
		case *ast.AnchorNode:
			node = n.Value
		case *ast.TagNode:
			node = n.Value
		default:
			return node
		}
	}
}

// Text returns a scalar node's text as it is written, unquoted; ok is false
// for null and for anything that is no scalar.
func Text(node ast.Node) (text string, ok bool) {
	switch n := Unwrap(node).(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return strings.TrimSpace(n.GetToken().Value), true
	}
	return "", false
}

// IsNull says whether the node is YAML's null.
func IsNull(node ast.Node) bool {
	_, ok := node.(*ast.NullNode)
	return ok || node == nil
}
