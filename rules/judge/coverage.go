package judge

import (
	"slices"
	"time"

	"sidedoor/event"
)

// source is what is known about a source: up to when it is complete, and what
// kinds of approval it provides under the policy in force.
type source struct {
	Name     string        `json:"name"`
	Through  time.Time     `json:"through,omitzero"`
	Provides []string      `json:"provides,omitempty"`
	Skew     time.Duration `json:"skew,omitempty"`

	waiting queue[*act] // acts that wait for this source's mark
}

func (j *Judge) source(name string) *source {
	name = clip(name, maxText)
	s := j.sources[name]
	if s == nil {
		s = &source{Name: name}
		j.sources[name] = s
	}
	return s
}

// behind names the sources that provide a kind of approval that the act
// requires and are not complete up to the end of its grace, in order.
func (j *Judge) behind(a *act) []string {
	var names []string
	for name, s := range j.sources {
		if s.Through.Before(a.graceEnd()) && slices.ContainsFunc(s.Provides, a.requires) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// provided says whether any source in force provides a kind of approval.
func (j *Judge) provided(kind string) bool {
	for _, s := range j.sources {
		if slices.Contains(s.Provides, kind) {
			return true
		}
	}
	return false
}

// await has the act wait for the source's mark: for one of those behind, since
// it is looked at again when that one comes.
func (j *Judge) await(a *act, source string) {
	if a.Waiting {
		j.release(a)
	}
	a.Waiting, a.Awaits = true, source
	a.due = a.graceEnd()
	j.sources[source].waiting.add(a)
}

// release ends an act's waiting.
func (j *Judge) release(a *act) {
	j.sources[a.Awaits].waiting.remove(a)
	a.Waiting, a.Awaits = false, ""
}

// mark moves a source's coverage forward, never back, and looks again at the
// acts that waited for it.
func (j *Judge) mark(m event.Mark) {
	s, through := j.source(m.Source), civil(m.Through)
	if !through.After(s.Through) {
		return
	}
	s.Through = through
	for a := s.waiting.first(); a != nil && !a.due.After(through); a = s.waiting.first() {
		j.conclude(a)
	}
}

// announce puts a policy in force and records it. A source that is no longer
// in it keeps its mark but delays nothing; acts that waited are looked at
// again.
func (j *Judge) announce(p event.Policy) {
	record := fitPolicy(p, j.now)
	if record.ID == j.policy {
		return
	}
	j.policy = record.ID
	j.records = append(j.records, record)
	for _, s := range j.sources {
		s.Provides, s.Skew = nil, 0
	}
	for _, ps := range p.Sources {
		s := j.source(ps.Name)
		s.Skew = ps.Skew
		for _, kind := range ps.Provides {
			s.Provides = append(s.Provides, clip(kind, maxText))
		}
	}
	for _, a := range j.acts.waiting() {
		j.conclude(a)
	}
}
