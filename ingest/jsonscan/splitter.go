package jsonscan

import (
	"bufio"
	"errors"
	"io"
)

// Splitter cuts a stream of JSON into records, in memory bounded by the
// largest record, whatever the size of the stream. It reads JSON Lines,
// documents one after the other, pretty-printed or not, arrays, and the
// elements of a document's array "Records" or "items".
//
// A record that is not well-formed ends at the line's end, so that a broken
// line costs itself only.
type Splitter struct {
	r      *bufio.Reader
	max    int
	line   int   // of the next byte, from 1
	offset int64 // of the next byte
	depth  int   // containers that are open around the records
	last   byte  // last byte that is no space
	buf    []byte
}

// NewSplitter returns a splitter whose records are at most the given number of
// bytes; a larger one is passed over and reported.
func NewSplitter(r io.Reader, most int) *Splitter {
	return &Splitter{r: bufio.NewReaderSize(r, 256<<10), max: most, line: 1}
}

// NotJSON is the fault of a line that does not begin like JSON.
const NotJSON = "not a JSON object"

// Cut is the fault of a stream that ends inside a record.
const Cut = "the file ends inside a record"

// Piece is a record, or what was found instead of one.
type Piece struct {
	Raw    []byte // valid until the next call
	Line   int    // where it begins, from 1
	Offset int64  // likewise, in bytes
	Fault  string // what is wrong, if it is no record
}

func (s *Splitter) readByte() (byte, error) {
	c, err := s.r.ReadByte()
	if err != nil {
		return 0, err
	}
	s.offset++
	if c == '\n' {
		s.line++
	}
	return c, nil
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// Next returns the next record; the error is io.EOF at the end.
func (s *Splitter) Next() (Piece, error) {
	for {
		c, err := s.readByte()
		if err != nil {
			return Piece{}, err
		}
		switch {
		case isSpace(c), c == ',' && s.depth > 0, c == 0xef || c == 0xbb || c == 0xbf: // and a byte order mark
			continue
		case c == ']' && s.depth > 0:
			if err := s.leave(); err != nil {
				return Piece{}, err
			}
		case c == '[' && s.depth == 0:
			s.depth = bare
		case c == '{':
			p, container, err := s.object()
			if err != nil || !container {
				return p, err
			}
		default:
			p := Piece{Line: s.line, Offset: s.offset - 1, Fault: NotJSON}
			s.buf = append(s.buf[:0], c)
			return p, s.restOfLine(&p)
		}
	}
}

// Kinds of containers around records, as values of depth.
const (
	bare    = 1 // an array
	wrapped = 2 // an array in an object
)

// leave ends a container; of a wrapping object the rest is skipped.
func (s *Splitter) leave() error {
	kind := s.depth
	s.depth = 0
	if kind != wrapped {
		return nil
	}
	open, inString, escaped := 1, false, false
	for open > 0 {
		c, err := s.readByte()
		if err != nil {
			return err
		}
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = c == '\\', c != '"'
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			open++
		case c == '}' || c == ']':
			open--
		}
	}
	return nil
}

// objectScan is where the Splitter is inside an object.
type objectScan struct {
	open              int // braces and brackets
	inString, escaped bool
	keyStart          int // in buf, of the latest string at depth 1
	key               string
	tooLarge          bool
}

// object reads an object whose brace was read. container says that it turned
// out to wrap records: then the Splitter stands before the first of them.
func (s *Splitter) object() (p Piece, container bool, err error) {
	p = Piece{Line: s.line, Offset: s.offset - 1}
	s.buf = append(s.buf[:0], '{')
	s.last = '{'
	o := objectScan{open: 1}
	for o.open > 0 {
		c, err := s.readByte()
		if errors.Is(err, io.EOF) {
			p.Fault = Cut
			return p, false, nil
		}
		if err != nil {
			return p, false, err
		}
		if c == '\n' && s.broken(&o) {
			p.Fault = "the record does not end on its line"
			return p, false, nil
		}
		if o.wraps(c, s) {
			s.depth = wrapped
			return p, true, nil
		}
		s.keep(c, &o)
	}
	p.Raw = s.buf
	if o.tooLarge {
		p.Raw, p.Fault = nil, "the record is too large"
	}
	return p, false, nil
}

func (s *Splitter) keep(c byte, o *objectScan) {
	if len(s.buf) < s.max {
		s.buf = append(s.buf, c)
	} else {
		o.tooLarge = true
	}
	if !isSpace(c) {
		s.last = c
	}
	switch {
	case o.escaped:
		o.escaped = false
	case o.inString:
		o.escaped, o.inString = c == '\\', c != '"'
		if !o.inString && o.open == 1 && !o.tooLarge {
			o.key = string(s.buf[o.keyStart : len(s.buf)-1])
		}
	case c == '"':
		o.inString, o.keyStart = true, len(s.buf)
	case c == '{' || c == '[':
		o.open++
	case c == '}' || c == ']':
		o.open--
	}
}

// wraps says whether c opens the array of a wrapping object.
func (o *objectScan) wraps(c byte, s *Splitter) bool {
	return c == '[' && !o.inString && o.open == 1 && s.depth == 0 && s.last == ':' && (o.key == "Records" || o.key == "items")
}

// broken says, at a line's end inside a record, whether the record is broken
// there: no string holds a line break, and where a value could not end the
// next line does not begin with a new object.
func (s *Splitter) broken(o *objectScan) bool {
	if o.inString {
		return true
	}
	if s.depth != 0 || s.last == ',' || s.last == '[' || s.last == ':' {
		return false
	}
	next, err := s.r.Peek(1)
	return err == nil && next[0] == '{'
}

// restOfLine reads on to the line's end, for the reader's eyes.
func (s *Splitter) restOfLine(p *Piece) error {
	for {
		c, err := s.readByte()
		if errors.Is(err, io.EOF) || c == '\n' {
			p.Raw = nil
			return nil
		}
		if err != nil {
			return err
		}
	}
}
