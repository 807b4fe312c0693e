package sigma

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds a rule file; the largest public ones are below 64 KiB.
const maxFile = 1 << 20

// Document is one YAML document of a file, or what several make together.
type Document struct {
	Place
	// Source is the exact text, of all of them in the order of the file.
	Source []byte
	Root   *ast.MappingNode
}

// ParseDocuments splits a file into its documents and parses each; a faulty
// one does not take the others down.
func ParseDocuments(file string, src []byte) ([]Document, Faults) {
	if len(src) > maxFile {
		return nil, Faults{{File: file, Line: 1, Column: 1, Message: fmt.Sprintf("%d bytes are more than the %d that a policy file may have", len(src), maxFile)}}
	}
	if bytes.HasPrefix(src, []byte("\xff\xfe")) || bytes.HasPrefix(src, []byte("\xfe\xff")) {
		return nil, Faults{{File: file, Line: 1, Column: 1, Message: "the file is UTF-16; save it as UTF-8"}}
	}
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf")) // some editors begin a file with a byte order mark
	var docs []Document
	var faults Faults
	start, text := 1, newFileText(src)
	for _, part := range split(src) {
		d := Document{Place: Place{File: file, Line: start, text: text}, Source: part}
		start += bytes.Count(part, []byte("\n"))
		fault := d.parse()
		switch {
		case fault != nil:
			faults = append(faults, *fault)
		case d.Root != nil:
			docs = append(docs, d)
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

// parse reads the document's text. Its tokens know their lines in the file, so
// that a fault finds its place wherever a node ends up.
func (d *Document) parse() (fault *Fault) {
	// The parser is a library and the file is anybody's.
	defer func() {
		if r := recover(); r != nil {
			fault = &Fault{File: d.File, Line: d.Line, Column: 1, Message: fmt.Sprintf("the YAML parser gave up: %v", r)}
		}
	}()
	if f := d.notUTF8(); f != nil {
		return f
	}
	tokens := lexer.Tokenize(string(d.Source))
	for _, t := range tokens {
		t.Position.Line += d.Line - 1
	}
	if f := refused(d.Place, tokens); f != nil {
		return f
	}
	file, err := parser.Parse(tokens, 0)
	for _, t := range tokens { // else each node keeps all of the file's
		t.Prev, t.Next = nil, nil
	}
	if err != nil {
		return yamlFault(d.Place, err)
	}
	for _, doc := range file.Docs {
		switch doc.Body.(type) {
		case nil, *ast.CommentGroupNode, *ast.NullNode:
			continue
		}
		if d.Root != nil { // behind the end marker "..."
			f := d.At(doc.Body, "another document begins here; write --- before it")
			return &f
		}
		if d.Root = mapping(doc.Body); d.Root == nil {
			f := d.At(doc.Body, "a document of a policy is a mapping of keys to values")
			return &f
		}
	}
	return nil
}

// notUTF8 finds the first byte that is no UTF-8: an event has other letters
// there, and a rule would never match them.
func (d *Document) notUTF8() *Fault {
	if utf8.Valid(d.Source) {
		return nil
	}
	valid := 0
	for r, n := rune(0), 0; ; valid += n {
		if r, n = utf8.DecodeRune(d.Source[valid:]); r == utf8.RuneError && n <= 1 {
			break
		}
	}
	line := bytes.Count(d.Source[:valid], []byte("\n"))
	column := utf8.RuneCount(d.Source[bytes.LastIndexByte(d.Source[:valid], '\n')+1 : valid])
	return &Fault{File: d.File, Line: d.Line + line, Column: column + 1, Message: "the file is not UTF-8; save it in that encoding", Excerpt: d.line(d.Line + line)}
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

// twice is how the parser says that a mapping has a key again.
var twice = regexp.MustCompile(`^mapping key ("?[^"]*"?) already defined at \[(\d+):\d+\]$`)

// inWords says what the parser says in the words of whoever wrote the file.
func inWords(message string) string {
	if m := twice.FindStringSubmatch(message); m != nil {
		return "key " + m[1] + " stands twice, first in line " + m[2]
	}
	switch {
	case strings.Contains(message, "'\t'"), strings.Contains(message, "tab character"):
		return "YAML is indented with spaces, and not with tabs"
	case strings.Contains(message, "not allowed in this context"), message == "non-map value is specified", strings.HasPrefix(message, "unexpected key name"):
		return message + "; is the line indented as its neighbours are?"
	}
	return message
}

func yamlFault(place Place, err error) *Fault {
	f := Fault{File: place.File, Line: place.Line, Column: 1, Message: err.Error()}
	var syntax *yaml.SyntaxError
	if errors.As(err, &syntax) && syntax.Token != nil {
		f = place.atToken(syntax.Token, "%s", inWords(syntax.Message))
		f.Width = 0
	}
	return &f
}
