package manifest

import (
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

// touches are the hours that an arrival touches. Those of which only that is known
// that they are complete or covered are in soft: of them nothing has to be said if
// nothing was.
func (f *fold) touches(a stream.Arrival) (hard, soft []key) {
	add := func(to *[]key, source string, h event.Hour) {
		k := key{source, h}
		if !f.holds(k) && !slices.Contains(*to, k) {
			*to = append(*to, k)
		}
	}
	switch {
	case a.Batch != nil:
		received := arrived(a.Batch.Received, a.Stored)
		last := event.Hour("")
		for i := range a.Batch.Events {
			if _, h := place(a.Batch.Ref(i).At(), received); h != last {
				add(&hard, a.Batch.Source, h)
				last = h
			}
		}
	case a.Repeat != nil:
		for hour := range a.Repeat.Hours {
			_, h := place(hour.Begin(), arrived(a.Repeat.Received, a.Stored))
			add(&hard, a.Repeat.Source, h)
		}
	case a.Proof != nil:
		to := &soft
		if !agrees(*a.Proof) {
			to = &hard
		}
		for h := range lastHours(a.Proof.From, a.Proof.To) {
			add(to, a.Proof.Source, h)
		}
	case a.Mark != nil:
		if from := f.account(a.Mark.Source).Through; !from.IsZero() {
			for h := range lastHours(from, a.Mark.Through.Add(time.Nanosecond-time.Hour)) {
				add(&soft, a.Mark.Source, h)
			}
		}
	}
	return hard, soft
}

// maxSpan is how many hours one proof or mark takes up again.
const maxSpan = 200

// lastHours yields the hours that overlap a period, the newest first, as many as
// may be taken up.
func lastHours(from, to time.Time) func(yield func(event.Hour) bool) {
	return func(yield func(event.Hour) bool) {
		if !from.Before(to) {
			return
		}
		h := to.Add(-time.Nanosecond).UTC().Truncate(time.Hour)
		for range maxSpan {
			if !h.Add(time.Hour).After(from) || !yield(event.HourOf(h)) {
				return
			}
			h = h.Add(-time.Hour)
		}
	}
}
