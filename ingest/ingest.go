// Package ingest holds what all sources share: how a delivery becomes batches
// on the EVENTS stream, what is kept of what cannot be read, how secrets are
// redacted, and up to when a source is known to be complete. Each kind of
// source has a folder of its own.
//
// A transport is told that its delivery was taken only after the sink has it
// on disk. Nothing is dropped: what cannot be parsed goes to the dead letters,
// with the reason, and is counted.
package ingest

import (
	"context"
	"time"

	"sidedoor/event"
)

// Sink is where deliveries go. When PublishBatch returns nil the batch is on
// disk, now or since an earlier delivery of the same.
type Sink interface {
	PublishBatch(context.Context, event.Batch) error
	PublishMark(context.Context, event.Mark) error
	PublishDead(context.Context, event.Dead) error
	PublishProof(context.Context, event.Proof) error
}

// Source is one configured source.
type Source struct {
	Name             string
	Product, Service string // Sigma log source
	Scope            string
	// Lateness is how late an event may arrive after it occurred.
	Lateness time.Duration
	// Coverage is what a statement of coverage rests on.
	Coverage CoverageMode
}

// Envelope returns the envelope of a delivery of the source.
func (s Source) Envelope(origin string, received time.Time, whole []byte) event.Envelope {
	return event.Envelope{
		Source: s.Name, Product: s.Product, Service: s.Service, Scope: s.Scope,
		Origin: origin, Received: received, Digest: event.DigestOf(whole),
	}
}

// MaxBatch is the bound in bytes of a batch's events; a larger event has a
// batch of its own.
const MaxBatch = 1 << 20

// Split cuts the events of a delivery into batches.
func Split(env event.Envelope, events []event.Event) []event.Batch {
	var out []event.Batch
	start, size := 0, 0
	for i, e := range events {
		if i > start && size+len(e.Raw) > MaxBatch {
			out = append(out, event.Batch{Envelope: env, Events: events[start:i]})
			start, size = i, 0
		}
		size += len(e.Raw)
	}
	if start < len(events) {
		out = append(out, event.Batch{Envelope: env, Events: events[start:]})
	}
	return out
}

// Newest is the latest time at which one of the events occurred.
func Newest(events []event.Event) time.Time {
	var t time.Time
	for _, e := range events {
		if e.Occurred.After(t) {
			t = e.Occurred
		}
	}
	return t
}
