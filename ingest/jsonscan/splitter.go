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
	around container
	lines  bool // a record ended on the line that it began on
	last   byte // last byte that is no space
	buf    []byte
}

// container is what is open around the records.
type container int

const (
	nothing container = iota
	bare              // an array
	wrapped           // an array in an object
)

// NewSplitter returns a splitter whose records are at most the given number of
// bytes; a larger one is passed over and reported.
func NewSplitter(r io.Reader, most int) *Splitter {
	return &Splitter{r: bufio.NewReaderSize(r, 256<<10), max: max(most, 1), line: 1}
}

// The faults of what is no record.
const (
	NotJSON   = "not a JSON object"
	Cut       = "the file ends inside a record"
	CutArray  = "the file ends before its array does"
	Broken    = "the record does not end on its line"
	OpenArray = "the array before this line does not end"
	TooLarge  = "the record is too large"
)

// Piece is a record, or what was found instead of one.
type Piece struct {
	// Raw is the record or, with a Fault, the beginning of what was found. It
	// is valid until the next call.
	Raw    []byte
	Line   int    // where it begins, from 1
	Offset int64  // likewise, in bytes
	Fault  string // what is wrong, if it is no record
}

// Early says that the stream ended too early, as that of a file does that is
// still being written.
func (p Piece) Early() bool { return p.Fault == Cut || p.Fault == CutArray }

// Next returns the next record; the error is io.EOF at the end.
func (s *Splitter) Next() (Piece, error) {
	for {
		c, err := s.readByte()
		if errors.Is(err, io.EOF) && s.around != nothing {
			s.around = nothing
			return s.here(CutArray), nil
		}
		if err != nil {
			return Piece{}, err
		}
		switch {
		case isSpace(c), c == ',' && s.around != nothing, c == 0xef || c == 0xbb || c == 0xbf: // and a byte order mark
			continue
		case c == ']' && s.around != nothing:
			if fault, err := s.leave(); fault != "" || err != nil {
				return s.here(fault), err
			}
		case c == '[' && s.around == nothing:
			s.around = bare
		case c == '{':
			p, isRecord, err := s.object()
			if err != nil || isRecord {
				return p, err
			}
		default:
			return s.other(c)
		}
	}
}

