package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// Arrival is one message on EVENTS. Exactly one of the pointers is set.
type Arrival struct {
	Sequence uint64
	Stored   time.Time // by the stream's clock

	Batch  *event.Batch
	Repeat *event.Repeat
	Mark   *event.Mark
	Proof  *event.Proof
}

// arrivalsAhead is how many messages of EVENTS wait in memory for a reader in
// order; a batch may have megabytes.
const arrivalsAhead = 8

// ReadArrivals calls f with every message on EVENTS that is stored now and whose
// sequence is above after, in order, until f fails. What cannot be read is left
// out: the match stage makes a dead letter of it.
func (s *Stream) ReadArrivals(ctx context.Context, after uint64, f func(Arrival) error) error {
	sc := scope{stream: streamEvents, filter: "events.>", after: after, ahead: arrivalsAhead}
	return s.readNow(ctx, sc, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		a, err := parseArrival(m)
		if err != nil {
			return nil
		}
		a.Sequence, a.Stored = meta.Sequence.Stream, meta.Timestamp.UTC()
		return f(a)
	})
}

// ReadEnvelopes calls f with the envelope of every batch of a source that is
// stored now and whose sequence is above after, in order, until f fails. What the
// batches carry is not read.
func (s *Stream) ReadEnvelopes(ctx context.Context, source string, after uint64, f func(seq uint64, e event.Envelope) error) error {
	if err := checkToken("source", source); err != nil {
		return err
	}
	sc := scope{stream: streamEvents, filter: subjectBatch + source + ".>", after: after, headersOnly: true}
	return s.readNow(ctx, sc, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		e, err := event.ParseEnvelope(m.Headers().Get)
		if err != nil {
			return nil
		}
		return f(meta.Sequence.Stream, e)
	})
}

func parseArrival(m jetstream.Msg) (Arrival, error) {
	var a Arrival
	var err error
	switch subject := m.Subject(); {
	case strings.HasPrefix(subject, subjectBatch):
		var b event.Batch
		b, err = parseBatch(m.Headers(), m.Data())
		a.Batch = &b
	case strings.HasPrefix(subject, subjectRepeat):
		err = json.Unmarshal(m.Data(), &a.Repeat)
	case strings.HasPrefix(subject, subjectProof):
		err = json.Unmarshal(m.Data(), &a.Proof)
	case strings.HasPrefix(subject, subjectMark):
		var in event.Input
		err = json.Unmarshal(m.Data(), &in)
		a.Mark = in.Mark
	}
	if err == nil && a.Batch == nil && a.Repeat == nil && a.Proof == nil && a.Mark == nil {
		err = errors.New("nothing in it")
	}
	if err != nil {
		return Arrival{}, fmt.Errorf("%s: %w", m.Subject(), err)
	}
	return a, nil
}

// DeadAfter calls f with every dead letter that is stored now and whose
// sequence on DEAD is above after, in order and without its bytes, until f fails.
func (s *Stream) DeadAfter(ctx context.Context, after uint64, f func(seq uint64, d event.Dead) error) error {
	sc := scope{stream: streamDead, filter: subjectDead + ">", after: after, headersOnly: true}
	return s.readNow(ctx, sc, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		h := m.Headers()
		d := event.Dead{Reason: unquote(h.Get(headerReason)), Cause: unquote(h.Get(headerCause))}
		env, err := event.ParseEnvelope(h.Get)
		if err != nil || env.Received.IsZero() { // made of a message that says nothing of itself
			env.Received = meta.Timestamp.UTC()
		}
		d.Envelope = env
		d.Source = unquote(h.Get(event.HeaderSource))
		return f(meta.Sequence.Stream, d)
	})
}

// ReadRecordsOf calls f with every record of a type that is stored now and whose
// sequence is above after, in order, until f fails. id, if it is not empty, is
// the beginning of the records' ids, one or more whole tokens.
func (s *Stream) ReadRecordsOf(ctx context.Context, t event.Type, id string, after uint64, f func(seq uint64, r event.Record) error) error {
	filter := subjectRecord + string(t) + ".>"
	if id != "" {
		if err := checkTokens("record's id", id); err != nil {
			return err
		}
		filter = subjectRecord + string(t) + "." + id + ".>"
	}
	return s.readNow(ctx, scope{stream: streamRecords, filter: filter, after: after}, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		r, err := event.ParseRecord(m.Data())
		if err != nil {
			return err
		}
		return f(meta.Sequence.Stream, r)
	})
}
