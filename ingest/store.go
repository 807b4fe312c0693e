package ingest

import (
	"context"
	"errors"
	"fmt"

	"sidedoor/event"
	"sidedoor/stream"
)

// Store puts a delivery on the stream: its events, and what of it could not be
// read. The batches are in the order of the delivery. An event that is too
// large for the stream becomes a dead letter: else its sender would repeat it for
// ever, and hold up what comes with it.
func (in Intake) Store(ctx context.Context, env event.Envelope, events []event.Event, dead []event.Dead) error {
	for _, b := range Split(env, events) {
		if err := in.publish(ctx, b); err != nil {
			return fmt.Errorf("source %s: %w", env.Source, err)
		}
	}
	for _, d := range dead {
		if err := in.Bury(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// publish stores a batch, in halves if it is too large. How it is cut depends
// on its content alone, so a repeated delivery is cut alike.
func (in Intake) publish(ctx context.Context, b event.Batch) error {
	err := in.Sink.PublishBatch(ctx, b)
	if err == nil {
		in.Metrics.stored(b)
		return nil
	}
	if !errors.Is(err, stream.ErrTooLarge) {
		return err
	}
	if len(b.Events) == 1 {
		e := b.Events[0]
		return in.Bury(ctx, event.Dead{
			Envelope: b.Envelope, Cause: "oversized", Index: e.Index, Raw: e.Raw,
			Reason: fmt.Sprintf("event %d has %d bytes, more than the stream takes", e.Index, len(e.Raw)),
		})
	}
	half := len(b.Events) / 2
	for _, part := range [][]event.Event{b.Events[:half], b.Events[half:]} {
		if err := in.publish(ctx, event.Batch{Envelope: b.Envelope, Events: part}); err != nil {
			return err
		}
	}
	return nil
}

// Bury keeps a dead letter, cut to its bound. One that may hold a secret keeps
// only its digest: what cannot be read cannot be redacted.
func (in Intake) Bury(ctx context.Context, d event.Dead) error {
	kept := d.Raw[:min(len(d.Raw), event.MaxDead)]
	if mentionsSecret(d.Product, kept) {
		kept = fmt.Appendf(nil, `{"withheld":"it may hold a secret","bytes":%d,"digest":%q}`, len(d.Raw), event.DigestOf(d.Raw))
	}
	d.Raw = kept
	if err := in.Sink.PublishDead(ctx, d); err != nil {
		return fmt.Errorf("source %s: dead letter: %w", d.Source, err)
	}
	in.Metrics.dead(d)
	return nil
}
