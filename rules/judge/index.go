package judge

import (
	"container/list"
	"iter"
	"maps"
	"time"
)

// index holds sets of values by key.
type index[K, V comparable] map[K]set[V]

// set is of one value, as most are, or of more. No set in an index is empty.
type set[V comparable] struct {
	only V
	more map[V]struct{} // nil if there is one
}

func (x index[K, V]) add(k K, v V) {
	s, ok := x[k]
	switch {
	case !ok:
		x[k] = set[V]{only: v}
	case s.more != nil:
		s.more[v] = struct{}{}
	case s.only != v:
		x[k] = set[V]{more: map[V]struct{}{s.only: {}, v: {}}}
	}
}

func (x index[K, V]) remove(k K, v V) {
	s, ok := x[k]
	if delete(s.more, v); ok && len(s.more) == 0 && (s.more != nil || s.only == v) {
		delete(x, k)
	}
}

func (x index[K, V]) has(k K) bool {
	_, ok := x[k]
	return ok
}

// of returns the values with a key, in no order.
func (x index[K, V]) of(k K) iter.Seq[V] {
	s, ok := x[k]
	switch {
	case !ok:
		return func(func(V) bool) {}
	case s.more != nil:
		return maps.Keys(s.more)
	}
	return func(yield func(V) bool) { yield(s.only) }
}

// remembered holds the IDs of acts that are no longer held.
type remembered struct {
	line *list.List // of memory, in the order in which they were added
	ids  map[string]struct{}
}

// memory is the ID of an act, and since when it is no longer held.
type memory struct {
	ID    string    `json:"id"`
	Since time.Time `json:"since"`
}

func newRemembered() *remembered {
	return &remembered{line: list.New(), ids: map[string]struct{}{}}
}

func (r *remembered) has(id string) bool {
	_, ok := r.ids[id]
	return ok
}

func (r *remembered) add(id string, now time.Time) {
	r.ids[id] = struct{}{}
	r.line.PushBack(memory{id, now})
}

// forget drops what is too old, or too much. Nothing is lost by it but the
// recognition of a duplicate that the stream refuses anyway.
func (r *remembered) forget(clock time.Time, cfg Config) {
	for e := r.line.Front(); e != nil; e = r.line.Front() {
		m := e.Value.(memory)
		if r.line.Len() <= cfg.MaxHeld && !clock.After(m.Since.Add(cfg.Memory)) {
			return
		}
		delete(r.ids, m.ID)
		r.line.Remove(e)
	}
}
