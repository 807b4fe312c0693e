package manifest

import (
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/monitor"
)

// Senders that post to the monitor give up sooner or later, and what they would have
// sent while none ran is then lost, however well they are heard afterwards. That none
// ran shows in the marks of the monitor's own source, which come every minute.

const (
	// outageAfter is how long the monitor may be late with its mark before that is
	// an outage.
	outageAfter = 5 * time.Minute
	maxOutages  = 500
	// shownOutages is how many a manifest shows.
	shownOutages = 20
)

// watched is up to when a monitor is known to have run; zero if it never said.
func (f *fold) watched() time.Time {
	if a := f.Accounts[monitor.Source]; a != nil {
		return a.Through
	}
	return time.Time{}
}

// pause is how long may pass after the monitor's last mark.
func (f *fold) pause() time.Duration { return max(f.Every, 0) + outageAfter }

// watch takes in a mark of the monitor: it ran at that time, and none did since the
// mark before if that is longer ago than it may be.
func (f *fold) watch(m event.Mark) {
	from := f.watched()
	if !m.Through.After(from) {
		return
	}
	late := !from.IsZero() && m.Through.Sub(from) > f.pause()
	for source, a := range f.Accounts {
		if s := f.sources[source]; s.Received && !from.IsZero() {
			a.changed(from.Add(-s.Lateness), m.Through.Add(outageAfter))
		}
	}
	f.Every = m.Every
	if !late {
		return
	}
	f.Outages = append(f.Outages, event.Outage{From: from, To: m.Through})
	if len(f.Outages) > maxOutages { // rather too long a time than one that is forgotten
		f.Outages[1].From = f.Outages[0].From
		f.Outages = slices.Delete(f.Outages, 0, 1)
	}
}

// through is up to when a source is complete by its coverage. Of one that is received
// that is no more than the monitor is known to have run for: a mark that follows an
// outage may come before the one that tells of it.
func (f *fold) through(source string) time.Time {
	t := f.Accounts[source].Through
	if ran := f.watched(); f.sources[source].Received && !ran.IsZero() && ran.Add(f.pause()).Before(t) {
		return ran.Add(f.pause())
	}
	return t
}

// outages are those in which something of an hour may have been sent in vain. What
// was on record of it stays.
func (f *fold) outages(source string, hour event.Hour, t *tally) []event.Outage {
	var out []event.Outage
	if t.Base != nil {
		out = slices.Clone(t.Base.Outages)
	}
	s, first := f.sources[source], f.Accounts[source].First.Begin()
	for _, o := range f.Outages {
		touches := s.Received && o.From.Add(-s.Lateness).Before(hour.End()) && o.To.After(hour.Begin())
		known := slices.ContainsFunc(out, func(old event.Outage) bool { return old.From.Equal(o.From) })
		if touches && !known && !o.From.Before(first) { // before it was there, nothing of it was lost
			out = append(out, o)
		}
	}
	return out[:min(len(out), shownOutages)]
}
