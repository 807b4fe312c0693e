package tail

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// line is a line as it is read.
type line struct {
	kept    []byte
	size    int64
	tooLong bool
	unended bool
}

// readLine reads a line, and adds its bytes to the marks. A line that does not
// end yet is [io.EOF], and is read again when there is more; of a file that has
// no more to come it is the last line.
func (f *file) readLine(r *bufio.Reader, m *marks, maxLine int) (line, error) {
	var l line
	b, err := r.ReadSlice('\n')
	if err == nil { // nearly always
		m.add(b)
		l.keep(b, maxLine)
		return l, nil
	}
	all := m.clone()
	for {
		all.add(b)
		l.keep(b, maxLine)
		if err == nil || !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
		b, err = r.ReadSlice('\n')
	}
	if err != nil && (!errors.Is(err, io.EOF) || !f.final || l.size == 0) {
		return line{}, err
	}
	l.unended = err != nil
	*m = all
	return l, nil
}

// keep takes the next bytes of the line. A file that was truncated under a
// writer that does not append begins with zeros, up to where the writer was.
func (l *line) keep(b []byte, maxLine int) {
	l.size += int64(len(b))
	if len(l.kept) == 0 {
		b = bytes.TrimLeft(b, "\x00")
	}
	// A line's end does not count, but what only looks like one must not pile up.
	if room := max(maxLine-len(l.kept), 0); len(bytes.TrimRight(b, "\r\n")) > room || len(b) > room+len("\r\n") {
		l.tooLong = true
		b = b[:room]
	}
	l.kept = append(l.kept, b...)
}
