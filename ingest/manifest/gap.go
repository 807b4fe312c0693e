package manifest

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/monitor"
)

// silence is a source's being silent, as long as it was not told that it is heard.
type silence struct {
	From    time.Time `json:"from"`
	Noticed time.Time `json:"noticed"`
	// To is from when on it is complete again; zero until something arrives.
	To        time.Time `json:"to,omitzero"`
	Recovered int       `json:"recovered,omitempty"`
}

// gap is one that is over, and what of it is on record.
type gap struct {
	event.Gap
	SaidRecovered int       `json:"said_recovered,omitempty"`
	SaidAt        time.Time `json:"said_at,omitzero"`
}

// Bounds of the gaps of one source.
const (
	gapsFor = 90 * day
	maxGaps = 200
)

// hear ends a silence, if there is one: what arrived is complete from through on.
func (s *silence) hear(through time.Time) {
	if s != nil && s.To.IsZero() {
		s.To = later(s.From, through)
	}
}

func (s *silence) contains(t time.Time) bool {
	return s != nil && !t.Before(s.From) && (s.To.IsZero() || t.Before(s.To))
}

func (g *gap) contains(t time.Time) bool { return !t.Before(g.From) && t.Before(g.To) }

// note takes in a note of the monitor: that a source has fallen silent, or is
// heard again.
func (f *fold) note(raw []byte) {
	var n monitor.Note
	if err := json.Unmarshal(raw, &n); err != nil || n.SourceNote == nil || n.Source == "" {
		return
	}
	switch n.Kind {
	case monitor.SourceSilent:
		a := f.account(n.Source)
		if a.Silence == nil {
			a.Silence = &silence{From: later(n.From, n.Through), Noticed: n.Time}
			a.changed(a.Silence.From, n.Time)
		}
	case monitor.SourceHeard:
		f.heard(n)
	}
}

func (f *fold) heard(n monitor.Note) {
	a := f.account(n.Source)
	s := a.Silence
	if s == nil {
		if n.From.IsZero() {
			return
		}
		s = &silence{From: n.From, Noticed: n.Time}
	}
	a.Silence = nil
	s.hear(later(n.To, n.Through))
	if !s.From.Before(s.To) || slices.ContainsFunc(a.Gaps, func(g *gap) bool { return g.From.Equal(s.From) }) {
		return
	}
	g := &gap{Gap: event.Gap{Source: n.Source, From: s.From, To: s.To, Noticed: s.Noticed, Recovered: s.Recovered}}
	if known := f.gapsSaid[gapID(g.Gap)]; known != nil {
		g.said(*known, time.Time{})
	}
	a.Gaps = append(a.Gaps, g)
	a.Gaps = slices.DeleteFunc(a.Gaps, func(old *gap) bool { return g.To.Sub(old.To) > gapsFor })
	a.Gaps = slices.Delete(a.Gaps, 0, max(len(a.Gaps)-maxGaps, 0))
	a.changed(g.From, g.To)
}

func gapID(g event.Gap) string { return g.Source + "." + strconv.FormatInt(g.From.UnixMilli(), 10) }

// said notes what of the gap is on record.
func (g *gap) said(r event.Gap, at time.Time) {
	if r.Revision >= g.Revision {
		g.Revision, g.SaidRecovered, g.SaidAt = r.Revision, r.Recovered, at
	}
}

// inGap says whether a time lies in a gap, so that an event of it is recovered.
func (a *account) inGap(t time.Time) bool {
	return a.Silence.contains(t) && !a.Silence.To.IsZero() ||
		slices.ContainsFunc(a.Gaps, func(g *gap) bool { return g.contains(t) })
}

func (a *account) recover(t time.Time) {
	if a.Silence.contains(t) && !a.Silence.To.IsZero() {
		a.Silence.Recovered++
	}
	for _, g := range a.Gaps {
		if g.contains(t) {
			g.Recovered++
		}
	}
}

// silent says whether a period overlaps a gap, or a silence that goes on.
func (a *account) silent(from, to time.Time) bool {
	overlap := func(begin, end time.Time) bool { return begin.Before(to) && (end.IsZero() || end.After(from)) }
	return a.Silence != nil && overlap(a.Silence.From, a.Silence.To) ||
		slices.ContainsFunc(a.Gaps, func(g *gap) bool { return overlap(g.From, g.To) })
}

// dueGaps are the gaps of which there is something new to put on record.
func (f *fold) dueGaps(now time.Time) []event.Gap {
	var out []event.Gap
	for _, a := range f.Accounts {
		for _, g := range a.Gaps {
			changed := g.Revision == 0 || g.Recovered != g.SaidRecovered
			if !changed || g.Revision > 0 && soon(now, g.SaidAt, reviseEvery) {
				continue
			}
			next := g.Gap
			next.Revision++
			out = append(out, next)
		}
	}
	slices.SortFunc(out, func(a, b event.Gap) int { return a.From.Compare(b.From) })
	return out
}

// saidGap notes that a gap is on record.
func (f *fold) saidGap(r event.Gap, at time.Time) {
	if a := f.Accounts[r.Source]; a != nil {
		for _, g := range a.Gaps {
			if gapID(g.Gap) == gapID(r) {
				g.said(r, at)
				return
			}
		}
	}
	f.gapsSaid[gapID(r)] = &r // one that the fold has not come to yet
}
