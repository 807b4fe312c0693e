package gitops

import (
	"context"
	"time"

	"sidedoor/event"
)

// prove states, when an hour is over, that the history of all objects was
// compared with what is on the stream. What is missing has been said by then, of
// the object that lacks it. It is called when all objects were listed.
func (w *watcher) prove(ctx context.Context, listed time.Time) error {
	upto := event.HourOf(listed).Begin()
	w.proveAt = upto.Add(time.Hour)
	if w.index.Since.IsZero() {
		w.index.Since = listed.UTC()
	}
	from := w.index.Upto
	if from.IsZero() {
		from = w.index.Since
	}
	if !upto.After(from) {
		return w.keepIndex(ctx)
	}
	if w.index.Faults == 0 && w.provable(from) {
		p := event.Proof{
			Source: w.in.Source.Name, Kind: event.History, Part: w.part(), From: from.UTC(), To: upto, Verdict: event.Complete, Items: w.compared,
		}
		if err := w.persist(ctx, func() error { return w.in.Sink.PublishProof(ctx, p) }); err != nil {
			return err
		}
	}
	w.index.Upto, w.index.Faults = upto, 0
	return w.keepIndex(ctx)
}

// provable says whether history can show that nothing is missing since a time. An
// object without history cannot, unless it was watched all the while.
func (w *watcher) provable(from time.Time) bool {
	if !w.kind.numbers && w.kind.keeps == 0 {
		return false
	}
	return !w.silent || !w.unbroken.After(from)
}

// part is what of the source a proof is about.
func (w *watcher) part() string {
	if w.namespace == "" {
		return w.kind.name
	}
	return w.namespace + "/" + w.kind.name
}
