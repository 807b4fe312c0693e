package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// AppendRecord stores a record, if there is none of its type and id. It
// reports whether it did: the same bytes again are no error, and other bytes
// are [ErrExists].
func (s *Stream) AppendRecord(ctx context.Context, r event.Record) (fresh bool, err error) {
	m, err := recordMessage(r)
	if err != nil {
		return false, err
	}
	fresh, err = s.create(ctx, m)
	if err != nil || fresh {
		return fresh, err
	}
	return false, s.compareRecord(ctx, m)
}

// Records calls f with every record whose sequence is above after, in order,
// those stored now and then those to come, until ctx ends (it returns nil
// then) or f fails. Sequences start at 1 and have no gaps.
func (s *Stream) Records(ctx context.Context, after uint64, f func(seq uint64, raw []byte) error) error {
	r, err := s.read(ctx, records(after))
	if err != nil {
		return unlessDone(ctx, err)
	}
	defer r.close(ctx)
	each := inSequence(after, f)
	for {
		m, meta, err := r.next(ctx, 0)
		if err != nil {
			return unlessDone(ctx, err)
		}
		if err := each(m, meta); err != nil {
			return err
		}
	}
}

// ReadRecords calls f with every record that is stored now and whose sequence
// is above after, in order, until f fails.
func (s *Stream) ReadRecords(ctx context.Context, after uint64, f func(seq uint64, raw []byte) error) error {
	return s.readNow(ctx, records(after), inSequence(after, f))
}

// LatestAlert returns the record of an alert's last revision, or [ErrNotFound].
func (s *Stream) LatestAlert(ctx context.Context, alertID string) (raw []byte, err error) {
	if err := checkToken("alert", alertID); err != nil {
		return nil, err
	}
	m, err := s.last(ctx, streamRecords, subjectAlert+alertID+".*")
	if err != nil {
		return nil, err
	}
	return m.Data, nil
}

// compareRecord reports [ErrExists] if what is stored in m's place is not m.
func (s *Stream) compareRecord(ctx context.Context, m *nats.Msg) error {
	stored, err := s.last(ctx, streamRecords, m.Subject)
	if err != nil {
		return err
	}
	if !bytes.Equal(stored.Data, m.Data) {
		return fmt.Errorf("record %d, %s: %w: stored %s, now %s", stored.Sequence, m.Subject, ErrExists,
			event.DigestOf(stored.Data).Short(), event.DigestOf(m.Data).Short())
	}
	return nil
}

func recordMessage(r event.Record) (*nats.Msg, error) {
	subject, err := recordSubject(r.Type, r.ID)
	if err != nil {
		return nil, err
	}
	raw, err := r.Encode()
	if err != nil {
		return nil, err
	}
	return &nats.Msg{Subject: subject, Data: raw}, nil
}

func records(after uint64) scope {
	return scope{stream: streamRecords, filter: subjectRecord + ">", after: after}
}

// inSequence stops at a gap: a ledger that goes on behind one is worthless.
func inSequence(after uint64, f func(seq uint64, raw []byte) error) func(jetstream.Msg, *jetstream.MsgMetadata) error {
	return func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		if seq := meta.Sequence.Stream; seq != after+1 {
			return fmt.Errorf("stream %s: record %d follows record %d: a record is missing", streamRecords, seq, after)
		}
		after++
		return f(after, m.Data())
	}
}

// unlessDone hides the error that ending ctx has caused.
func unlessDone(ctx context.Context, err error) error {
	if ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return nil
	}
	return err
}
