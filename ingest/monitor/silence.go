package monitor

import (
	"context"
	"maps"
	"slices"
	"time"
)

// excuse makes allowance for the time in which no monitor ran: a source that
// could not be heard was not silent. It goes by the marks of this source, the
// last of which the last monitor made when it ended.
func (m *Monitor) excuse(ctx context.Context) error {
	last, err := m.through(ctx, Source)
	if err != nil || last.IsZero() {
		return err
	}
	for name, h := range m.memory.Sources {
		if _, _, err := m.hear(ctx, name, h); err != nil {
			return err
		}
		if !h.Silent { // only being heard ends a silence
			h.Excused += max(m.Now().UTC().Sub(last), 0)
		}
	}
	return m.keep(ctx)
}

// hear takes in up to when a source is complete now. It returns how far that is
// behind, and how long the source was quiet if it is heard again.
func (m *Monitor) hear(ctx context.Context, name string, h *heard) (behind, quiet time.Duration, err error) {
	through, err := m.through(ctx, name)
	if through.After(h.Through) {
		quiet = max(through.Sub(h.Through)-h.Excused, 0)
		h.Through, h.Excused = through, 0
	}
	return m.Now().UTC().Sub(h.Through) - h.Excused, quiet, err
}

// silence tells of sources whose coverage has fallen behind, once, and of the end
// of that.
func (m *Monitor) silence(ctx context.Context) error {
	var notes []Note
	changed := m.forgetSources()
	for _, w := range m.Sources {
		h := m.memory.Sources[w.Name]
		if h == nil { // never heard it may be, but not silent before it was there
			h, changed = &heard{Through: m.Now().UTC()}, true
			m.memory.Sources[w.Name] = h
		}
		n, learned, err := m.listen(ctx, w, h)
		if err != nil {
			return err
		}
		changed = changed || learned
		notes = append(notes, n...)
	}
	if len(notes) == 0 && !changed {
		return nil
	}
	return m.tell(ctx, notes...)
}

// listen looks at one source. It returns the note there is to tell, if any, and
// whether something of its rhythm was learned.
func (m *Monitor) listen(ctx context.Context, w Watched, h *heard) (notes []Note, learned bool, err error) {
	now, never := m.Now().UTC(), h.Since.IsZero()
	behind, quiet, err := m.hear(ctx, w.Name, h)
	if err != nil {
		return nil, false, err
	}
	limit := w.limit(h, now)
	switch {
	case quiet == 0:
	case never:
		// From when it was first looked for it is not known to have been quiet.
		h.Since, learned = now, true
	default:
		// A silence that was told counts no longer than the limit that it broke:
		// nobody stretches the rhythm by more than it takes to be noticed.
		learned = h.learn(now, w.lesson(h, now, quiet))
	}
	silent := behind > limit
	if silent == h.Silent {
		return nil, learned, nil
	}
	h.Silent = silent
	n := Note{Time: now, Kind: SourceHeard, SourceNote: &SourceNote{
		Source: w.Name, Product: w.Product, Service: w.Service, Through: h.Through, From: h.From, To: h.Through,
	}}
	if silent {
		h.From = h.Through
		n.Kind, n.Behind, n.From, n.To = SourceSilent, behind.Round(time.Minute).String(), h.From, time.Time{}
		n.Rhythm = w.rhythm(h, now)
	}
	n.ID = identity(n.Kind, w.Name+now.String())
	return []Note{n}, learned, nil
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
