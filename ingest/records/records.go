// Package records reads files and objects that hold many JSON records, packed
// by gzip or not, and stores the events in them.
//
// Memory is bounded whatever the size of the content; so is what it may be
// unpacked to. A record that cannot be read costs itself only.
package records

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Bounds of what is read.
const (
	// maxRecord bounds a record; CloudTrail's own bound on events is 1 MB.
	maxRecord = 16 << 20
	// maxContent bounds what content may be unpacked to.
	maxContent = 8 << 30
	// maxDead bounds how many dead letters there are of one content: the content
	// itself stays where it is.
	maxDead = 1000
	// batchEvents bounds how many records are held before they are stored.
	batchEvents = 500
)

// ErrEarly says that content ends before its records do.
var ErrEarly = errors.New("it ends before its records do")

// Reader reads contents.
type Reader struct {
	ingest.Intake
	// Identify reads the events of one record, whose bytes are its own. With an
	// error beside them the record becomes a dead letter, too, or the parts of it
	// that a [Fault] names.
	Identify func(raw []byte) ([]event.Event, error)
	// Writing says that somebody may still be writing what is read: an early end
	// then is [ErrEarly], and else a dead letter.
	Writing bool
}

// One makes an Identify of a function that reads one event.
func One(identify func(raw []byte) (event.Event, error)) func([]byte) ([]event.Event, error) {
	return func(raw []byte) ([]event.Event, error) {
		e, err := identify(raw)
		if err != nil {
			return nil, err
		}
		return []event.Event{e}, nil
	}
}

// Result is what was read.
type Result struct {
	Newest time.Time // event
	Events int
	Dead   int // dead letters
	// Unpacked is the digest of the content, unpacked, as far as it was read.
	Unpacked event.Digest
}

// Read stores what a content holds. It fails if the content cannot be had, or
// something of it cannot be stored; a content that cannot be understood is
// stored, as a dead letter.
func (r Reader) Read(ctx context.Context, env event.Envelope, content io.Reader) (Result, error) {
	o := &open{Reader: r, env: env, source: &source{r: content}, sum: sha256.New()}
	err := o.read(ctx)
	o.result.Unpacked = event.Digest(o.sum.Sum(nil))
	return o.result, err
}

// open is a content that is being read.
type open struct {
	Reader
	env    event.Envelope
	source *source
	sum    hash.Hash // of what is unpacked
	head   []byte    // its beginning

	next   int // ordinal of the next event
	events []event.Event
	dead   []event.Dead
	untold int // dead letters beyond maxDead
	size   int // of events and dead, in bytes
	result Result
}

func (o *open) read(ctx context.Context) error {
	content, err := unpacked(o.source)
	if err != nil {
		return o.early(ctx, err.Error(), o.source.head)
	}
	limited := &io.LimitedReader{R: content, N: maxContent}
	s := jsonscan.NewSplitter(io.TeeReader(limited, o), maxRecord)
	for {
		p, err := s.Next()
		switch {
		case limited.N <= 0:
			o.bury("oversized", fmt.Sprintf("it is unpacked to more than %d bytes; the rest is not read", int64(maxContent)), -1, nil)
			return o.flush(ctx)
		case errors.Is(err, io.EOF):
			return o.end(ctx)
		case err != nil:
			return o.early(ctx, err.Error(), nil)
		case p.Early():
			return o.early(ctx, p.Fault, p.Raw)
		}
		if err := o.take(ctx, p); err != nil {
			return err
		}
	}
}

// Write sees what is unpacked.
func (o *open) Write(b []byte) (int, error) {
	o.sum.Write(b)
	o.head = append(o.head, b[:min(len(b), event.MaxDead-len(o.head))]...)
	return len(b), nil
}

// end says of a content without a single record that it is none: an empty list
// is one.
func (o *open) end(ctx context.Context) error {
	if o.source.err != nil {
		return o.source.err
	}
	if len(o.head) == 0 {
		return o.early(ctx, "it is empty", nil)
	}
	return o.flush(ctx)
}

func (o *open) take(ctx context.Context, p jsonscan.Piece) error {
	var events []event.Event
	err := error(nil)
	if p.Fault != "" {
		err = errors.New(p.Fault)
	} else {
		events, err = o.Identify(append([]byte(nil), p.Raw...))
	}
	for _, e := range events {
		e.Index = o.next
		o.events = append(o.events, e)
		o.next++
	}
	for _, f := range faults(err, p.Raw) {
		o.bury(f.Cause, f.Reason, o.next, f.Raw)
		o.next++
	}
	o.size += len(p.Raw)
	if len(o.events)+len(o.dead) >= batchEvents || o.size >= ingest.MaxBatch {
		return o.flushPart(ctx)
	}
	return nil
}

func (o *open) bury(cause, reason string, index int, raw []byte) {
	if o.result.Dead >= maxDead {
		o.untold++
		return
	}
	what := o.env.Origin
	if index >= 0 {
		what = fmt.Sprintf("%s record %d", what, index)
	}
	o.result.Dead++
	o.dead = append(o.dead, event.Dead{
		Envelope: o.env, Cause: cause, Index: index, Reason: what + ": " + reason,
		Raw: append([]byte(nil), raw[:min(len(raw), event.MaxDead)]...),
	})
}

// early deals with a content that ends before its records do. What is packed is
// not kept of it but what is unpacked: only there a secret can be seen.
func (o *open) early(ctx context.Context, reason string, raw []byte) error {
	if err := o.source.err; err != nil {
		return err
	}
	if o.Writing {
		return ErrEarly
	}
	if len(raw) == 0 && o.next == 0 {
		raw = o.head
	}
	o.bury("malformed", reason, -1, raw)
	return o.flush(ctx)
}

// flush stores the last of a content.
func (o *open) flush(ctx context.Context) error {
	if o.untold > 0 {
		o.dead = append(o.dead, event.Dead{
			Envelope: o.env, Cause: "malformed", Index: -1,
			Reason: fmt.Sprintf("%s: %d more records that cannot be read; look at them where they are", o.env.Origin, o.untold),
		})
	}
	return o.flushPart(ctx)
}

func (o *open) flushPart(ctx context.Context) error {
	err := o.Store(ctx, o.env, o.events, o.dead)
	if err == nil {
		o.result.Events += len(o.events)
		if last := ingest.Newest(o.events); last.After(o.result.Newest) {
			o.result.Newest = last
		}
	}
	o.events, o.dead, o.size = nil, nil, 0
	return err
}
