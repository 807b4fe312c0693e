package monitor

import (
	"context"
	"maps"
	"slices"
	"time"
)

// DefaultSilentAfter is how far a source's coverage may be behind if its
// configuration does not say.
const DefaultSilentAfter = 2 * time.Hour

// excuse makes allowance for the time in which no monitor ran: a source that
// could not be heard was not silent. It goes by the marks of this source, the
// last of which the last monitor made when it ended.
func (m *Monitor) excuse(ctx context.Context) error {
	last, err := m.through(ctx, Source)
	if err != nil || last.IsZero() {
		return err
	}
	for name, h := range m.memory.Sources {
		if _, err := m.hear(ctx, name, h); err != nil {
			return err
		}
		if !h.Silent { // only being heard ends a silence
			h.Excused += max(m.Now().UTC().Sub(last), 0)
		}
	}
	return m.keep(ctx)
}

// hear takes in up to when a source is complete now, and returns how far that is
// behind.
func (m *Monitor) hear(ctx context.Context, name string, h *heard) (behind time.Duration, err error) {
	through, err := m.through(ctx, name)
	if through.After(h.Through) {
		h.Through, h.Excused = through, 0
	}
	return m.Now().UTC().Sub(h.Through) - h.Excused, err
}

// silence tells of sources whose coverage has fallen behind, once, and of the end
// of that.
func (m *Monitor) silence(ctx context.Context) error {
	now := m.Now().UTC()
	var notes []Note
	fresh := m.forgetSources()
	for _, w := range m.Sources {
		h := m.memory.Sources[w.Name]
		if h == nil { // never heard it may be, but not silent before it was there
			h, fresh = &heard{Through: now}, true
			m.memory.Sources[w.Name] = h
		}
		behind, err := m.hear(ctx, w.Name, h)
		if err != nil {
			return err
		}
		if silent := behind > w.SilentAfter; silent != h.Silent {
			h.Silent = silent
			notes = append(notes, w.note(h, now, behind))
		}
	}
	if len(notes) == 0 && !fresh {
		return nil
	}
	return m.tell(ctx, notes...)
}

// forgetSources lets go of the sources that are no longer watched, and says
// whether there were any.
func (m *Monitor) forgetSources() bool {
	before := len(m.memory.Sources)
	maps.DeleteFunc(m.memory.Sources, func(name string, _ *heard) bool {
		return !slices.ContainsFunc(m.Sources, func(w Watched) bool { return w.Name == name })
	})
	return len(m.memory.Sources) < before
}

func (w Watched) note(h *heard, now time.Time, behind time.Duration) Note {
	n := Note{Time: now, Kind: SourceHeard, SourceNote: &SourceNote{
		Source: w.Name, Product: w.Product, Service: w.Service, Through: h.Through,
	}}
	if h.Silent {
		n.Kind, n.Behind = SourceSilent, behind.Round(time.Minute).String()
	}
	n.ID = identity(n.Kind, w.Name+now.String())
	return n
}
