package monitor

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/stream"
)

// Stream is what the source reads and writes.
type Stream interface {
	ingest.Sink
	Bookmark(ctx context.Context, key string) (value []byte, found bool, err error)
	KeepBookmark(ctx context.Context, key string, value []byte) error
	Policies(ctx context.Context, after uint64, f func(seq uint64, p event.Policy) error) error
	LastPolicy(ctx context.Context) (uint64, error)
	LastMark(ctx context.Context, source string) (event.Mark, error)
	DeadAfter(ctx context.Context, after uint64, f func(seq uint64, d event.Dead) error) error
	LastDead(ctx context.Context) (uint64, error)
	ReadRecordsOf(ctx context.Context, t event.Type, id string, after uint64, f func(seq uint64, r event.Record) error) error
}

// Watched is a source whose silence is told.
type Watched struct {
	Name, Product, Service string
	// SilentAfter is how far its coverage may be behind; 0: that is learned.
	SilentAfter time.Duration
	// Lateness is by how much its coverage is always behind.
	Lateness time.Duration
}

// Monitor is the source. Call Begin, announce the policy, and then Run.
type Monitor struct {
	Stream  Stream
	Sources []Watched
	Scope   string // the installation's name
	Key     string // the public key that the ledger is signed with; empty: not watched
	// Space says how much room there is for events; nil: that is not watched.
	Space   func() stream.Space
	Metrics *ingest.Metrics
	Now     func() time.Time
	Log     *slog.Logger
	// Nudge, if it is not nil, says that there is something new.
	Nudge <-chan struct{}
	// Every is how often it looks at what nobody nudges for. 0: a minute.
	Every time.Duration

	memory  memory
	marked  time.Time
	refused uint64 // for want of room, of which is told
}

const (
	// lookEvery is how often there is a look at what nobody nudges for.
	lookEvery = time.Minute
	// deadEvery is how often dead letters are told, at most.
	deadEvery = time.Hour
	// lastWithin bounds the last look, when the process is to end.
	lastWithin = 5 * time.Second
)

// Run tells what there is to tell until ctx ends, and a last time then.
func (m *Monitor) Run(ctx context.Context) error {
	tick := time.NewTicker(cmp.Or(m.Every, lookEvery))
	defer tick.Stop()
	for {
		// A stream that takes nothing now may take it the next time: nothing is
		// forgotten meanwhile.
		if err := m.look(ctx); err != nil && ctx.Err() == nil {
			m.Log.Warn("the monitor cannot tell of itself now; it will try again", "err", err)
		}
		select {
		case <-tick.C:
		case <-m.Nudge:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
			defer cancel()
			_ = m.look(last) // what is not told now is told on the next start
			return nil
		}
	}
}

// look tells all that is new.
func (m *Monitor) look(ctx context.Context) error {
	for _, f := range []func(context.Context) error{m.pending, m.policies, m.ledger, m.silence, m.deadLetters, m.manifests, m.full, m.mark} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

// pending tells what could not be told before.
func (m *Monitor) pending(ctx context.Context) error {
	if len(m.memory.Pending) == 0 {
		return nil
	}
	return m.tell(ctx)
}

// policies tells of the policies that were announced since the last one told.
func (m *Monitor) policies(ctx context.Context) error {
	var old *event.Policy
	from := m.memory.Policy
	return m.Stream.Policies(ctx, max(from, 1)-1, func(seq uint64, p event.Policy) error {
		if seq > from {
			m.memory.Policy = seq
			if err := m.tell(ctx, notesOf(old, p)...); err != nil {
				return err
			}
		}
		old = &p
		return nil
	})
}

// ledger tells if the ledger's key is another than the last that was seen.
func (m *Monitor) ledger(ctx context.Context) error {
	old := m.memory.Key
	if m.Key == "" || m.Key == old {
		return nil
	}
	m.memory.Key = m.Key
	if old == "" {
		return m.keep(ctx)
	}
	now := m.Now().UTC()
	return m.tell(ctx, Note{
		ID: identity(LedgerKeyChanged, now.String()+m.Key), Time: now, Kind: LedgerKeyChanged,
		LedgerNote: &LedgerNote{Key: m.Key, OldKey: old},
	})
}

// deadLetters tells, of each source, how many dead letters there are since it
// was last told.
func (m *Monitor) deadLetters(ctx context.Context) error {
	now := m.Now().UTC()
	if since := now.Sub(m.memory.DeadAt); since >= 0 && since < deadEvery {
		return nil
	}
	last, err := m.Stream.LastDead(ctx)
	if err != nil || last <= m.memory.Dead {
		return err
	}
	causes := map[string]map[string]int{}
	to := m.memory.Dead
	err = m.Stream.DeadAfter(ctx, m.memory.Dead, func(seq uint64, d event.Dead) error {
		if causes[d.Source] == nil {
			causes[d.Source] = map[string]int{}
		}
		causes[d.Source][d.Cause]++
		to = seq
		return nil
	})
	if err != nil {
		return err
	}
	m.memory.Dead, m.memory.DeadAt = max(to, last), now
	var notes []Note
	for _, source := range slices.Sorted(maps.Keys(causes)) {
		n := Note{
			ID: identity(DeadLetters, source+now.String()), Time: now, Kind: DeadLetters,
			SourceNote: &SourceNote{Source: source}, DeadNote: &DeadNote{Causes: causes[source]},
		}
		n.List = slices.Sorted(maps.Keys(causes[source]))
		for _, count := range causes[source] {
			n.Letters += count
		}
		notes = append(notes, n)
	}
	return m.tell(ctx, notes...)
}

// mark states that this source is complete: all there was to tell up to now is
// on the stream.
func (m *Monitor) mark(ctx context.Context) error {
	now := m.Now().UTC()
	if !now.After(m.marked) {
		return nil
	}
	if err := m.Stream.PublishMark(ctx, event.Mark{Source: Source, Through: now, Every: m.Every}); err != nil {
		return err
	}
	m.marked = now
	return nil
}

// through is up to when a source is complete; the zero time if it never said.
func (m *Monitor) through(ctx context.Context, source string) (time.Time, error) {
	mark, err := m.Stream.LastMark(ctx, source)
	if errors.Is(err, stream.ErrNotFound) {
		return time.Time{}, nil
	}
	return mark.Through, err
}