func (s *Splitter) here(fault string) Piece {
	return Piece{Line: s.line, Offset: s.offset, Fault: fault}
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

// nesting is where a scan is inside a value.
type nesting struct {
	open              int // braces and brackets
	inString, escaped bool
}

func (n *nesting) step(c byte) {
	switch {
	case n.escaped:
		n.escaped = false
	case n.inString:
		n.escaped, n.inString = c == '\\', c != '"'
	case c == '"':
		n.inString = true
	case c == '{' || c == '[':
		n.open++
	case c == '}' || c == ']':
		n.open--
	}
}

// leave ends the container; of a wrapping object the rest is passed over.
func (s *Splitter) leave() (fault string, err error) {
	kind := s.around
	s.around, s.last = nothing, ']'
	if kind != wrapped {
		return "", nil
	}
	for in := (nesting{open: 1}); in.open > 0; {
		c, err := s.readByte()
		if errors.Is(err, io.EOF) {
			return CutArray, nil
		}
		if err != nil {
			return "", err
		}
		if c == '\n' && s.broken(in) {
			return Broken, nil
		}
		in.step(c)
		if !isSpace(c) {
			s.last = c
		}
	}
	return "", nil
}

// record is the state of reading one.
type record struct {
	nesting
	keyStart int // in buf, of the latest string at the top
	key      string
	tooLarge bool
}

// object reads an object whose brace was read. It is no record if it turns out
// to wrap records: then the Splitter stands before the first of them.
func (s *Splitter) object() (p Piece, isRecord bool, err error) {
	p = Piece{Line: s.line, Offset: s.offset - 1}
	s.buf = append(s.buf[:0], '{')
	s.last = '{'
	for o := (record{nesting: nesting{open: 1}}); o.open > 0; {
		s.run(&o)
		c, err := s.readByte()
		p.Raw = s.buf
		switch {
		case errors.Is(err, io.EOF):
			p.Fault, s.around = Cut, nothing
			return p, true, nil
		case err != nil:
			return p, true, err
		case c == '\n' && s.broken(o.nesting):
			p.Fault = Broken
			return p, true, nil
		case o.wraps(c, s):
			if s.around == wrapped {
				p.Fault = OpenArray
			}
			s.around = wrapped
			return p, p.Fault != "", nil
		}
		s.keep(c, &o)
		if o.tooLarge {
			p.Fault = TooLarge
		}
	}
	p.Raw = s.buf
	s.lines = s.lines || s.line == p.Line
	return p, true, nil
}

// run keeps the bytes ahead that change nothing in the nesting, all at once:
// most of a record are such.
func (s *Splitter) run(o *record) {
	if o.escaped {
		return
	}
	ahead, _ := s.r.Peek(s.r.Buffered()) // asks for no more than there is
	n := 0
	if o.inString {
		for n = special(ahead, 0); n < len(ahead) && ahead[n] < 0x20 && ahead[n] != '\n'; {
			n = special(ahead, n+1)
		}
	} else {
		for n < len(ahead) && !structural(ahead[n]) {
			if !isSpace(ahead[n]) {
				s.last = ahead[n]
			}
			n++
		}
	}
	fits := min(n, s.max-len(s.buf))
	s.buf = append(s.buf, ahead[:fits]...)
	o.tooLarge = o.tooLarge || fits < n
	s.offset += int64(n)
	_, _ = s.r.Discard(n) // they are there
}

func structural(c byte) bool {
	return c == '"' || c == '{' || c == '}' || c == '[' || c == ']' || c == '\n'
}

func (s *Splitter) keep(c byte, o *record) {
	if len(s.buf) < s.max {
		s.buf = append(s.buf, c)
	} else {
		o.tooLarge = true
	}
	if !isSpace(c) {
		s.last = c
	}
	was := o.inString
	o.step(c)
	switch {
	case o.open != 1 || o.tooLarge:
	case o.inString && !was:
		o.keyStart = len(s.buf)
	case was && !o.inString:
		o.key = string(s.buf[o.keyStart : len(s.buf)-1])
	}
}

// wraps says whether c opens the array of a wrapping object. Inside such an
// array that can only be the next document: the one before was cut off.
func (o *record) wraps(c byte, s *Splitter) bool {
	return c == '[' && !o.inString && !o.tooLarge && o.open == 1 && s.around != bare && s.last == ':' &&
		(o.key == "Records" || o.key == "items")
}

// broken says, at a line's end inside a value, whether the value is broken
// there: no string holds a line break, and where the next line begins with a
// brace, a value has to be due. Among lines of one record each, such a line is
// the next record even then.
func (s *Splitter) broken(in nesting) bool {
	if in.inString {
		return true
	}
	next, err := s.r.Peek(1)
	if err != nil || next[0] != '{' {
		return false
	}
	due := s.last == ':' || (in.open > 1 && (s.last == ',' || s.last == '['))
	return !due || s.lines
}

// maxShown bounds what is kept of a line that is no record, in bytes.
const maxShown = 64 << 10

// other passes over what is no object: a member of an array to its end,
// anything else to the line's end.
func (s *Splitter) other(c byte) (Piece, error) {
	p := Piece{Line: s.line, Offset: s.offset - 1, Fault: NotJSON}
	s.buf = append(s.buf[:0], c)
	var in nesting
	for in.step(c); ; in.step(c) {
		next, err := s.r.Peek(1)
		if len(next) == 0 && !errors.Is(err, io.EOF) {
			return p, err
		}
		p.Raw = s.buf
		if len(next) == 0 || next[0] == '\n' || (s.around != nothing && in.ends(next[0])) {
			return p, nil
		}
		if c, err = s.readByte(); err != nil {
			return p, err
		}
		if len(s.buf) < maxShown {
			s.buf = append(s.buf, c)
		}
	}
}

// ends says whether next comes behind a member of an array.
func (n *nesting) ends(next byte) bool {
	return !n.inString && n.open <= 0 && (next == ',' || next == ']')
}
