package stream

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/nats-io/nats.go"

	"sidedoor/event"
)

// PublishBatch stores a batch on EVENTS. Nil means that the batch is on disk,
// from now or from earlier; only then may its sender be told so. That it came
// again is stored, too: what was sent is then the sum of what is on the stream.
// A batch without events needs no storing. The error is [ErrFull] if there is no
// room for events, and [ErrTooLarge] if there never will be for these.
func (s *Stream) PublishBatch(ctx context.Context, b event.Batch) error {
	if len(b.Events) == 0 {
		return nil
	}
	subject, err := batchSubject(b.Source, b.ID().String())
	if err != nil {
		return err
	}
	m := &nats.Msg{Subject: subject, Header: header(b.Envelope), Data: b.Payload()}
	if err := s.checkSize(m); err != nil {
		return err
	}
	if b.Source != s.cfg.OwnSource {
		if err := s.space.take(len(m.Data)); err != nil {
			return err
		}
	}
	fresh, err := s.create(ctx, m)
	if err != nil || fresh {
		return err
	}
	again, err := json.Marshal(event.RepeatOf(b))
	if err != nil {
		return fmt.Errorf("repeat of %s: %w", subject, err)
	}
	return s.add(ctx, &nats.Msg{Subject: subjectRepeat + b.Source, Data: again})
}

// PublishProof stores on EVENTS what a source says of its own completeness, unless
// that is what it said last of the same period of the same part. So whoever reads in
// order has at last what holds: also where it is again what it was before.
func (s *Stream) PublishProof(ctx context.Context, p event.Proof) error {
	if err := checkToken("source", p.Source); err != nil {
		return err
	}
	p = p.Bound()
	p.From, p.To = p.From.UTC(), p.To.UTC()
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("proof of %s: %w", p.Source, err)
	}
	return s.replace(ctx, &nats.Msg{Subject: subjectProof + p.Source + "." + p.About().String(), Data: b})
}

// PublishMark stores a mark on EVENTS, behind the batches that it speaks of.
// It goes on to MATCHES when all before it is matched; see [Stream.Match].
func (s *Stream) PublishMark(ctx context.Context, m event.Mark) error {
	if err := checkToken("source", m.Source); err != nil {
		return err
	}
	b, err := json.Marshal(event.Input{Mark: &m})
	if err != nil {
		return fmt.Errorf("mark of %s: %w", m.Source, err)
	}
	return s.add(ctx, &nats.Msg{Subject: subjectMark + m.Source, Data: b})
}

// PublishPolicy announces on MATCHES the rules and sources in force from here
// on. The same announcement is stored once.
func (s *Stream) PublishPolicy(ctx context.Context, p event.Policy) error {
	b, err := json.Marshal(event.Input{Policy: &p})
	if err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	_, err = s.create(ctx, &nats.Msg{Subject: subjectPolicy + event.DigestOf(b).String(), Data: b})
	return err
}

// Batch returns a batch as it is stored on EVENTS, or [ErrNotFound].
func (s *Stream) Batch(ctx context.Context, source, id string) (event.Batch, error) {
	subject, err := batchSubject(source, id)
	if err != nil {
		return event.Batch{}, err
	}
	m, err := s.last(ctx, streamEvents, subject)
	if err != nil {
		return event.Batch{}, err
	}
	return parseBatch(m.Header, m.Data)
}

func parseBatch(h nats.Header, payload []byte) (event.Batch, error) {
	envelope, err := event.ParseEnvelope(h.Get)
	if err != nil {
		return event.Batch{}, err
	}
	events, err := event.ParsePayload(payload)
	if err != nil {
		return event.Batch{}, err
	}
	return event.Batch{Envelope: envelope, Events: events}, nil
}

func header(e event.Envelope) nats.Header {
	h := nats.Header{}
	for name, v := range e.Header() {
		h.Set(name, v)
	}
	return h
}
