package stream

import (
	"bytes"
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// What tests do that nobody else may.

// JetStream is the way around all checks.
func (s *Stream) JetStream() jetstream.JetStream { return s.js }

// PublishRaw stores anything.
func (s *Stream) PublishRaw(ctx context.Context, subject string, data []byte) error {
	return s.add(ctx, &nats.Msg{Subject: subject, Data: data})
}

// MatchWithoutAck does what a matcher does that dies after it has stored the
// matches of one batch and before it has acknowledged it.
func (s *Stream) MatchWithoutAck(ctx context.Context, match func(event.Batch) ([]event.Match, []event.Dead)) error {
	c, err := s.matchConsumer(ctx)
	if err != nil {
		return err
	}
	msg, err := c.Next()
	if err != nil {
		return err
	}
	return (&matching{stream: s, match: match}).process(ctx, msg)
}

// ReadWithBreaks reads n inputs, and breaks the reading off after every third.
func (s *Stream) ReadWithBreaks(ctx context.Context, n int) (sequences []uint64, err error) {
	r, err := s.read(ctx, inputs(0))
	if err != nil {
		return nil, err
	}
	defer r.close(ctx)
	for len(sequences) < n {
		_, meta, err := r.next(ctx, 0)
		if err != nil {
			return sequences, err
		}
		sequences = append(sequences, meta.Sequence.Stream)
		if len(sequences)%3 == 0 {
			r.messages.Stop()
		}
	}
	return sequences, nil
}

// SetSnapshot replaces the judge's snapshot by anything.
func (s *Stream) SetSnapshot(ctx context.Context, b []byte) error {
	bucket, err := s.js.ObjectStore(ctx, bucketSnapshots)
	if err != nil {
		return err
	}
	_, err = bucket.Put(ctx, jetstream.ObjectMeta{Name: snapshotName}, bytes.NewReader(b))
	return err
}

// Snapshot returns the judge's snapshot as it is stored.
func (s *Stream) Snapshot(ctx context.Context) ([]byte, error) {
	bucket, err := s.js.ObjectStore(ctx, bucketSnapshots)
	if err != nil {
		return nil, err
	}
	return bucket.GetBytes(ctx, snapshotName)
}

// DeleteSnapshot removes the judge's snapshot.
func (s *Stream) DeleteSnapshot(ctx context.Context) error {
	bucket, err := s.js.ObjectStore(ctx, bucketSnapshots)
	if err != nil {
		return err
	}
	return bucket.Delete(ctx, snapshotName)
}

// EncodeSnapshot encodes a snapshot.
func EncodeSnapshot(seq uint64, state []byte) []byte {
	return encodeSnapshot(time.Unix(0, 7), seq, state)
}

// SnapshotRoundTrip encodes and decodes a snapshot.
func SnapshotRoundTrip(seq uint64, state []byte) (gotSeq uint64, gotState []byte, err error) {
	_, gotSeq, gotState, err = decodeSnapshot(encodeSnapshot(time.Unix(0, 7), seq, state))
	return gotSeq, gotState, err
}

// DecodeSnapshot is for its fuzz test.
func DecodeSnapshot(b []byte) error { _, _, _, err := decodeSnapshot(b); return err }

// ParseInput is for its fuzz test.
func ParseInput(b []byte) (event.Input, error) { return parseInput(b, time.Unix(0, 0)) }

// CheckTokens is for its fuzz test.
func CheckTokens(s string) error { return checkTokens("it", s) }

// Layout returns what a stream has to be.
func Layout(name string) jetstream.StreamConfig {
	for _, c := range layout(Config{}.withDefaults()) {
		if c.Name == name {
			return c
		}
	}
	panic("no stream " + name)
}
