package demo

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// Scenario is the week, ready to be played.
type Scenario struct {
	Company    Company
	People     []Person
	policy     fs.FS
	beats      []*Beat
	happenings []happening // in the order of their times
	silences   []Silence   // likewise
}

// Load reads the story from a folder with cast.yaml, beats.yaml and policy/,
// and invents the rest of the week around it.
func Load(fsys fs.FS) (*Scenario, error) { return LoadWeek(fsys, time.Time{}) }

// LoadWeek is Load for the week that begins on the given Monday, in UTC; the
// zero time means the week of cast.yaml. Verdicts wait for the clock on the
// wall, so the week has to be over when it is played.
func LoadWeek(fsys fs.FS, monday time.Time) (*Scenario, error) {
	c, err := loadCast(fsys)
	if err != nil {
		return nil, err
	}
	if !monday.IsZero() {
		c.monday = monday.UTC().Truncate(24 * time.Hour)
	}
	if c.monday.Weekday() != time.Monday {
		return nil, fmt.Errorf("scenario: the week begins on %s, which is no Monday", c.monday.Format("Mon, 2 Jan 2006"))
	}
	policy, err := fs.Sub(fsys, "policy")
	if err != nil {
		return nil, err
	}
	sc := &Scenario{Company: c.Company, People: c.People, policy: policy}
	s := &scribe{cast: c, commits: map[string]string{}, written: &sc.happenings, silent: &sc.silences}
	if sc.beats, err = loadBeats(fsys, s); err != nil {
		return nil, err
	}
	s.releases()
	s.people()
	s.machines()
	s.echoes(sc.beats)
	slices.SortStableFunc(sc.happenings, func(a, b happening) int { return a.at.Compare(b.at) })
	slices.SortStableFunc(sc.beats, func(a, b *Beat) int {
		return cmp.Or(a.At.Compare(b.At), a.Until.Compare(b.Until))
	})
	return sc, nil
}

// echo is how long after a beat's last event every source that can approve
// something is heard again: by then the pack's acts can be judged.
const echo = 6 * time.Minute

// echoes lets the approving sources be heard after each beat, so that its
// verdict does not wait for the next full hour.
func (s *scribe) echoes(beats []*Beat) {
	for _, b := range beats {
		e := s.part("echo of " + b.Title)
		e.heartbeat(b.Until.Add(echo))
		e.probe(b.Until.Add(echo))
	}
}

// Beats returns the beats of the story in their order.
func (sc *Scenario) Beats() []Beat {
	out := make([]Beat, len(sc.beats))
	for i, b := range sc.beats {
		out[i] = *b
	}
	return out
}

// Policy is the folder of the company's policy, to be laid over the pack: its
// estate, and who owns its controls.
func (sc *Scenario) Policy() fs.FS { return sc.policy }

// Period returns when the story begins and when its last event happens.
func (sc *Scenario) Period() (begin, end time.Time) {
	return sc.happenings[0].at, sc.happenings[len(sc.happenings)-1].at
}
