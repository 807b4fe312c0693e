// Package logfile reads logs that people already have: files and folders of
// CloudTrail, Kubernetes audit, GitHub and GitLab audit logs and webhooks, Argo
// CD, Flux, CDEvents and approvals, plain or gzip, one after the other or mixed. What a record is, is
// recognised from its content.
//
// Memory is bounded by the largest record, not by the file. What cannot be
// read is reported with its place, and the reading goes on behind it.
package logfile

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/jsonscan"
)

// DefaultMaxRecord bounds a record in bytes.
const DefaultMaxRecord = 16 << 20

// Options say how to read.
type Options struct {
	MaxRecord int       // bytes; 0: DefaultMaxRecord
	Received  time.Time // what events that do not say their time are judged by
	// Progress, if set, is told how many of all bytes are read.
	Progress func(file string, read, total int64)
}

// Record is one event with what is known of where it came from. The source is
// named after its kind: cloudtrail, kubernetes, github, github-audit, gitlab,
// gitlab-audit, argocd, flux, ci, approvals.
type Record struct {
	Envelope event.Envelope
	Event    event.Event
}

// Bad is something that could not be read.
type Bad struct {
	File   string
	Index  int   // ordinal of the record in the file, from 0; -1: the file itself
	Line   int   // where it begins, from 1
	Offset int64 // likewise, in bytes of the content
	Reason string
}

// Walk reads files and folder trees in the order of their names. It stops at
// the first error that record returns, or when ctx ends.
func Walk(ctx context.Context, paths []string, opts Options, record func(Record) error, bad func(Bad)) error {
	if opts.MaxRecord == 0 {
		opts.MaxRecord = DefaultMaxRecord
	}
	w := &walker{ctx: ctx, opts: opts, record: record, bad: bad}
	for _, p := range paths {
		size := func(_ string, size int64) error { w.total += size; return nil }
		if err := list(p, size, func(Bad) {}); err != nil {
			return err
		}
	}
	for _, p := range paths {
		if err := list(p, w.file, bad); err != nil {
			return err
		}
	}
	return nil
}

type walker struct {
	ctx         context.Context //nolint:containedctx // lives as long as one call of Walk
	opts        Options
	record      func(Record) error
	bad         func(Bad)
	done, total int64
}

// list calls f for each regular file below a path, which may itself be a link
// or a pipe.
func list(path string, f func(name string, size int64) error, bad func(Bad)) error {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		path += string(filepath.Separator) // through a link
	}
	return filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			bad(Bad{File: name, Index: -1, Reason: err.Error()})
			return nil
		}
		if name == path {
			return whatWasNamed(name, f)
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() {
			return nil // gone meanwhile, or a link, which may lead in circles
		}
		return f(name, info.Size())
	})
}

// whatWasNamed calls f unless the path is a folder: whatever somebody names is
// what they want to have read.
func whatWasNamed(path string, f func(name string, size int64) error) error {
	info, err := os.Stat(path)
	if err == nil && info.IsDir() {
		return nil
	}
	size := int64(0)
	if err == nil {
		size = info.Size()
	}
	return f(path, size)
}

// file reads one file. A file that cannot be opened or unpacked is reported
// and does not end the walk.
func (w *walker) file(name string, size int64) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(name)
	if err != nil {
		w.bad(Bad{File: name, Index: -1, Reason: err.Error()})
		return nil
	}
	defer f.Close() //nolint:errcheck // it was only read
	counted := &countingReader{r: f, tell: func(n int64) {
		if w.opts.Progress != nil {
			w.opts.Progress(name, w.done+n, w.total)
		}
	}}
	err = Read(w.ctx, counted, name, w.opts, w.record, w.bad)
	w.done += size
	return err
}

// Read reads the records of one stream, which is called name. Content that is
// gzip is unpacked.
func Read(ctx context.Context, r io.Reader, name string, opts Options, record func(Record) error, bad func(Bad)) error {
	if opts.MaxRecord == 0 {
		opts.MaxRecord = DefaultMaxRecord
	}
	content, err := unpacked(r)
	if err != nil {
		bad(Bad{File: name, Index: -1, Reason: err.Error()})
		return nil
	}
	s := jsonscan.NewSplitter(content, opts.MaxRecord)
	for index := 0; ; index++ {
		if index%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			bad(Bad{File: name, Index: index, Reason: "the file ends early: " + err.Error()})
			return nil
		}
		if index == 0 && p.Fault == jsonscan.NotJSON && !namedLikeALog(name) {
			bad(Bad{File: name, Index: -1, Reason: "the file is no JSON, so it is passed over"})
			return nil
		}
		if err := deliver(p, name, index, opts, record, bad); err != nil {
			return err
		}
	}
}

// namedLikeALog says whether a file that does not begin with JSON may still
// hold some: then each line that is none is reported.
func namedLikeALog(name string) bool {
	switch filepath.Ext(strings.TrimSuffix(name, ".gz")) {
	case "", ".json", ".jsonl", ".ndjson", ".log":
		return true
	}
	return false
}

func deliver(p jsonscan.Piece, name string, index int, opts Options, record func(Record) error, bad func(Bad)) error {
	where := Bad{File: name, Index: index, Line: p.Line, Offset: p.Offset, Reason: p.Fault}
	if p.Fault != "" {
		bad(where)
		return nil
	}
	o, e, err := recognise(append([]byte(nil), p.Raw...))
	if err != nil {
		where.Reason = err.Error()
		bad(where)
		return nil
	}
	e.Index = index
	return record(Record{
		Envelope: event.Envelope{Source: o.source, Product: o.product, Service: o.service, Origin: name, Received: opts.Received},
		Event:    e,
	})
}

// unpacked looks at the first bytes, not at the name.
func unpacked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	if magic, _ := b.Peek(2); string(magic) != "\x1f\x8b" { // whoever reads on finds out
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return z, nil
}

// countingReader tells now and then how much was read.
type countingReader struct {
	r    io.Reader
	n    int64
	told int64
	tell func(int64)
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.n-c.told > 1<<20 || err != nil {
		c.told = c.n
		c.tell(c.n)
	}
	return n, err
}
