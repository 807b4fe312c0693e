package tail

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Bounds of a chunk: it ends behind the line that reaches one of them.
const (
	chunkBytes = 1 << 20
	chunkLines = 500
)

// errRenamed says that a name has no file or another one than when it was
// listed, so that it is to be listed again.
var errRenamed = errors.New("the file was renamed meanwhile")

// file is an open file, plain or gzip, and how far it is read.
type file struct {
	path     string
	handle   *os.File
	info     fs.FileInfo // which file it is
	unzip    *bufio.Reader
	buffer   *bufio.Reader // of a plain file
	offset   int64
	marks    marks
	modified time.Time
	looked   int64 // size when the last line had no end, or -1
	touched  bool  // it has changed since it was looked at whether it is intact
	final    bool  // nothing is written to it any more
	broken   bool  // it cannot be unpacked further
}

// open opens a file at its beginning.
func open(c candidate) (*file, error) {
	h, err := os.Open(c.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errRenamed
	}
	if err != nil {
		return nil, err
	}
	f := &file{path: c.path, handle: h, looked: -1}
	if f.info, err = h.Stat(); err == nil && !os.SameFile(f.info, c.info) {
		err = errRenamed
	}
	if err != nil {
		f.close()
		return nil, err
	}
	f.modified = f.info.ModTime()
	magic := make([]byte, 2)
	if n, _ := h.ReadAt(magic, 0); n == 2 && string(magic) == "\x1f\x8b" {
		f.final = true // it was compressed when nobody wrote to it any more
		zip, err := gzip.NewReader(bufio.NewReader(h))
		if err != nil {
			zip = nil // the first read says so
		}
		f.unzip = bufio.NewReaderSize(orBroken(zip, err), 64<<10)
	} else {
		f.buffer = bufio.NewReaderSize(nil, 64<<10)
	}
	return f, nil
}

// orBroken is a reader that has nothing but the error.
func orBroken(zip *gzip.Reader, err error) io.Reader {
	if err == nil {
		return zip
	}
	return io.MultiReader(failing{err})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func (f *file) close() { _ = f.handle.Close() } // it was only read

// holding says whether a file holds a position.
type holding int

const (
	elsewhere holding = iota
	here
	short // it begins as the position's file does, and ends before the position
)

// seek goes to a position, if the file holds it.
func (f *file) seek(p Position) holding {
	n := min(p.Offset, window)
	first, last := make([]byte, n), make([]byte, n)
	content := io.Reader(f.unzip)
	if f.unzip == nil {
		content = io.NewSectionReader(f.handle, 0, p.Offset)
	}
	if _, err := io.ReadFull(content, first); err != nil || digest(first) != p.First {
		return elsewhere
	}
	err := error(nil)
	if f.unzip == nil {
		_, err = f.handle.ReadAt(last, p.Offset-n)
	} else {
		err = f.passOver(first, last, p.Offset)
	}
	if errors.Is(err, io.EOF) {
		return short
	}
	if err != nil || digest(last) != p.Last {
		return elsewhere
	}
	f.offset, f.marks = p.Offset, marks{first, last}
	return here
}

// passOver reads up to an offset, behind the first bytes; last gets what is
// before the offset.
func (f *file) passOver(first, last []byte, offset int64) error {
	var m marks
	m.add(first)
	buf := make([]byte, 32<<10)
	for left := offset - int64(len(first)); left > 0; {
		n, err := f.unzip.Read(buf[:min(left, int64(len(buf)))])
		m.add(buf[:n])
		if left -= int64(n); err != nil && left > 0 {
			return err
		}
	}
	copy(last, m.last)
	return nil
}

// position is where the file is read to.
func (f *file) position() Position {
	p := Position{Offset: f.offset, Modified: f.modified}
	p.First, p.Last = f.marks.digests()
	return p
}

// intact says whether the file still has what was read of it: it may have been
// truncated and written anew in the meantime.
func (f *file) intact() bool {
	f.touched = false
	if f.unzip != nil {
		return true
	}
	has := func(want []byte, at int64) bool {
		got := make([]byte, len(want))
		_, err := f.handle.ReadAt(got, at)
		return (err == nil || errors.Is(err, io.EOF)) && bytes.Equal(got, want)
	}
	return has(f.marks.first, 0) && has(f.marks.last, f.offset-int64(len(f.marks.last)))
}

// read is what was read at once.
type read struct {
	all      []Line
	bytes    int64
	marks    marks
	lost     string
	caughtUp bool
}

// took says that what was read counts.
func (f *file) took(r read) { f.offset, f.marks = f.offset+r.bytes, r.marks }

// lines reads some lines from where the file is read to.
func (f *file) lines(maxLine int) (r read, err error) {
	r.marks = f.marks.clone()
	content := f.unzip
	if content == nil {
		size, err := f.grown()
		if err != nil || size == 0 {
			return r, err
		}
		content = f.buffer
		content.Reset(io.NewSectionReader(f.handle, f.offset, size-f.offset))
		defer func() {
			if f.looked = -1; r.caughtUp {
				f.looked = size
			}
		}()
	}
	for r.bytes < chunkBytes && len(r.all) < chunkLines && !f.broken {
		l, err := f.readLine(content, &r.marks, maxLine)
		switch {
		case err == nil:
			r.add(l)
		case errors.Is(err, io.EOF):
			r.caughtUp = true
			return r, nil
		case f.unzip == nil:
			return r, err
		default:
			f.broken = true
			r.lost = fmt.Sprintf("%s cannot be unpacked beyond byte %d of its content: %s", f.path, f.offset+r.bytes, err)
		}
	}
	return r, nil
}

// grown returns the size of a plain file, or 0 if it has nothing new.
func (f *file) grown() (int64, error) {
	info, err := f.handle.Stat()
	if err != nil {
		return 0, err
	}
	f.touched = f.touched || !info.ModTime().Equal(f.modified)
	f.modified = info.ModTime()
	if info.Size() <= f.offset || (info.Size() == f.looked && !f.final) {
		return 0, nil
	}
	return info.Size(), nil
}

func (r *read) add(l line) {
	r.bytes += l.size
	if raw := bytes.TrimSuffix(bytes.TrimSuffix(l.kept, []byte("\n")), []byte("\r")); len(raw) > 0 {
		r.all = append(r.all, Line{Raw: raw, TooLong: l.tooLong, Unended: l.unended})
	}
}
