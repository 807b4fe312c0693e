package monitor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
)

// bookmark is the key under which the memory is kept.
const bookmark = "monitor of itself"

// memory is what is known of what was told. It is kept, with the notes that
// follow from what is new in it, before any of them is published: one that was
// under way when the process ended is published again, the same to the byte.
//
//	{"policy":1042,"key":"sidedoor+4gRr…","dead":7,"sources":{"github":{"through":"…"}}}
type memory struct {
	Policy  uint64            `json:"policy"`        // sequence of the last announcement told
	Key     string            `json:"key,omitempty"` // of the ledger
	Dead    uint64            `json:"dead"`          // sequence of the last dead letter told
	DeadAt  time.Time         `json:"dead_at,omitzero"`
	Full    *time.Time        `json:"full,omitempty"`    // since when there is no room, if that was told
	Records uint64            `json:"records,omitempty"` // sequence of the last manifest told
	Sources map[string]*heard `json:"sources,omitempty"`
	Pending []Note            `json:"pending,omitempty"`
}

// heard is what is known of a source.
type heard struct {
	Through time.Time `json:"through"` // its coverage; if there is none, when it was first looked for
	// Excused is for how long since then no monitor ran, so that nothing could be
	// heard.
	Excused time.Duration `json:"excused,omitempty"`
	Silent  bool          `json:"silent,omitempty"` // which was told
	From    time.Time     `json:"from,omitzero"`    // up to when it was complete then
	// Rhythm is how long it was quiet, by day, the oldest first; Since, when that
	// began to be learned.
	Rhythm []quiet   `json:"rhythm,omitempty"`
	Since  time.Time `json:"since,omitzero"`
}

// quiet is the longest that a source was quiet on a day.
type quiet struct {
	Day     string        `json:"day"` // 2026-11-24, UTC
	Longest time.Duration `json:"longest"`
}

// Begin looks up what was told by earlier processes. It has to be called before
// the policy of this one is announced: an installation of an earlier version has
// told nothing, and what was in force last is then what is compared with.
func (m *Monitor) Begin(ctx context.Context) error {
	b, found, err := m.Stream.Bookmark(ctx, bookmark)
	if err != nil {
		return err
	}
	if found {
		if err := json.Unmarshal(b, &m.memory); err != nil {
			return fmt.Errorf("source %s: what was told: %w", Source, err)
		}
	}
	policy, err := m.Stream.LastPolicy(ctx)
	if err != nil {
		return err
	}
	dead, err := m.Stream.LastDead(ctx)
	if err != nil {
		return err
	}
	if !found {
		m.memory.Policy, m.memory.Dead = policy, dead
	}
	// Streams that were made anew count from 1 again.
	m.memory.Policy, m.memory.Dead = min(m.memory.Policy, policy), min(m.memory.Dead, dead)
	if m.memory.Sources == nil {
		m.memory.Sources = map[string]*heard{}
	}
	if err := m.keep(ctx); err != nil {
		return err
	}
	return m.excuse(ctx)
}

func (m *Monitor) keep(ctx context.Context) error {
	b, err := json.Marshal(m.memory)
	if err != nil {
		return fmt.Errorf("source %s: %w", Source, err)
	}
	return m.Stream.KeepBookmark(ctx, bookmark, b)
}

// tell keeps the memory with the notes, and then publishes them.
func (m *Monitor) tell(ctx context.Context, notes ...Note) error {
	m.memory.Pending = append(m.memory.Pending, notes...)
	if err := m.keep(ctx); err != nil {
		return err
	}
	return m.publish(ctx)
}

// publish stores the notes that are pending, each in a batch of its own.
func (m *Monitor) publish(ctx context.Context) error {
	for len(m.memory.Pending) > 0 {
		n := m.memory.Pending[0]
		e, err := n.event()
		if err != nil {
			return err
		}
		env := ingest.Source{Name: Source, Product: Product, Service: Service, Scope: m.Scope}.Envelope(n.ID, m.Now().UTC(), e.Raw)
		if err := (ingest.Intake{Sink: m.Stream, Metrics: m.Metrics}).Store(ctx, env, []event.Event{e}, nil); err != nil {
			return err
		}
		m.memory.Pending = m.memory.Pending[1:]
	}
	return nil
}
