package sigma

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// Fault is one thing that is wrong in a file that a person wrote.
type Fault struct {
	File    string
	Line    int // from 1
	Column  int // from 1, in characters
	Message string
	Excerpt string // the line, as it stands
	Width   int    // of what is wrong, in characters; 0 for one
}

// Error gives the place, what is wrong, and the line with a caret below it:
//
//	rules/k8s.yaml:3:12: grace: "5x" is not a duration; write "5m" or "1h30m"
//	3 |     grace: 5x
//	               ^
func (f Fault) Error() string {
	s := fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, f.Message)
	if f.Excerpt == "" {
		return s
	}
	margin := fmt.Sprintf("%d | ", f.Line)
	pad := strings.Map(func(r rune) rune {
		if r == '\t' {
			return '\t'
		}
		return ' '
	}, firstRunes(f.Excerpt, f.Column-1))
	return fmt.Sprintf("%s\n%s%s\n%s%s%s", s, margin, f.Excerpt, strings.Repeat(" ", len(margin)), pad,
		strings.Repeat("^", max(1, f.Width)))
}

func firstRunes(s string, n int) string {
	r := []rune(s)
	return string(r[:min(max(n, 0), len(r))])
}

// Faults are all the things that are wrong.
type Faults []Fault

// Error lists them, one after the other.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// Unique returns each fault once: one in what several rules have in common is
// found with each of them.
func (fs Faults) Unique() Faults {
	seen := map[Fault]bool{}
	return slices.DeleteFunc(fs, func(f Fault) bool {
		again := seen[f]
		seen[f] = true
		return again
	})
}

// Err returns fs as an error, or nil if there is nothing wrong.
func (fs Faults) Err() error {
	if len(fs) == 0 {
		return nil
	}
	return fs
}

// Place is where a document stands in its file.
type Place struct {
	File string
	Line int // of the document's first line in the file, from 1

	text *fileText
}

// fileText is a file whose lines can be shown: a fault in each of them must not
// read all those before it again.
type fileText struct {
	src   []byte
	lines []int // where each begins
}

func newFileText(src []byte) *fileText {
	t := &fileText{src: src, lines: []int{0}}
	for i, c := range src {
		if c == '\n' {
			t.lines = append(t.lines, i+1)
		}
	}
	return t
}

// At returns a fault at a node of the document.
func (p Place) At(node ast.Node, format string, args ...any) Fault {
	switch n := node.(type) {
	case nil:
		return p.atToken(nil, format, args...)
	case *ast.MappingNode: // whose token is the first colon
		if !n.IsFlowStyle && len(n.Values) > 0 {
			node = n.Values[0].Key
		}
	case *ast.MappingValueNode:
		node = n.Key
	}
	return p.atToken(node.GetToken(), format, args...)
}

func (p Place) atToken(tok *token.Token, format string, args ...any) Fault {
	f := Fault{File: p.File, Line: p.Line, Column: 1, Message: fmt.Sprintf(format, args...)}
	if tok == nil || tok.Position == nil {
		return f
	}
	f.Line = tok.Position.Line
	f.Column = max(1, tok.Position.Column)
	f.Excerpt = p.line(f.Line)
	f.Width = len([]rune(tok.Value))
	if rest := len([]rune(f.Excerpt)) - f.Column + 1; f.Width > rest || strings.Contains(tok.Value, "\n") {
		f.Width = max(1, rest)
	}
	return f
}

// line returns line n of the file, or nothing if there is none.
func (p Place) line(n int) string {
	if p.text == nil || n < 1 || n > len(p.text.lines) {
		return ""
	}
	found, _, _ := bytes.Cut(p.text.src[p.text.lines[n-1]:], []byte("\n"))
	return strings.TrimRight(string(found), "\r")
}
