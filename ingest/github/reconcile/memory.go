package reconcile

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"sidedoor/event"
)

// memory is what is kept of a reconciler, as a bookmark. Each of its hours has one
// of its own.
//
//	{"through":"2026-11-16T09:00:00Z","sequence":41207,"hours":["2026-11-16T07","2026-11-16T09"]}
type memory struct {
	Through  time.Time    `json:"through"`
	Sequence uint64       `json:"sequence"` // behind which to read what arrived
	Hours    []event.Hour `json:"hours"`
}

func (r *Reconciler) key() string { return r.in.Source.Name + " reconcile " + r.cfg.part() }

func (r *Reconciler) hourKey(h event.Hour) string { return r.key() + " " + string(h) }

// load takes up what is kept. The first time, it goes back as far as GitHub does:
// what the hook sent before is missing, too.
func (r *Reconciler) load(ctx context.Context, now time.Time) error {
	if r.loaded {
		return nil
	}
	var m memory
	found, err := r.recall(ctx, r.key(), &m)
	if err != nil {
		return err
	}
	if !found {
		m.Through = event.HourOf(now.Add(-listable)).End()
	}
	for _, key := range m.Hours {
		h := &hour{}
		if _, err := r.recall(ctx, r.hourKey(key), h); err != nil {
			return err
		}
		if !key.Begin().Before(m.Through) {
			h.Items, h.Beyond, h.Unsent = 0, 0, nil // its events will be listed again
		}
		r.hours[key] = h
	}
	r.through, r.here.through, r.loaded = m.Through, m.Sequence, true
	return nil
}

func (r *Reconciler) recall(ctx context.Context, key string, into any) (bool, error) {
	b, found, err := r.in.Bookmarks.Bookmark(ctx, key)
	if err != nil || !found {
		return false, err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return false, fmt.Errorf("bookmark %q: %w", key, err)
	}
	return true, nil
}

// keep keeps what has changed, the hours first: a list that names one which is not
// there would lose what is missing of it.
func (r *Reconciler) keep(ctx context.Context) error {
	m := memory{Through: r.through, Sequence: r.here.from(), Hours: slices.Sorted(maps.Keys(r.hours))}
	for _, key := range m.Hours {
		if err := r.keepOne(ctx, key); err != nil {
			return err
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("bookmark %q: %w", r.key(), err)
	}
	return r.in.Bookmarks.KeepBookmark(ctx, r.key(), b)
}

func (r *Reconciler) keepOne(ctx context.Context, key event.Hour) error {
	b, err := json.Marshal(r.hours[key])
	if err != nil {
		return fmt.Errorf("bookmark %q: %w", r.hourKey(key), err)
	}
	if r.kept[key] == string(b) {
		return nil
	}
	if err := r.in.Bookmarks.KeepBookmark(ctx, r.hourKey(key), b); err != nil {
		return err
	}
	r.kept[key] = string(b)
	return nil
}

// state closes the hours that are over, and publishes a proof of each that is
// settled, and another one when it changes.
func (r *Reconciler) state(ctx context.Context, now time.Time) error {
	r.close(now)
	for _, key := range slices.Sorted(maps.Keys(r.hours)) {
		h, end := r.hours[key], key.End()
		if end.After(r.through) || !h.settled(end, now) {
			continue
		}
		if err := r.publish(ctx, key, now); err != nil {
			return err
		}
		if h.final(now) {
			delete(r.hours, key)
			delete(r.kept, key)
		}
	}
	return nil
}

func (r *Reconciler) publish(ctx context.Context, key event.Hour, now time.Time) error {
	h := r.hours[key]
	p := h.proof(event.Proof{Source: r.in.Source.Name, Part: r.cfg.part(), From: key.Begin(), To: key.End()}, now)
	id, err := p.Bound().ID()
	if err != nil || id == h.Stated {
		return err
	}
	if err := r.in.Sink.PublishProof(ctx, p); err != nil {
		return fmt.Errorf("source %s: proof of %s: %w", p.Source, key, err)
	}
	if p.Verdict != event.Complete {
		r.in.Log.Warn("what arrived is not what GitHub sent", "source", p.Source, "hour", key, "verdict", p.Verdict,
			"missing", len(h.Missing)+h.Beyond, "unsent", len(h.Unsent))
	}
	h.Stated = id
	return nil
}
