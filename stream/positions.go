package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/nats-io/nats.go/jetstream"
)

// Position says how far a stream has come, and how far its readers have.
type Position struct {
	Stream   string
	Last     uint64 // sequence of the last message
	Messages uint64 // stored
	Bytes    uint64 // stored
	// Pending is how many messages the slowest reader has not finished.
	Pending uint64
	// Readers are the stages of this process that read the stream.
	Readers []Reader
}

// Reader is one stage's way to go on a stream.
type Reader struct {
	Name    string // match, judge, deliver-<receiver>
	Pending uint64 // messages that it has not finished
}

// Positions returns the position on each stream, in the order of the data.
// What the judge has before it is known only in the process that runs it.
func (s *Stream) Positions(ctx context.Context) ([]Position, error) {
	var all []Position
	for _, name := range []string{streamEvents, streamMatches, streamRecords, streamDead} {
		info, err := s.info(ctx, name)
		if err != nil {
			return nil, err
		}
		p := Position{Stream: name, Last: info.State.LastSeq, Messages: info.State.Msgs, Bytes: info.State.Bytes}
		if p.Readers, err = s.readersOf(ctx, name); err != nil {
			return nil, err
		}
		for _, r := range p.Readers {
			p.Pending = max(p.Pending, r.Pending)
		}
		all = append(all, p)
	}
	return all, nil
}

func (s *Stream) readersOf(ctx context.Context, stream string) ([]Reader, error) {
	var durable []string
	switch stream {
	case streamEvents:
		durable = []string{consumerMatch}
	case streamRecords:
		durable = s.readers.receiving()
	case streamMatches:
		if pending, running := s.readers.judging(); running {
			return []Reader{{Name: "judge", Pending: pending}}, nil
		}
	}
	var readers []Reader
	for _, name := range durable {
		c, err := s.js.Consumer(ctx, stream, name)
		if errors.Is(err, jetstream.ErrConsumerNotFound) {
			continue // its stage has never run
		}
		if err != nil {
			return nil, fmt.Errorf("stream %s: reader %s: %w", stream, name, err)
		}
		info := c.CachedInfo()
		readers = append(readers, Reader{Name: name, Pending: info.NumPending + uint64(info.NumAckPending)})
	}
	return readers, nil
}

// progress is what this process knows of its own readers.
type progress struct {
	mu        sync.Mutex
	judges    bool
	unjudged  uint64
	receivers []string // names of their consumers
}

// judged notes how many inputs followed the one that was judged last.
func (p *progress) judged(pending uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.judges, p.unjudged = true, pending
}

func (p *progress) judging() (pending uint64, running bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.unjudged, p.judges
}

func (p *progress) delivers(receiver string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name := deliveryConsumer(receiver); !slices.Contains(p.receivers, name) {
		p.receivers = append(p.receivers, name)
	}
}

func (p *progress) receiving() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.receivers)
}
