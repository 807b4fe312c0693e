package sigma

import (
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// span is a part of a text: n characters from character from on.
type span struct{ from, n int }

// within returns a fault at a part of a node whose text is given. Where the
// node is not written as its text reads, the fault is at the whole node.
func (p Place) within(node ast.Node, text string, part span, format string, args ...any) Fault {
	f := p.At(node, format, args...)
	if f.Excerpt == "" {
		return f
	}
	line, column, ok := p.find([]rune(text), part.from, f)
	if !ok {
		return f
	}
	f.Line, f.Column, f.Excerpt = line, column, p.line(line)
	f.Width = max(1, min(part.n, len([]rune(f.Excerpt))-column+1))
	return f
}

// find returns where character from of a text stands, if the text is written
// at f: in YAML's quotes or without, on one line or several.
func (p Place) find(text []rune, from int, f Fault) (line, column int, ok bool) {
	line, column = f.Line, f.Column
	src := []rune(f.Excerpt)
	next := func() rune { // the character at hand, or a line's end
		if column-1 < len(src) {
			return src[column-1]
		}
		return '\n'
	}
	step := func() bool {
		if next() != '\n' {
			column++
			return true
		}
		if line-f.Line > len(text) {
			return false
		}
		line, column = line+1, 1
		src = []rune(p.line(line))
		return true
	}
	switch next() {
	case '\'', '"':
		step()
	case '|', '>':
		for next() != '\n' {
			step()
		}
	}
	for at := 0; ; {
		for (at == 0 || at < len(text) && unicode.IsSpace(text[at])) && unicode.IsSpace(next()) {
			if !step() {
				return 0, 0, false
			}
		}
		switch {
		case at == from:
			return line, column, true
		case at < len(text) && at > 0 && unicode.IsSpace(text[at]):
			if next() == '\\' { // perhaps an escaped space
				return 0, 0, false
			}
			at++
		case at < len(text) && next() == text[at]:
			at++
			step()
		case next() == '\'' || next() == '\\': // an escape
			step()
			if at >= len(text) || next() != text[at] {
				return 0, 0, false
			}
		default:
			return 0, 0, false
		}
	}
}
