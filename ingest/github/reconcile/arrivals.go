package reconcile

import (
	"context"
	"maps"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
)

// arrivals are the GUIDs of the events that arrived of late, as the stream has
// them: an event's ID is the origin of its batch.
type arrivals struct {
	byGUID  map[string]arrival
	through uint64 // sequence up to which the stream is read
}

type arrival struct {
	at       time.Time
	sequence uint64
}

// read reads on, and tells what it found.
func (a *arrivals) read(ctx context.Context, in ingest.Intake, found func(guid string)) error {
	return in.Arrivals.ReadEnvelopes(ctx, in.Source.Name, a.through, func(seq uint64, e event.Envelope) error {
		if a.byGUID == nil {
			a.byGUID = map[string]arrival{}
		}
		a.through = seq
		// Of one that came again with other content, the first counts here; the
		// manifest counts it as reused.
		if _, known := a.byGUID[e.Origin]; !known {
			a.byGUID[e.Origin] = arrival{e.Received, seq}
		}
		found(e.Origin)
		return nil
	})
}

func (a *arrivals) has(guid string) bool {
	_, ok := a.byGUID[guid]
	return ok
}

// forget drops what arrived before a time.
func (a *arrivals) forget(before time.Time) {
	maps.DeleteFunc(a.byGUID, func(_ string, x arrival) bool { return x.at.Before(before) })
}

// from is behind which sequence to read to have all again that is not forgotten.
func (a *arrivals) from() uint64 {
	first := a.through
	for _, x := range a.byGUID {
		first = min(first, x.sequence-1)
	}
	return first
}
