package monitor

import (
	"fmt"
	"time"
)

// How long a source may be silent whose configuration does not say: twice as long
// as it was ever quiet in the last two weeks, within bounds, and its lateness.
const (
	// UnknownRhythm is for a source that is not known for a day.
	UnknownRhythm = 2 * time.Hour

	leastSilence = 15 * time.Minute
	mostSilence  = 24 * time.Hour
	rhythmFactor = 2
	rhythmDays   = 14
	rhythmKnown  = 24 * time.Hour
)

// learn takes in that a source was quiet, and says whether that was longer than
// before on that day. A few minutes are worth keeping only if they make a
// difference.
func (h *heard) learn(now time.Time, d time.Duration) bool {
	day := now.UTC().Format(time.DateOnly)
	if n := len(h.Rhythm); n == 0 || h.Rhythm[n-1].Day != day {
		h.Rhythm = append(h.Rhythm, quiet{Day: day})
		h.Rhythm = h.Rhythm[max(len(h.Rhythm)-rhythmDays, 0):]
	}
	today := &h.Rhythm[len(h.Rhythm)-1]
	if d <= today.Longest {
		return false
	}
	worth := rhythmFactor*d > leastSilence || today.Longest == 0
	today.Longest = d
	return worth
}

// longest is how long the source was ever quiet, as far as that is remembered.
func (h *heard) longest(now time.Time) time.Duration {
	return h.longestUntil(now, now.UTC().Format(time.DateOnly))
}

func (h *heard) longestUntil(now time.Time, last string) time.Duration {
	first := now.UTC().AddDate(0, 0, -rhythmDays).Format(time.DateOnly)
	var d time.Duration
	for _, q := range h.Rhythm {
		if q.Day > first && q.Day <= last {
			d = max(d, q.Longest)
		}
	}
	return d
}

func (h *heard) known(now time.Time) bool {
	return !h.Since.IsZero() && now.Sub(h.Since) >= rhythmKnown
}

// limit is how far a source's coverage may be behind.
func (w Watched) limit(h *heard, now time.Time) time.Duration {
	switch {
	case w.SilentAfter > 0:
		return w.SilentAfter
	case !h.known(now):
		return UnknownRhythm + w.Lateness
	}
	return limitOf(h.longest(now)) + w.Lateness
}

func limitOf(longest time.Duration) time.Duration {
	return min(max(rhythmFactor*longest, leastSilence), mostSilence)
}

// lesson is how much of a time that a source was quiet counts for its rhythm: no
// more than the limit that it broke, and of a source that is known, no more than
// the days before today let it be quiet. So whoever delays it a little more each
// time, and is never noticed, needs a day for each doubling.
func (w Watched) lesson(h *heard, now time.Time, quiet time.Duration) time.Duration {
	quiet = min(quiet, w.limit(h, now))
	if !h.known(now) {
		return quiet
	}
	yesterday := now.UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	return min(quiet, limitOf(h.longestUntil(now, yesterday))+w.Lateness)
}

// rhythm explains the limit.
func (w Watched) rhythm(h *heard, now time.Time) string {
	limit := w.limit(h, now).Round(time.Minute)
	switch {
	case w.SilentAfter > 0:
		return fmt.Sprintf("its silent-after is %v", limit)
	case !h.known(now):
		return fmt.Sprintf("it is not known for a day yet, and may be behind for %v", limit)
	}
	return fmt.Sprintf("the longest that it was quiet in %d days is %v, and it may be behind for %v",
		rhythmDays, h.longest(now).Round(time.Second), limit)
}
