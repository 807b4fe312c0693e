package manifest

import (
	"slices"
	"time"

	"sidedoor/event"
)

const day = 24 * time.Hour

// steps bound the steps of a histogram of lags; one more is beyond them.
var steps = []time.Duration{
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 90 * time.Second, 2 * time.Minute, 3 * time.Minute, 4 * time.Minute, 5 * time.Minute, 7 * time.Minute,
	10 * time.Minute, 15 * time.Minute, 20 * time.Minute, 30 * time.Minute, 45 * time.Minute,
	time.Hour, 90 * time.Minute, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour,
	day, 2 * day, 7 * day, 30 * day,
}

// lags are how many events came how late, by steps; those behind the last that is
// not 0 are left out.
type lags struct {
	Counts []int         `json:"counts,omitempty"`
	Most   time.Duration `json:"most,omitempty"`
}

func (l *lags) add(d time.Duration, n int) {
	if n == 0 {
		return
	}
	d = max(d, 0) // clocks differ
	i, _ := slices.BinarySearch(steps, d)
	for len(l.Counts) <= i {
		l.Counts = append(l.Counts, 0)
	}
	l.Counts[i] += n
	l.Most = max(l.Most, d)
}

// lag sums them up.
func (l *lags) lag() event.Lag {
	total := 0
	for _, n := range l.Counts {
		total += n
	}
	below := 0
	for i, n := range l.Counts {
		below += n
		if total > 0 && 2*below >= total && i < len(steps) {
			return event.Lag{Median: min(steps[i], l.Most), Most: l.Most}
		}
	}
	return event.Lag{Median: l.Most, Most: l.Most}
}
