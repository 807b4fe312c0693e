package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// floorEvery is how often the acknowledged floor is looked at while marks wait
// for it. A mark is about minutes, so it may come a little later.
const floorEvery = 20 * time.Millisecond

// coverage holds marks back until every batch before them is matched and
// stored: until the consumer's acknowledged floor has reached them. The floor
// is the server's, so it counts all workers of all processes.
type coverage struct {
	stream *Stream
	wake   chan struct{}

	mu   sync.Mutex
	held map[uint64]heldMark
}

// heldMark is a mark that waits; its sequence on EVENTS is seq.
type heldMark struct {
	seq  uint64
	msg  jetstream.Msg
	mark event.Mark
}

func newCoverage(s *Stream) *coverage {
	return &coverage{stream: s, wake: make(chan struct{}, 1), held: map[uint64]heldMark{}}
}

// take accepts a mark from EVENTS.
func (c *coverage) take(ctx context.Context, msg jetstream.Msg) {
	h, err := parseMark(msg)
	if err != nil {
		if err := c.stream.bury(ctx, msg, "malformed", err); err == nil {
			_ = msg.Ack()
		}
		return
	}
	c.mu.Lock()
	c.held[h.seq] = h // a redelivered one replaces itself
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// run releases marks until ctx ends, and then gives back those that wait.
func (c *coverage) run(ctx context.Context) {
	defer c.each(func(h heldMark) { _ = h.msg.Nak() })
	beat := time.NewTicker(c.stream.cfg.AckWait / 3)
	defer beat.Stop()
	look := time.NewTicker(floorEvery)
	defer look.Stop()
	for {
		var due <-chan time.Time
		if c.waiting() {
			due = look.C
		}
		select {
		case <-c.wake:
		case <-due:
			if err := c.release(ctx); err != nil && ctx.Err() == nil {
				c.stream.log.Warn("marks are held back", "err", err)
				_ = pause(ctx, retryEvery)
			}
		case <-beat.C:
			c.each(func(h heldMark) { _ = h.msg.InProgress() })
		case <-ctx.Done():
			return
		}
	}
}

// release publishes the marks that the floor has reached. Of several marks of
// one source only the furthest is published: it says what the others say.
func (c *coverage) release(ctx context.Context) error {
	floor, err := c.floor(ctx)
	if err != nil {
		return err
	}
	free := c.reached(floor)
	furthest := map[string]heldMark{}
	for _, h := range free {
		if f, ok := furthest[h.mark.Source]; !ok || h.mark.Through.After(f.mark.Through) {
			furthest[h.mark.Source] = h
		}
	}
	for _, h := range furthest {
		err := c.stream.add(ctx, &nats.Msg{Subject: subjectMatched + h.mark.Source, Data: h.msg.Data()})
		if err != nil {
			return err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range free {
		_ = h.msg.Ack() // lost, the mark is said again, which does no harm
		delete(c.held, h.seq)
	}
	return nil
}

// floor is the sequence on EVENTS up to which everything is acknowledged.
func (c *coverage) floor(ctx context.Context) (uint64, error) {
	// In a cluster a consumer between two leaders does not answer at all.
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	consumer, err := c.stream.js.Consumer(ctx, streamEvents, consumerMatch) // asks the server
	if err != nil {
		return 0, fmt.Errorf("acknowledged floor of %s: %w", consumerMatch, err)
	}
	return consumer.CachedInfo().AckFloor.Stream, nil
}

// reached returns the marks with nothing unacknowledged before them but marks
// of their own kind.
func (c *coverage) reached(floor uint64) []heldMark {
	c.mu.Lock()
	defer c.mu.Unlock()
	var free []heldMark
	for _, h := range c.held {
		free = append(free, h)
	}
	slices.SortFunc(free, func(a, b heldMark) int { return int(int64(a.seq) - int64(b.seq)) })
	for i, h := range free {
		if h.seq > floor+1 {
			return free[:i]
		}
		floor = max(floor, h.seq)
	}
	return free
}

func (c *coverage) waiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.held) > 0
}

func (c *coverage) each(f func(heldMark)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.held {
		f(h)
	}
}

func parseMark(msg jetstream.Msg) (heldMark, error) {
	meta, err := msg.Metadata()
	if err != nil {
		return heldMark{}, fmt.Errorf("mark: %w", err)
	}
	var in event.Input
	if err := json.Unmarshal(msg.Data(), &in); err != nil {
		return heldMark{}, fmt.Errorf("mark: %w", err)
	}
	if in.Mark == nil {
		return heldMark{}, errors.New("mark: no mark in it")
	}
	if err := checkToken("source", in.Mark.Source); err != nil {
		return heldMark{}, fmt.Errorf("mark: %w", err)
	}
	return heldMark{seq: meta.Sequence.Stream, msg: msg, mark: *in.Mark}, nil
}
