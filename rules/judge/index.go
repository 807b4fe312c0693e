package judge

import (
	"container/list"
	"time"
)

// index holds sets of values by key.
type index[K, V comparable] map[K]map[V]struct{}

func (x index[K, V]) add(k K, v V) {
	set := x[k]
	if set == nil {
		set = map[V]struct{}{}
		x[k] = set
	}
	set[v] = struct{}{}
}

func (x index[K, V]) remove(k K, v V) {
	delete(x[k], v)
	if len(x[k]) == 0 {
		delete(x, k)
	}
}

// key is a kind of approval together with a scope or a person.
type key struct{ kind, value string }

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
