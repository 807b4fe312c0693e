package cloudtrail

import (
	"context"
	"fmt"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
)

// finding is a proof in the making.
type finding struct {
	event.Proof
	sink ingest.Sink
}

func (a *auditor) finding(name digestName, from, to time.Time) *finding {
	return &finding{sink: a.Sink, Proof: event.Proof{
		Source: a.Source.Name, Kind: event.DigestChain, Part: name.part(),
		From: from.UTC(), To: to.UTC(), Verdict: event.Complete,
	}}
}

func (f *finding) add(v event.Completeness, text string, args ...any) {
	if v.Worse(f.Verdict) {
		f.Verdict = v
	}
	f.Faults = append(f.Faults, fmt.Sprintf(text, args...))
}

func (f *finding) publish(ctx context.Context) error {
	if err := f.sink.PublishProof(ctx, f.Bound()); err != nil {
		return fmt.Errorf("source %s: proof: %w", f.Source, err)
	}
	return nil
}
