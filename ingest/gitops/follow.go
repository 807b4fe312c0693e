package gitops

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sidedoor/event"
	"sidedoor/ingest"
)

// follower puts what objects of one kind say on the stream, each sync once, over
// restarts too: for each object there is a bookmark. Since an object changes
// between one look and the next, and its events with it, the events are kept with
// the bookmark before they are stored: so after a crash the very same are stored
// again, which the stream knows to be a repetition.
type follower struct {
	in   ingest.Intake
	kind *kind
	key  string // of its bookmarks
	// history says whether what is there at the first start is news.
	history History

	index  index
	places map[string]place // by uid
	// compared is how many entries the histories had when all objects were listed
	// last, and silent says that one had none to compare.
	compared int
	silent   bool
	stored   func(newest time.Time)
}

// index is the bookmark of a follower: the objects that there were. So one that
// was deleted while nobody watched is missed.
type index struct {
	Since  time.Time         `json:"since"`            // when it began
	Upto   time.Time         `json:"upto,omitzero"`    // up to when it stated proofs
	Faults int               `json:"faults,omitempty"` // that were found since
	There  map[string]string `json:"there"`            // uid to namespace/name
}

// begin reads the index.
func (f *follower) begin(ctx context.Context) error {
	f.places = map[string]place{}
	b, found, err := f.in.Bookmarks.Bookmark(ctx, f.key)
	if err != nil {
		return fmt.Errorf("bookmark of %s: %w", f.kind, err)
	}
	f.index = index{There: map[string]string{}}
	if !found {
		return nil
	}
	if err := json.Unmarshal(b, &f.index); err != nil {
		return fmt.Errorf("bookmark of %s: %w", f.kind, err)
	}
	if f.index.There == nil {
		f.index.There = map[string]string{}
	}
	return nil
}

func (f *follower) keepIndex(ctx context.Context) error {
	b, err := json.Marshal(f.index)
	if err != nil {
		return fmt.Errorf("bookmark of %s: %w", f.kind, err)
	}
	return f.persist(ctx, func() error { return f.in.Bookmarks.KeepBookmark(ctx, f.key, b) })
}

