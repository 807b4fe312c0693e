package manifest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

// takeUp holds hours again as they are on record, and begins those that are not;
// those of soft only if they are on record.
func (k *Keeper) takeUp(ctx context.Context, hard, soft []key) error {
	for i, h := range append(hard[:len(hard):len(hard)], soft...) {
		t, known, err := k.recall(ctx, h)
		if err != nil {
			return err
		}
		if known || i < len(hard) {
			k.fold.hold(h, t)
		}
	}
	return nil
}

// recall reads of an hour what is on record. What was counted later than the fold
// has come to is counted again by it, so only an account up to where it is counts.
func (k *Keeper) recall(ctx context.Context, h key) (t *tally, known bool, err error) {
	var base, last *event.Manifest
	var s *said
	id := h.source + "." + string(h.hour)
	err = k.Stream.ReadRecordsOf(ctx, event.TypeManifest, id, 0, func(_ uint64, r event.Record) error {
		m, ok := r.Body.(*event.Manifest)
		if !ok {
			return nil
		}
		if m.Position <= k.fold.Position && m.DeadPosition <= k.fold.Dead {
			base = m
		}
		s, last = s.next(*m, r.Time), m
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("the account of %s %s: %w", h.source, h.hour, err)
	}
	t = &tally{}
	if base != nil {
		t = resume(base)
	}
	t.Said, t.Dirty = s, true
	return t, last != nil, nil
}

// publish puts on record what is due.
func (k *Keeper) publish(ctx context.Context, now time.Time) error {
	recorded := now
	if k.Recorded != nil {
		recorded = k.Recorded().UTC()
	}
	for _, m := range k.fold.due(now) {
		_, err := k.Stream.AppendRecord(ctx, event.ManifestRecord(m, recorded))
		t := k.fold.Accounts[m.Source].Hours[m.Hour]
		switch {
		case errors.Is(err, stream.ErrExists):
			old, _, err := k.recall(ctx, key{m.Source, m.Hour})
			if err != nil {
				return err
			}
			t.Said = old.Said
		case err != nil:
			return err
		default:
			k.fold.said(m, now)
			t.Dirty = false
		}
	}
	for _, g := range k.fold.dueGaps(now) {
		_, err := k.Stream.AppendRecord(ctx, event.GapRecord(g, recorded))
		if err != nil && !errors.Is(err, stream.ErrExists) {
			return err
		}
		// One that exists says something else of the same revision: the next one
		// says it right.
		if err != nil {
			g.Recovered = -1
		}
		k.fold.saidGap(g, now)
	}
	return nil
}
