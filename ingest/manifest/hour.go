package manifest

import (
	"cmp"
	"encoding/json"
	"slices"
	"time"

	"sidedoor/event"
)

const (
	// settle is how long after its end, and the source's lateness, an hour is put
	// on record whatever the marks say.
	settle = 10 * time.Minute
	// reviseEvery is how often a record is revised, at most; reviseWrong, if
	// something is newly wrong.
	reviseEvery = 10 * time.Minute
	reviseWrong = time.Minute
	// patience is after how many revisions they come more slowly: whoever can send
	// late events must not be able to fill the ledger.
	patience = 6
)

// soon says whether now is less than d after t. A t that is ahead of now is by
// another clock, and does not count.
func soon(now, t time.Time, d time.Duration) bool { return !t.After(now) && now.Sub(t) < d }

// opens are the hours of configured sources that are over and were not taken up
// yet, the oldest first, most at most.
func (f *fold) opens(now time.Time, most int) []key {
	var out []key
	for source := range f.sources {
		a := f.Accounts[source]
		if a == nil || a.First == "" {
			continue
		}
		h := a.Next
		for n := 0; n < most && !h.End().After(now); n++ {
			out = append(out, key{source, h})
			h = event.HourOf(h.End())
		}
	}
	slices.SortFunc(out, key.compare)
	return out[:min(len(out), most)]
}

// opened says that an hour was taken up because it is over.
func (f *fold) opened(k key) { f.account(k.source).Next = event.HourOf(k.hour.End()) }

// due are the manifests to be put on record now, in the order of their hours. If
// more hours are held than may be, those touched longest ago are due at once.
func (f *fold) due(now time.Time) []event.Manifest {
	var out []event.Manifest
	crowd := f.crowd(now)
	for source, a := range f.Accounts {
		for hour, t := range a.Hours {
			if !t.Dirty || hour.End().After(now) {
				continue
			}
			m := f.manifest(source, hour)
			if t.Said != nil && t.Said.Digest == material(m) {
				t.Dirty = false
				continue
			}
			if crowd[t] || f.ripe(now, source, hour, m) {
				out = append(out, m)
			}
		}
	}
	slices.SortFunc(out, func(a, b event.Manifest) int {
		return cmp.Or(cmp.Compare(a.Hour, b.Hour), cmp.Compare(a.Source, b.Source))
	})
	return out
}

// ripe says whether the time has come to put what is new on record.
func (f *fold) ripe(now time.Time, source string, hour event.Hour, m event.Manifest) bool {
	s := f.Accounts[source].Hours[hour].Said
	if s == nil {
		return !f.through(source).Before(hour.End()) || now.Sub(hour.End()) >= settle+f.sources[source].Lateness
	}
	if wrong(m.Completeness) && m.Completeness != s.Completeness || m.Reused > s.Reused {
		return !soon(now, s.At, reviseWrong)
	}
	wait := reviseEvery * time.Duration(max(1, s.Revision-patience))
	return !soon(now, s.At, min(wait, day))
}

func wrong(c event.Completeness) bool { return c == event.Missing || c == event.Altered }

// crowd are the hours that are over, as many as are too many, those first that
// were touched longest ago.
func (f *fold) crowd(now time.Time) map[*tally]bool {
	var over []*tally
	held := 0
	for _, a := range f.Accounts {
		held += len(a.Hours)
		for hour, t := range a.Hours {
			if !hour.End().After(now) {
				over = append(over, t)
			}
		}
	}
	many := held - f.limits.hours
	if many <= 0 {
		return nil
	}
	slices.SortFunc(over, func(a, b *tally) int { return cmp.Compare(a.Touched, b.Touched) })
	out := map[*tally]bool{}
	for _, t := range over[:min(len(over), many)] {
		out[t] = true
	}
	return out
}

