// Package ingesttest has what the tests of sources share: a sink and bookmarks
// that remember what they were given.
package ingesttest

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

// Recorder remembers what it was told to store, and a batch or a proof that is
// repeated once, as the stream does. Its zero value is usable.
type Recorder struct {
	// MaxEvents, if not 0, is the most bytes of events that a batch may have.
	MaxEvents int

	mu        sync.Mutex
	failure   error
	batches   []event.Batch
	dead      []event.Dead
	marks     []event.Mark
	proofs    []event.Proof
	bookmarks map[string][]byte
}

// FailWith makes every later call fail; nil ends that.
func (r *Recorder) FailWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

// PublishBatch implements ingest.Sink.
func (r *Recorder) PublishBatch(_ context.Context, b event.Batch) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	size := 0
	for _, e := range b.Events {
		size += len(e.Raw)
	}
	if r.failure == nil && r.MaxEvents > 0 && size > r.MaxEvents {
		return stream.ErrTooLarge
	}
	same := func(old event.Batch) bool { return old.ID() == b.ID() }
	if r.failure == nil && !slices.ContainsFunc(r.batches, same) {
		r.batches = append(r.batches, b)
	}
	return r.failure
}

// PublishMark implements ingest.Sink.
func (r *Recorder) PublishMark(_ context.Context, m event.Mark) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure == nil {
		r.marks = append(r.marks, m)
	}
	return r.failure
}

// PublishDead implements ingest.Sink.
func (r *Recorder) PublishDead(_ context.Context, d event.Dead) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	d.Raw = bytes.Clone(d.Raw)
	if r.failure == nil {
		r.dead = append(r.dead, d)
	}
	return r.failure
}

// PublishProof implements ingest.Sink.
func (r *Recorder) PublishProof(_ context.Context, p event.Proof) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	id, err := p.ID()
	if err != nil {
		return err
	}
	same := func(old event.Proof) bool { o, err := old.ID(); return err == nil && o == id }
	if r.failure == nil && !slices.ContainsFunc(r.proofs, same) {
		r.proofs = append(r.proofs, p)
	}
	return r.failure
}

// Bookmark implements ingest.Bookmarks.
func (r *Recorder) Bookmark(_ context.Context, key string) ([]byte, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, ok := r.bookmarks[key]
	return v, ok, r.failure
}

// KeepBookmark implements ingest.Bookmarks.
func (r *Recorder) KeepBookmark(_ context.Context, key string, value []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.bookmarks == nil {
		r.bookmarks = map[string][]byte{}
	}
	if r.failure == nil {
		r.bookmarks[key] = value
	}
	return r.failure
}

// ReadEnvelopes implements ingest.Arrivals. A batch's sequence is its ordinal,
// from 1.
func (r *Recorder) ReadEnvelopes(_ context.Context, source string, after uint64, f func(uint64, event.Envelope) error) error {
	for i, b := range r.Batches() {
		if seq := uint64(i) + 1; seq > after && b.Source == source {
			if err := f(seq, b.Envelope); err != nil {
				return err
			}
		}
	}
	return nil
}

// Batches returns the batches so far.
func (r *Recorder) Batches() []event.Batch {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.batches)
}

// Events returns the events of all batches so far.
func (r *Recorder) Events() []event.Event {
	var all []event.Event
	for _, b := range r.Batches() {
		all = append(all, b.Events...)
	}
	return all
}

// Dead returns the dead letters so far.
func (r *Recorder) Dead() []event.Dead {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.dead)
}

// Proofs returns the proofs so far.
func (r *Recorder) Proofs() []event.Proof {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.proofs)
}

// Through returns the times of the marks so far.
func (r *Recorder) Through() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []time.Time
	for _, m := range r.marks {
		all = append(all, m.Through)
	}
	return all
}

// Log drops what it is told.
func Log() *slog.Logger { return slog.New(slog.DiscardHandler) }
