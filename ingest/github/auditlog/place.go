package auditlog

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
)

// place is how far an audit log is read, as a bookmark: the time of the newest
// entry, and the entries from a little before on, since others of that time may come
// later.
//
//	{"newest":"2026-11-16T09:00:00Z","seen":{"n4bQgYhMfWWaL-qgxVrQFw":1794819600}}
type place struct {
	Newest time.Time        `json:"newest"`
	Seen   map[string]int64 `json:"seen"` // digest to the second of the entry

	strange bool // an entry says no time that can be
}

const (
	// maxSeen bounds the entries that are remembered; of more, the oldest are
	// stored again if they come again, and counted as repeats.
	maxSeen = 20_000
	// keepEvery is after how many pages the place is kept.
	keepEvery = 10
)

func (l *log) key() string { return l.in.Source.Name + " " + l.path }

// recall takes up the place. The first time it is now: what is older is for a
// back-fill.
func (l *log) recall(ctx context.Context, now time.Time) error {
	if l.place != nil {
		return nil
	}
	p := &place{Newest: now, Seen: map[string]int64{}}
	b, found, err := l.in.Bookmarks.Bookmark(ctx, l.key())
	if err != nil {
		return err
	}
	if found {
		if err := json.Unmarshal(b, p); err != nil {
			return fmt.Errorf("bookmark %q: %w", l.key(), err)
		}
	}
	l.place = p
	return nil
}

func (l *log) keep(ctx context.Context) error {
	l.place.bound()
	b, err := json.Marshal(l.place)
	if err != nil {
		return fmt.Errorf("bookmark %q: %w", l.key(), err)
	}
	return l.in.Bookmarks.KeepBookmark(ctx, l.key(), b)
}

// mark is an entry in a place: enough of its digest that nobody finds another entry
// with the same.
func mark(e event.Event) string { return markOf(e.Original) }

func markOf(d event.Digest) string { return base64.RawURLEncoding.EncodeToString(d[:16]) }

func (p *place) knows(e event.Event) bool {
	_, ok := p.Seen[mark(e)]
	return ok
}

// remember moves the place on, but for an entry that says no time, or one of the
// future: it would hide all that is still to be read.
func (p *place) remember(e event.Event, now time.Time) {
	if e.Occurred.IsZero() || e.Occurred.After(now) {
		p.Seen[mark(e)] = now.Unix()
		p.strange = true
		return
	}
	p.Seen[mark(e)] = e.Occurred.Unix()
	p.Newest = later(p.Newest, e.Occurred)
}

// read moves the place on when all is read. It does so only if there are entries by
// which it does not: GitHub's clock may be ahead of ours.
func (p *place) read(now time.Time) {
	if p.strange {
		p.Newest, p.strange = later(p.Newest, now), false
	}
}

// forget drops what will not be asked for again.
func (p *place) forget(before time.Time) {
	maps.DeleteFunc(p.Seen, func(_ string, at int64) bool { return at < before.Unix() })
}

func (p *place) bound() {
	if len(p.Seen) <= maxSeen {
		return
	}
	times := slices.Sorted(maps.Values(p.Seen))
	p.forget(time.Unix(times[len(times)-maxSeen], 0))
}

// resumption is how far a back-fill came. Its zero value is one that is done.
type resumption struct {
	Next     url.Values      `json:"next,omitempty"` // query of the page that is next
	Progress ingest.Progress `json:"progress"`
}

// resume takes up a back-fill that was broken off.
func (l *log) resume(ctx context.Context, key string, begin url.Values) (url.Values, ingest.Progress, error) {
	b, found, err := l.in.Bookmarks.Bookmark(ctx, key)
	if err != nil || !found {
		return begin, ingest.Progress{}, err
	}
	var r resumption
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, ingest.Progress{}, fmt.Errorf("bookmark %q: %w", key, err)
	}
	if r.Next == nil {
		return begin, ingest.Progress{}, nil
	}
	return r.Next, r.Progress, nil
}

func (l *log) keepResume(ctx context.Context, key string, r resumption) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("bookmark %q: %w", key, err)
	}
	return l.in.Bookmarks.KeepBookmark(ctx, key, b)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
