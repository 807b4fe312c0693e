package cloudtrail

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

const (
	// maxRecord bounds a record; CloudTrail's own bound on events is 1 MB.
	maxRecord = 16 << 20
	// batchEvents bounds how many records are held before they are stored.
	batchEvents = 500
)

// errGrowing says that a file ends early and may still be in the writing.
var errGrowing = errors.New("the file is not complete yet")

// read stores a file's records. settled says that nobody writes to the file
// any more, so that an early end is a fault.
func (f *Folder) read(ctx context.Context, path string, settled bool) (newest time.Time, err error) {
	r := &fileReader{folder: f, settled: settled}
	if r.env, err = f.envelope(path); err != nil {
		return newest, err
	}
	file, err := os.Open(path)
	if err != nil {
		return newest, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	content, err := unpacked(file)
	if err != nil {
		return newest, r.early(ctx, err.Error())
	}
	s := jsonscan.NewSplitter(content, maxRecord)
	for index := 0; ; index++ {
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			return r.newest, r.flush(ctx)
		}
		if err != nil {
			return r.newest, r.early(ctx, err.Error())
		}
		if p.Early() {
			return r.newest, r.early(ctx, p.Fault)
		}
		if err := r.take(ctx, p, index); err != nil {
			return r.newest, err
		}
	}
}

// envelope digests the file, which identifies the delivery.
func (f *Folder) envelope(path string) (event.Envelope, error) {
	file, err := os.Open(path)
	if err != nil {
		return event.Envelope{}, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return event.Envelope{}, err
	}
	env := f.Source.Envelope(path, f.Now().UTC(), nil)
	env.Digest = event.Digest(h.Sum(nil))
	return env, nil
}

// fileReader gathers the records of one file.
type fileReader struct {
	folder  *Folder
	env     event.Envelope
	settled bool
	events  []event.Event
	dead    []event.Dead
	size    int // of events and dead, in bytes
	newest  time.Time
}

func (r *fileReader) take(ctx context.Context, p jsonscan.Piece, index int) error {
	e, err := event.Event{}, error(nil)
	if p.Fault != "" {
		err = errors.New(p.Fault)
	} else {
		e, err = Identify(append([]byte(nil), p.Raw...))
	}
	if err != nil {
		r.bury(err.Error(), index, p.Raw)
	} else {
		e.Index = index
		r.events = append(r.events, e)
	}
	r.size += len(p.Raw)
	if len(r.events)+len(r.dead) >= batchEvents || r.size >= ingest.MaxBatch {
		return r.flush(ctx)
	}
	return nil
}

func (r *fileReader) bury(reason string, index int, raw []byte) {
	r.dead = append(r.dead, event.Dead{
		Envelope: r.env, Cause: "malformed", Index: index,
		Reason: fmt.Sprintf("%s record %d: %s", r.env.Origin, index, reason),
		Raw:    append([]byte(nil), raw[:min(len(raw), event.MaxDead)]...),
	})
}

// early deals with a file that ends before its records do.
func (r *fileReader) early(ctx context.Context, reason string) error {
	if !r.settled {
		return errGrowing
	}
	r.bury(reason, -1, nil)
	return r.flush(ctx)
}

func (r *fileReader) flush(ctx context.Context) error {
	if last := ingest.Newest(r.events); last.After(r.newest) {
		r.newest = last
	}
	err := r.folder.Store(ctx, r.env, r.events, r.dead)
	r.events, r.dead, r.size = nil, nil, 0
	return err
}

// unpacked looks at the first bytes, not at the name.
func unpacked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, _ := b.Peek(2) // whoever reads on finds out
	if string(magic) == "\x1f" {
		return nil, io.ErrUnexpectedEOF // no JSON begins so
	}
	if string(magic) != "\x1f\x8b" {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return z, nil
}
