package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// Policies calls f with every announcement of a policy that is stored now and
// whose sequence on MATCHES is above after, in order, until f fails. One that
// cannot be read is left out, as the judge does.
func (s *Stream) Policies(ctx context.Context, after uint64, f func(seq uint64, p event.Policy) error) error {
	sc := scope{stream: streamMatches, filter: subjectPolicy + ">", after: after}
	return s.readNow(ctx, sc, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		in, err := parseInput(m.Data(), meta.Timestamp)
		if err != nil || in.Policy == nil {
			return nil
		}
		return f(meta.Sequence.Stream, *in.Policy)
	})
}

// LastPolicy returns the sequence on MATCHES of the last announcement of a
// policy, 0 if there was none.
func (s *Stream) LastPolicy(ctx context.Context) (seq uint64, err error) {
	return s.lastSequence(ctx, streamMatches, subjectPolicy+">")
}

func (s *Stream) lastSequence(ctx context.Context, stream, filter string) (uint64, error) {
	m, err := s.last(ctx, stream, filter)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return m.Sequence, nil
}

// RuleSets calls f with every record of a policy that is stored now, the oldest
// first, until f fails.
func (s *Stream) RuleSets(ctx context.Context, f func(r event.Record, p *event.Policy) error) error {
	sc := scope{stream: streamRecords, filter: subjectRecord + string(event.TypeRuleSet) + ".>"}
	return s.readNow(ctx, sc, func(m jetstream.Msg, _ *jetstream.MsgMetadata) error {
		r, err := event.ParseRecord(m.Data())
		if err != nil {
			return err
		}
		p, ok := r.Body.(*event.Policy)
		if !ok {
			return fmt.Errorf("record %s %s: it is no policy", r.Type, r.ID)
		}
		return f(r, p)
	})
}

// LastMark returns the last mark that a source stated, or [ErrNotFound].
func (s *Stream) LastMark(ctx context.Context, source string) (event.Mark, error) {
	if err := checkToken("source", source); err != nil {
		return event.Mark{}, err
	}
	m, err := s.last(ctx, streamEvents, subjectMark+source)
	if err != nil {
		return event.Mark{}, err
	}
	var in event.Input
	if err := json.Unmarshal(m.Data, &in); err != nil || in.Mark == nil {
		return event.Mark{}, fmt.Errorf("mark of %s: it cannot be read", source)
	}
	return *in.Mark, nil
}

// LastDead returns the sequence on DEAD of the last dead letter, 0 if there was
// none.
func (s *Stream) LastDead(ctx context.Context) (seq uint64, err error) {
	return s.lastSequence(ctx, streamDead, subjectDead+">")
}

// Batches calls f with every batch that is stored now and was stored at or after
// since, in the order of the stream, until f fails. done and total count
// messages. A batch that cannot be read is left out: it is among the dead
// letters.
func (s *Stream) Batches(ctx context.Context, since time.Time, f func(b event.Batch, done, total uint64) error) error {
	end, err := s.last(ctx, streamEvents, subjectBatch+">")
	if errors.Is(err, ErrNotFound) || (err == nil && end.Time.Before(since)) {
		return nil // nothing would ever come
	}
	if err != nil {
		return err
	}
	done := uint64(0)
	sc := scope{stream: streamEvents, filter: subjectBatch + ">", since: since}
	return s.readNow(ctx, sc, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		done++
		b, err := parseBatch(m.Headers(), m.Data())
		if err != nil {
			return nil
		}
		return f(b, done, done+meta.NumPending)
	})
}