// manifest is the account of an hour as it is now.
func (f *fold) manifest(source string, hour event.Hour) event.Manifest {
	a := f.Accounts[source]
	t := a.Hours[hour]
	m := event.Manifest{
		Source: source, Product: a.Product, Service: a.Service, Hour: hour, Revision: 1,
		Events: t.Events, Repeats: t.Repeats, Reused: t.Reused, Unchecked: t.Unchecked, Truncated: t.Truncated,
		Dead: t.Dead, Late: t.Late, Recovered: t.Recovered, First: t.First, Last: t.Last, Rolling: t.Rolling, Lag: t.Lags.lag(),
		Through: a.Through, Position: f.Position, DeadPosition: f.Dead,
	}
	if t.Said != nil {
		m.Revision = t.Said.Revision + 1
	}
	m.Outages = f.outages(source, hour, t)
	f.judge(&m, t)
	return bound(m)
}

// judge says what is known of an hour, by which proofs, and which parts do not
// prove it.
func (f *fold) judge(m *event.Manifest, t *tally) {
	a := f.Accounts[m.Source]
	begin, end := m.Hour.Begin(), m.Hour.End()
	all := a.Proofs
	if t.Base != nil {
		all = t.Base.Proofs.with(a.Proofs)
	}
	m.Proofs = all.of(begin, end)
	m.Completeness, m.Unproved = all.completeness(begin, end)
	if t.Base != nil {
		t.Base.keep(m, a.Proofs.of(begin, end))
	}
	switch {
	case m.Completeness != "":
	case t.Recovered == 0 && (a.silent(begin, end) || t.Base != nil && t.Base.Completeness == event.Silent):
		m.Completeness = event.Silent
	case !f.through(m.Source).Before(end) && len(m.Outages) == 0:
		m.Completeness = event.Covered
	default:
		m.Completeness = event.Behind
	}
}

// keep upholds what was on record: what was complete stays so unless a proof says
// otherwise, even if the proofs for it are no longer held.
func (b *base) keep(m *event.Manifest, more proofs) {
	if len(more) == 0 {
		m.Unproved, m.OtherProofs = b.Unproved, b.OtherProofs
	}
	if m.Completeness == "" && b.Completeness == event.Complete || wrong(b.Completeness) && b.OtherProofs > 0 {
		m.Completeness, m.Unproved = b.Completeness, b.Unproved
	}
}

// maxManifest bounds a manifest's wire form in bytes; a record has more around it.
const maxManifest = event.MaxRecord - 4<<10

// maxRecorded is how many proofs a manifest shows.
const maxRecorded = 20

// bound leaves out proofs, the better ones first, until the manifest fits into a
// record.
func bound(m event.Manifest) event.Manifest {
	all, others := m.Proofs, m.OtherProofs
	for keep := min(len(all), maxRecorded); ; keep /= 2 {
		m.Proofs, m.OtherProofs = all[:keep:keep], others+len(all)-keep
		if b, err := json.Marshal(m); err != nil || len(b) <= maxManifest || keep == 0 {
			return m
		}
	}
}

// material is the digest of all in a manifest that is worth a revision.
func material(m event.Manifest) event.Digest {
	m.Revision, m.Position, m.DeadPosition, m.Through = 0, 0, 0, time.Time{}
	if len(m.Proofs) == 0 {
		m.Proofs = nil
	}
	if len(m.Dead) == 0 {
		m.Dead = nil
	}
	b, err := json.Marshal(m)
	if err != nil {
		return event.Digest{} // never the digest of what was said
	}
	return event.DigestOf(b)
}

// said notes that a manifest is on record.
func (f *fold) said(m event.Manifest, at time.Time) {
	a := f.Accounts[m.Source]
	if a == nil || a.Hours[m.Hour] == nil {
		return
	}
	t := a.Hours[m.Hour]
	t.Said = t.Said.next(m, at)
}

const (
	// heldFor is how long an hour is held at least, so that repeats are told.
	heldFor = 2 * day
	// behindFor is for how much longer if its source may still catch up.
	behindFor = 14 * day
)

// release lets go of hours of which all is said: the old ones, and more if there
// are too many.
func (f *fold) release(now time.Time) {
	crowd := f.crowd(now)
	for _, a := range f.Accounts {
		for hour, t := range a.Hours {
			old := now.Sub(hour.End())
			settled := old > behindFor || old > heldFor && t.Said != nil && t.Said.Completeness != event.Behind
			if t.Said == nil || t.Dirty || !settled && !crowd[t] {
				continue
			}
			f.remembered -= t.forget()
			delete(a.Hours, hour)
		}
	}
}
