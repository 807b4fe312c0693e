package ingest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sidedoor/event"
)

// Intake is what a source puts its deliveries into, and all that it needs for
// that. It is made once for each source.
type Intake struct {
	Source    Source
	Sink      Sink
	Bookmarks Bookmarks
	Arrivals  Arrivals
	Coverage  *Coverage
	Metrics   *Metrics
	// Gate bounds the memory of what is received; nil: it is not bounded.
	Gate *Gate
	Now  func() time.Time
	Log  *slog.Logger
}

// Bookmarks remember places in sources. Keys are of any form, and of all sources
// together, so a key begins with its source's name.
type Bookmarks interface {
	// Bookmark returns what was kept under key, and whether there is anything.
	Bookmark(ctx context.Context, key string) (value []byte, found bool, err error)
	// KeepBookmark keeps value under key. Nil means that it is on disk.
	KeepBookmark(ctx context.Context, key string, value []byte) error
}

// Arrivals tell what is on the stream already, for sources that compare it with
// what was sent.
type Arrivals interface {
	// ReadEnvelopes calls f with the envelope of every batch of a source that is
	// stored now and whose sequence is above after, in order, until f fails.
	ReadEnvelopes(ctx context.Context, source string, after uint64, f func(seq uint64, e event.Envelope) error) error
}

// Bounds of the wait after a fetch that failed.
const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// Poll calls fetch until ctx ends, and returns nil then: after every pause if it
// went well, and else after a wait that grows with each failure, or that the
// error asks for as a [backoff.RetryAfterError]. fetch returns the newest time of
// the events that it stored; [ErrNothing] says that it was told nothing, not even
// that there is nothing new, so that nothing is known of the source's coverage.
func (in Intake) Poll(ctx context.Context, every time.Duration, fetch func(context.Context) (newest time.Time, err error)) error {
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = firstRetry, lastRetry
	for ctx.Err() == nil {
		end := in.Coverage.Begin()
		newest, err := fetch(ctx)
		if ctx.Err() != nil {
			end(newest, ErrNothing) // it was cut off, which says nothing of the source
			return nil
		}
		end(newest, err)
		next := every
		if err != nil && !errors.Is(err, ErrNothing) {
			next = wait.NextBackOff()
			if asked, ok := errors.AsType[*backoff.RetryAfterError](err); ok {
				next = max(next, asked.Duration)
			}
			in.Log.Warn("source not read; it will be tried again", "source", in.Source.Name, "in", next.Round(time.Second), "err", err)
		} else {
			wait.Reset()
		}
		pause(ctx, next)
	}
	return nil
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
