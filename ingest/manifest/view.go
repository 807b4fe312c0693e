package manifest

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// View is what is known of a source now.
type View struct {
	Source
	Configured bool       // it is among the sources that an account is kept of
	First      event.Hour // of its first appearance; empty if there was none
	Through    time.Time  // up to when it is complete by its coverage
	Heard      time.Time  // when the latest of it arrived
	// SilentFrom is up to when it was complete when it fell silent; zero if it is
	// not silent.
	SilentFrom time.Time
	// Hours are its manifests, the oldest first: as they would be put on record now,
	// the hour that is not over included.
	Hours []event.Manifest
	Gaps  []event.Gap
}

// viewHours is how many hours a view holds.
const viewHours = 50_000

// Views works out the account up to now of the sources, or of the one that is named,
// with its hours and gaps since a time. Nothing is put on record.
func (k *Keeper) Views(ctx context.Context, only string, since time.Time) ([]View, error) {
	if err := k.begin(ctx); err != nil {
		return nil, err
	}
	k.fold.limits.hours = viewHours // nothing is put on record, so nothing can be let go
	for more := true; more && k.fold.held() <= viewHours; {
		var err error
		if more, err = k.read(ctx, roundEvents); err != nil {
			return nil, err
		}
	}
	if err := k.readDead(ctx); err != nil {
		return nil, err
	}
	for opened := roundHours; opened == roundHours; {
		var err error
		if opened, err = k.open(ctx, k.Now().UTC()); err != nil {
			return nil, err
		}
	}
	hours, err := k.recorded(ctx, only, since)
	if err != nil {
		return nil, err
	}
	gaps, err := k.recordedGaps(ctx, only, since)
	if err != nil {
		return nil, err
	}
	var out []View
	for _, s := range k.named(only) {
		out = append(out, k.view(s, hours[s.Name], gaps[s.Name], since))
	}
	return out, nil
}

// named are the sources of which something is known, or should be.
func (k *Keeper) named(only string) []Source {
	var out []Source
	for name, a := range k.fold.Accounts {
		if _, ok := k.fold.sources[name]; !ok && (a.First != "" || len(a.Hours) > 0) {
			out = append(out, Source{Name: name, Product: a.Product, Service: a.Service})
		}
	}
	slices.SortFunc(out, func(a, b Source) int { return cmp.Compare(a.Name, b.Name) })
	out = append(slices.Clone(k.Sources), out...)
	return slices.DeleteFunc(out, func(s Source) bool { return only != "" && s.Name != only })
}

func (k *Keeper) view(s Source, hours map[event.Hour]event.Manifest, gaps map[string]event.Gap, since time.Time) View {
	v := View{Source: s}
	_, v.Configured = k.fold.sources[s.Name]
	if a := k.fold.Accounts[s.Name]; a != nil {
		v.First, v.Through, v.Heard = a.First, a.Through, a.Heard
		if a.Silence != nil {
			v.SilentFrom = a.Silence.From
		}
		for h := range a.Hours {
			if hours == nil {
				hours = map[event.Hour]event.Manifest{}
			}
			if h.End().After(since) {
				hours[h] = k.fold.current(s.Name, h)
			}
		}
		for _, g := range a.Gaps {
			if gaps == nil {
				gaps = map[string]event.Gap{}
			}
			if g.To.After(since) {
				gaps[gapID(g.Gap)] = g.Gap
			}
		}
	}
	for _, m := range hours {
		v.Hours = append(v.Hours, m)
	}
	for _, g := range gaps {
		v.Gaps = append(v.Gaps, g)
	}
	slices.SortFunc(v.Hours, func(a, b event.Manifest) int { return strings.Compare(string(a.Hour), string(b.Hour)) })
	slices.SortFunc(v.Gaps, func(a, b event.Gap) int { return a.From.Compare(b.From) })
	return v
}

// current is the manifest of an hour: the revision on record if there is nothing
// new, and else the one that would be next.
func (f *fold) current(source string, hour event.Hour) event.Manifest {
	m := f.manifest(source, hour)
	if s := f.Accounts[source].Hours[hour].Said; s != nil && s.Digest == material(m) {
		m.Revision = s.Revision
	}
	return m
}

// Settled says whether an hour is over for so long that all of it should be there.
func (s Source) Settled(h event.Hour, now time.Time) bool {
	return now.Sub(h.End()) >= settle+s.Lateness
}

// recorded are the last revisions on record of hours since a time, by source.
func (k *Keeper) recorded(ctx context.Context, only string, since time.Time) (map[string]map[event.Hour]event.Manifest, error) {
	out := map[string]map[event.Hour]event.Manifest{}
	err := k.Stream.ReadRecordsOf(ctx, event.TypeManifest, only, 0, func(_ uint64, r event.Record) error {
		m, ok := r.Body.(*event.Manifest)
		if !ok || !m.Hour.End().After(since) {
			return nil
		}
		if out[m.Source] == nil {
			out[m.Source] = map[event.Hour]event.Manifest{}
		}
		if m.Revision >= out[m.Source][m.Hour].Revision {
			out[m.Source][m.Hour] = *m
		}
		return nil
	})
	return out, err
}

func (k *Keeper) recordedGaps(ctx context.Context, only string, since time.Time) (map[string]map[string]event.Gap, error) {
	out := map[string]map[string]event.Gap{}
	err := k.Stream.ReadRecordsOf(ctx, event.TypeGap, only, 0, func(_ uint64, r event.Record) error {
		g, ok := r.Body.(*event.Gap)
		if !ok || !g.To.After(since) {
			return nil
		}
		if out[g.Source] == nil {
			out[g.Source] = map[string]event.Gap{}
		}
		if id := gapID(*g); g.Revision >= out[g.Source][id].Revision {
			out[g.Source][id] = *g
		}
		return nil
	})
	return out, err
}
