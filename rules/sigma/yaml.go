package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a rule file; the largest public ones are below 64 KiB.
const maxFile = 1 << 20

// Document is one YAML document of a file.
type Document struct {
	Place
	Root *ast.MappingNode
}

// ParseDocuments splits a file into its documents and parses each; a faulty
// one does not take the others down.
func ParseDocuments(file string, src []byte) ([]Document, Faults) {
	if len(src) > maxFile {
		return nil, Faults{{File: file, Line: 1, Column: 1, Message: fmt.Sprintf("%d bytes are more than the %d that a policy file may have", len(src), maxFile)}}
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")) // some editors begin a file with a byte order mark
	var docs []Document
	var faults Faults
	start := 1
	for _, part := range split(src) {
		place := Place{File: file, Source: part, Line: start}
		start += bytes.Count(part, []byte("\n"))
		root, fault := parseDocument(place)
		switch {
		case fault != nil:
			faults = append(faults, *fault)
		case root != nil:
			docs = append(docs, Document{Place: place, Root: root})
		}
	}
	return docs, faults
}

// split cuts a file at its document markers; a marker starts the document
// behind it, so that lines keep their numbers.
func split(src []byte) [][]byte {
	var parts [][]byte
	from := 0
	for i := 0; i < len(src); {
		end := bytes.IndexByte(src[i:], '\n')
		if end < 0 {
			end = len(src) - i - 1
		}
		if isMarker(src[i:i+end+1]) && i > from {
			parts = append(parts, src[from:i])
			from = i
		}
		i += end + 1
	}
	return append(parts, src[from:])
}

// isMarker says whether a line is a document marker, alone or with content or
// a comment behind it.
func isMarker(line []byte) bool {
	rest, ok := bytes.CutPrefix(line, []byte("---"))
	return ok && (len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0)
}

func parseDocument(place Place) (root *ast.MappingNode, fault *Fault) {
	// The parser is a library and the file is anybody's.
	defer func() {
		if r := recover(); r != nil {
			fault = &Fault{File: place.File, Line: place.Line, Column: 1, Message: fmt.Sprintf("the YAML parser gave up: %v", r)}
		}
	}()
	tokens := lexer.Tokenize(string(place.Source))
	if f := refused(place, tokens); f != nil {
		return nil, f
	}
	file, err := parser.Parse(tokens, 0)
	if err != nil {
		return nil, yamlFault(place, err)
	}
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.NullNode:
			continue
		}
		if root != nil { // behind the end marker "..."
			f := place.At(doc.Body, "another document begins here; write --- before it")
			return nil, &f
		}
		if root = mapping(doc.Body); root == nil {
			f := place.At(doc.Body, "a document of a policy is a mapping of keys to values")
			return nil, &f
		}
	}
	return root, nil
}

func mapping(body ast.Node) *ast.MappingNode {
	switch body := body.(type) {
	case *ast.MappingNode:
		return body
	case *ast.MappingValueNode:
		return ast.Mapping(body.Start, false, body)
	}
	return nil
}

func yamlFault(place Place, err error) *Fault {
	f := Fault{File: place.File, Line: place.Line, Column: 1, Message: err.Error()}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil {
		f = place.atToken(syntax.Token, "%s", syntax.Message)
		f.Width = 0
	}
	return &f
}

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
