package stream_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"sidedoor/event"
	"sidedoor/stream"
)

// BenchmarkPublishBatch tells what batches are for: each message is fsynced,
// so many events in one message share the wait for the disk.
func BenchmarkPublishBatch(b *testing.B) {
	for _, events := range []int{50, 1} {
		b.Run(fmt.Sprintf("%d-events", events), func(b *testing.B) {
			s := open(b, b.TempDir())
			n := 0
			for b.Loop() {
				must(b, s.PublishBatch(context.Background(), largeBatch(n, events)))
				n++
			}
			b.ReportMetric(float64(n*events)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkMatch fetches, matches nothing and acknowledges.
func BenchmarkMatch(b *testing.B) {
	const events = 50
	s := open(b, b.TempDir())
	for n := range b.N {
		must(b, s.PublishBatch(context.Background(), largeBatch(n, events)))
	}
	done := make(chan struct{}, b.N)
	b.ResetTimer()
	background(b, func(ctx context.Context) error {
		return s.Match(ctx, 2, func(event.Batch) ([]event.Match, []event.Dead) {
			done <- struct{}{}
			return nil, nil
		})
	})
	for range b.N {
		<-done
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "events/s")
}

func largeBatch(n, events int) event.Batch {
	b := batch("trail", fmt.Sprint(n))
	raw := bytes.Repeat([]byte("x"), 1200)
	b.Events = make([]event.Event, events)
	for i := range b.Events {
		id := fmt.Sprintf("%d.%d", n, i)
		b.Events[i] = event.Event{ID: id, Occurred: received, Original: event.DigestOf([]byte(id)), Raw: raw}
	}
	return b
}

var _ stream.Fold = (*chain)(nil)