// meet takes in objects, of a page of a list or one of a watch.
func (f *follower) meet(ctx context.Context, raws ...[]byte) error {
	readings := make([]reading, 0, len(raws))
	fresh := false
	for _, raw := range raws {
		r, err := f.kind.reading(raw)
		if err != nil {
			if err := f.bury(ctx, raw, err); err != nil {
				return err
			}
			continue
		}
		fresh = fresh || f.index.There[r.uid] == ""
		f.index.There[r.uid] = r.place
		readings = append(readings, r)
	}
	if fresh {
		if err := f.keepIndex(ctx); err != nil {
			return err
		}
	}
	for _, r := range readings {
		if err := f.take(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// take puts the news of an object on the stream.
func (f *follower) take(ctx context.Context, r reading) error {
	f.silent = f.silent || r.silent
	f.compared += len(r.history)
	for {
		p, err := f.place(ctx, r.uid)
		if err != nil {
			return err
		}
		n := f.kind.compare(p, r, f.index.Since)
		if f.history == FromStart && f.index.Since.IsZero() && !p.known {
			n.events, n.dead = nil, nil
		}
		if err := f.put(ctx, r.uid, p, n); err != nil || !n.more {
			return err
		}
	}
}

// gone puts a deletion on the stream. object is what the watch says of it, or nil if
// the list lacks it.
func (f *follower) gone(ctx context.Context, uid string, object []byte) error {
	p, err := f.place(ctx, uid)
	if err != nil {
		return err
	}
	if object != nil {
		if r, err := f.kind.reading(object); err == nil {
			if err := f.take(ctx, r); err != nil { // its last words
				return err
			}
			p = f.places[uid]
		}
	} else {
		object = f.kind.tombstone(uid, f.index.There[uid])
	}
	if !p.Deleted {
		n := news{next: p}
		n.next.Deleted, n.next.Proof = true, nil
		n.add(f.kind, change(deleted, nil, object))
		if err := f.put(ctx, uid, p, n); err != nil {
			return err
		}
	}
	delete(f.places, uid)
	delete(f.index.There, uid)
	return f.keepIndex(ctx)
}

// missed puts the deletion of all that were there and are not listed on the stream.
func (f *follower) missed(ctx context.Context, listed map[string]bool) error {
	for _, uid := range slices.Sorted(maps.Keys(f.index.There)) {
		if listed[uid] {
			continue
		}
		if err := f.gone(ctx, uid, nil); err != nil {
			return err
		}
	}
	return nil
}

// place returns the bookmark of an object. What was being stored when the program
// ended is stored now.
func (f *follower) place(ctx context.Context, uid string) (place, error) {
	if p, ok := f.places[uid]; ok {
		return p, nil
	}
	var kept []byte
	var found bool
	err := f.persist(ctx, func() (err error) {
		kept, found, err = f.in.Bookmarks.Bookmark(ctx, f.key+"/"+uid)
		return err
	})
	if err != nil || !found {
		return place{}, err
	}
	p, received, events, err := readPlace(kept)
	if err != nil {
		return place{}, fmt.Errorf("%s %s: %w", f.kind, uid, err)
	}
	if len(events) > 0 || p.Proof != nil {
		err = f.store(ctx, uid, received, news{next: p, events: events})
	}
	f.places[uid] = p
	return p, err
}

// put stores news, and then the bookmark that says so.
func (f *follower) put(ctx context.Context, uid string, p place, n news) error {
	received := f.in.Now().UTC()
	before, err := p.bytes(time.Time{}, nil)
	if err != nil {
		return err
	}
	after, err := n.next.bytes(time.Time{}, nil)
	if err != nil {
		return err
	}
	if len(n.events)+len(n.dead) == 0 && p.known && bytes.Equal(before, after) {
		f.places[uid] = n.next
		return nil
	}
	// A larger one may not fit a bookmark. After a crash at the wrong moment it may
	// then be stored twice.
	intent, err := n.next.bytes(received, n.events)
	if err != nil {
		return err
	}
	if len(n.events) > 0 && len(intent) <= ingest.MaxBatch {
		if err := f.keep(ctx, uid, intent); err != nil {
			return err
		}
	}
	return f.store(ctx, uid, received, n)
}

func (f *follower) keep(ctx context.Context, uid string, b []byte) error {
	return f.persist(ctx, func() error { return f.in.Bookmarks.KeepBookmark(ctx, f.key+"/"+uid, b) })
}

// store puts news on the stream, and keeps the bookmark after that.
func (f *follower) store(ctx context.Context, uid string, received time.Time, n news) error {
	origin := f.kind.name + "/" + n.next.Place
	env := f.in.Source.Envelope(origin, received, event.Batch{Events: n.events}.Payload())
	for i := range n.dead {
		n.dead[i].Envelope = env
	}
	err := f.persist(ctx, func() error { return f.in.Store(ctx, env, n.events, n.dead) })
	if err != nil {
		return err
	}
	if proof := n.next.Proof; proof != nil {
		proof.Source = f.in.Source.Name
		if err := f.persist(ctx, func() error { return f.in.Sink.PublishProof(ctx, *proof) }); err != nil {
			return err
		}
		f.in.Log.Warn("history is not complete", "source", f.in.Source.Name, "object", origin, "faults", proof.Faults)
		n.next.Proof = nil
		f.index.Faults++
		if err := f.keepIndex(ctx); err != nil {
			return err
		}
	}
	b, err := n.next.bytes(time.Time{}, nil)
	if err != nil {
		return err
	}
	if err := f.keep(ctx, uid, b); err != nil {
		return err
	}
	f.places[uid] = n.next
	f.stored(ingest.Newest(n.events))
	return nil
}

func (f *follower) bury(ctx context.Context, raw []byte, why error) error {
	env := f.in.Source.Envelope(f.kind.name, f.in.Now().UTC(), raw)
	d := event.Dead{Envelope: env, Reason: why.Error(), Cause: "malformed", Index: -1, Raw: raw}
	return f.persist(ctx, func() error { return f.in.Bury(ctx, d) })
}

// lastRetry bounds the wait before something is stored again.
const lastRetry = 30 * time.Second

// persist does something to the stream until it succeeds or ctx ends. Meanwhile
// nothing is read from the cluster: what is not read stays there.
func (f *follower) persist(ctx context.Context, do func() error) error {
	wait := backoff.NewExponentialBackOff()
	wait.MaxInterval = lastRetry
	_, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, do() },
		backoff.WithBackOff(wait), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, in time.Duration) {
			f.in.Log.Error("not stored; it will be tried again", "source", f.in.Source.Name, "in", in.Round(time.Millisecond), "err", err)
		}))
	if err != nil {
		return fmt.Errorf("source %s: %w", f.in.Source.Name, err)
	}
	return nil
}

// tombstone is all that is known of an object that the list lacks.
func (k *kind) tombstone(uid, at string) []byte {
	namespace, name, _ := strings.Cut(at, "/")
	return object(
		member{"apiVersion", quoted(k.group + "/" + k.version)}, member{"kind", quoted(k.one)},
		member{"metadata", object(member{"name", quoted(name)}, member{"namespace", quoted(namespace)}, member{"uid", quoted(uid)})},
	)
}

func quoted(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		return []byte(`""`)
	}
	return b
}
