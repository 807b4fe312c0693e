package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"sidedoor/event"
)

// CoverageMode says on what ground a source is taken as complete.
type CoverageMode string

// The modes of coverage.
const (
	// Traffic: a delivery arrived just now, so everything older than the
	// source's lateness has arrived. The default.
	Traffic CoverageMode = "traffic"
	// Clock: the operator asserts that nothing is ever later than the
	// lateness, so silence is quiet.
	Clock CoverageMode = "clock"
	// Events: complete up to the newest event that was delivered, for replays
	// and back-fills.
	Events CoverageMode = "events"
)

// Validate says whether the mode is one of the known ones, or empty.
func (m CoverageMode) Validate() error {
	switch m {
	case "", Traffic, Clock, Events:
		return nil
	}
	return fmt.Errorf("coverage: %q is none of traffic, clock, events", m)
}

// ErrNothing ends a delivery that brought nothing and of which nothing is
// missing: it proves no coverage, and holds none back.
var ErrNothing = errors.New("nothing was delivered")

// Coverage states up to when a source is complete. A mark never speaks of a
// delivery that is still being stored, nor, until one is stored again, of one
// that could not be: its sender is to repeat it.
type Coverage struct {
	source Source
	sink   Sink
	now    func() time.Time

	mu       sync.Mutex
	inFlight map[int]flight
	next     int
	heard    time.Time // latest delivery stored
	newest   time.Time // latest event stored
	failed   *flight   // first delivery that was not stored since one was
	stated   time.Time
}

// flight is a delivery that is being stored.
type flight struct{ received, newestBefore time.Time }

// NewCoverage returns the coverage of a source, which begins when Run does.
func NewCoverage(s Source, sink Sink, now func() time.Time) *Coverage {
	if s.Coverage == "" {
		s.Coverage = Traffic
	}
	return &Coverage{source: s, sink: sink, now: now, inFlight: map[int]flight{}}
}

// Begin says that a delivery is being taken in. The returned function says
// that it is stored, with the newest time of its events, or that it was not;
// [ErrNothing], that there was nothing to store.
func (c *Coverage) Begin() (end func(newest time.Time, stored error)) { return c.BeginAt(c.now()) }

// BeginAt is Begin for a delivery that has waited to be fetched since a time, as
// a message in a queue has: what came after it says nothing of what waits with
// it. Until a delivery with the zero time ends, nothing is stated at all.
func (c *Coverage) BeginAt(sent time.Time) (end func(newest time.Time, stored error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	id := c.next
	c.next++
	c.inFlight[id] = flight{received: sent, newestBefore: c.newest}
	return func(newest time.Time, stored error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		f, ok := c.inFlight[id]
		delete(c.inFlight, id)
		if !ok || errors.Is(stored, ErrNothing) {
			return
		}
		if stored != nil {
			if c.failed == nil || f.received.Before(c.failed.received) {
				c.failed = &f
			}
			return
		}
		if c.failed != nil && f.received.After(c.failed.received) {
			c.failed = nil
		}
		c.heard = latest(c.heard, f.received)
		c.newest = latest(c.newest, newest)
	}
}

// stateEvery is how often a source says up to when it is complete.
const stateEvery = time.Second

// Run states coverage until ctx ends, and a last time then.
func (c *Coverage) Run(ctx context.Context) error {
	tick := time.NewTicker(stateEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			// A stream that cannot take a mark now can take the next one; the
			// judge meanwhile waits, which is the safe side.
			if err := c.state(ctx); err != nil && ctx.Err() != nil {
				return c.last(ctx)
			}
		case <-ctx.Done():
			return c.last(ctx)
		}
	}
}

func (c *Coverage) last(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err := c.state(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil // coverage is stated again on the next start
	}
	return err
}

// state publishes a mark if there is news.
func (c *Coverage) state(ctx context.Context) error {
	through := c.through()
	c.mu.Lock()
	old := c.stated
	c.mu.Unlock()
	if !through.After(old) {
		return nil
	}
	if err := c.sink.PublishMark(ctx, event.Mark{Source: c.source.Name, Through: through}); err != nil {
		return fmt.Errorf("source %s: coverage: %w", c.source.Name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stated = latest(c.stated, through)
	return nil
}

// through is up to when the source is complete.
func (c *Coverage) through() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var t time.Time
	switch c.source.Coverage {
	case Clock:
		t = c.now()
	case Events:
		// Who sends may write any time into an event; nothing is complete beyond now.
		t = c.newest
		if now := c.now(); t.After(now) {
			t = now
		}
	default:
		t = c.heard
	}
	for _, f := range c.inFlight {
		t = c.before(f, t)
	}
	if c.failed != nil {
		t = c.before(*c.failed, t)
	}
	if t.IsZero() {
		return t
	}
	return t.Add(-c.source.Lateness).UTC()
}

// before is t, or what was complete when a delivery began, if that is earlier.
func (c *Coverage) before(f flight, t time.Time) time.Time {
	known := f.received
	if c.source.Coverage == Events {
		known = f.newestBefore
	}
	if known.Before(t) {
		return known
	}
	return t
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
