package demo

import (
	"fmt"
	"slices"
	"time"
)

// Silence is a time in which nothing of a source arrives. What happens meanwhile
// arrives all together when it is over: that is the back-fill.
type Silence struct {
	Source      string
	From, Until time.Time
}

// silentAfter is for how long a source may be silent in the story.
const silentAfter = 3 * time.Hour

// Noticed is when the silence has been long enough: an hour may have passed
// between the last event and its beginning.
func (s Silence) Noticed() time.Time { return s.From.Add(silentAfter + 5*time.Minute) }

// Heard is up to when the source was heard at the least when the silence began,
// and again when it has ended: something happens there every hour.
func (s Silence) Heard() (before, after time.Time) {
	const often = 70 * time.Minute
	return s.From.Add(-often), s.Until.Add(-often)
}

// Silences returns the silences of the story in their order.
func (sc *Scenario) Silences() []Silence { return slices.Clone(sc.silences) }

// silenceForm is a source that falls silent at the beat's begin.
type silenceForm struct {
	Source string        `yaml:"source"`
	For    time.Duration `yaml:"for"`
}

func (f *silenceForm) write(s *scribe, at time.Time) error {
	if f.Source != SourceCloudTrail || f.For < silentAfter+time.Hour {
		return fmt.Errorf("silence: only %s can be silent, and for %v at least, or nobody would notice", SourceCloudTrail, silentAfter+time.Hour)
	}
	until := at.Add(f.For)
	*s.silent = append(*s.silent, Silence{Source: f.Source, From: at, Until: until})
	s.beat.silent, s.beat.Until = true, until
	return nil
}

// hold puts a delivery off until its source is heard again.
func (d *Delivery) hold(silences []Silence) {
	for _, s := range silences {
		if d.Source == s.Source && !d.At.Before(s.From) && d.At.Before(s.Until) {
			d.At = s.Until
		}
	}
}
