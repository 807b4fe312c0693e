// Package judge decides whether each act was approved: it is a pure fold over
// the MATCHES stream, from inputs to records and timers.
//
// An act is approved as soon as an approval covers it. A bypass is the absence
// of an approval, so the judge waits with that verdict until the act's grace
// has passed and every source that could have approved it is known to be
// complete up to then. If one stays behind for longer than the act's limit,
// the verdict is undetermined and names it. Later approvals and marks revise
// verdicts; nothing is erased.
//
// The result depends on the inputs and their order alone: no clock, no
// randomness, no configuration that is not in the inputs but for the bounds in
// [Config]. Time comes in with the inputs, and timers go out as messages.
//
// With a acts held and p approvals held, an act costs O(1 + c·log c) for the c
// approvals that share its kind and its scope or actor; an approval costs O(1)
// for each act that it could concern; a mark costs O(w) for the w acts that
// wait for coverage. Approvals with a wildcard are looked at one by one.
package judge

import (
	"time"

	"sidedoor/event"
)

// Config bounds what a judge remembers.
type Config struct {
	// Burst is the gap, by the source's clock, that ends an alert: a later
	// act of the same rule, actor and scope opens a new one. Zero: 10 minutes.
	Burst time.Duration
	// Memory is how long an act stays open to late approvals after it arrived,
	// and an expired approval stays known. Zero: 7 days.
	Memory time.Duration
	// Keep is how long an approval that does not expire stays known after it
	// arrived. Zero: 90 days.
	Keep time.Duration
	// MaxHeld bounds the acts held, and likewise the approvals. The oldest are
	// let go, which [Stats] shows. Zero: 100,000.
	MaxHeld int
}

func (c Config) withDefaults() Config {
	if c.Burst == 0 {
		c.Burst = 10 * time.Minute
	}
	if c.Memory == 0 {
		c.Memory = 7 * 24 * time.Hour
	}
	if c.Keep == 0 {
		c.Keep = 90 * 24 * time.Hour
	}
	if c.MaxHeld == 0 {
		c.MaxHeld = 100_000
	}
	return c
}

// Judge is the fold's state. It is not safe for concurrent use.
type Judge struct {
	cfg       Config
	clock     time.Time // latest Input.Time
	sources   map[string]*source
	acts      *acts
	approvals *approvals
	alerts    *alerts
	letGo     int

	out    []event.Record // of the input at hand
	timers []event.Timer
}

// source is what is known about a source: up to when it is complete, and what
// kinds of approval it can yield.
type source struct {
	Name     string    `json:"name"`
	Through  time.Time `json:"through,omitzero"`
	Provides []string  `json:"provides,omitempty"`
}

// New returns a judge that has seen nothing.
func New(cfg Config) *Judge {
	cfg = cfg.withDefaults()
	return &Judge{
		cfg: cfg, sources: map[string]*source{},
		acts: newActs(), approvals: newApprovals(), alerts: newAlerts(),
	}
}

// Apply folds one input in. The records are in the order in which they are to
// be stored, a verdict before the alert that it changes; the timers come back
// as inputs when they are due, at once if that is past.
func (j *Judge) Apply(in event.Input) ([]event.Record, []event.Timer) {
	if in.Time.After(j.clock) {
		j.clock = in.Time
	}
	j.out, j.timers = nil, nil
	switch {
	case in.Match != nil && in.Match.Act != nil:
		j.act(bounded(*in.Match))
	case in.Match != nil && in.Match.Approval != nil:
		j.approval(bounded(*in.Match))
	case in.Mark != nil:
		j.mark(*in.Mark)
	case in.Timer != nil:
		j.timer(*in.Timer)
	case in.Policy != nil:
		j.policy(*in.Policy)
	}
	j.forget()
	return j.out, j.timers
}

// act takes in a new act.
func (j *Judge) act(m event.Match) {
	id := m.ID()
	if j.acts.has(id) {
		return
	}
	a := &act{ID: id, Match: m, State: event.Pending, Stored: j.clock}
	a.GraceDue = m.Event.At().Add(m.Act.Grace)
	a.LimitDue = later(m.Event.At(), j.clock).Add(m.Act.Grace + m.Act.Limit)
	j.acts.add(a)
	view := j.consider(a)
	switch {
	case view.covered():
		j.settle(a, event.Approved, view)
	case len(m.Act.ApprovedBy) == 0:
		j.settle(a, event.Bypass, view)
	default:
		j.timers = append(j.timers, event.Timer{Match: id, Due: a.GraceDue})
	}
}

// timer looks at an act again whose grace or limit has passed.
func (j *Judge) timer(t event.Timer) {
	a := j.acts.get(t.Match)
	if a == nil || a.State != event.Pending {
		return
	}
	if !t.Due.Before(a.LimitDue) {
		j.conclude(a)
		if a.State == event.Pending {
			j.settle(a, event.Undetermined, j.consider(a))
		}
		return
	}
	if t.Due.Before(a.GraceDue) || a.Waiting {
		return
	}
	a.Waiting = true
	j.conclude(a)
	if a.State == event.Pending {
		j.timers = append(j.timers, event.Timer{Match: a.ID, Due: a.LimitDue})
	}
}

// conclude gives the verdict of an act whose grace has passed, if the sources
// that could have approved it are complete up to then.
func (j *Judge) conclude(a *act) {
	if len(j.behind(a)) > 0 {
		return
	}
	view := j.consider(a)
	switch {
	case view.covered():
		j.settle(a, event.Approved, view)
	case view.late():
		j.settle(a, event.ApprovedLate, view)
	default:
		j.settle(a, event.Bypass, view)
	}
}

// approval takes in a new approval and looks at the acts that it may concern.
func (j *Judge) approval(m event.Match) {
	p := &approval{ID: m.ID(), Match: m, Stored: j.clock}
	if !j.approvals.add(p) {
		return
	}
	for _, a := range j.acts.concernedBy(m.Approval) {
		j.reconsider(a, p)
	}
}

// reconsider weighs a new approval for an act that is not approved yet.
func (j *Judge) reconsider(a *act, p *approval) {
	switch best(a.Match, p.Match) {
	case event.Covers:
		j.settle(a, event.Approved, j.consider(a))
	case event.RecordedAfter:
		// While the act is pending, an approval that was given in time may
		// still arrive; once it is judged, this one amends the verdict.
		if a.State == event.Bypass || a.State == event.Undetermined {
			j.settle(a, event.ApprovedLate, j.consider(a))
		}
	}
}

// mark moves a source's coverage forward, and concludes what waited for it.
func (j *Judge) mark(m event.Mark) {
	s := j.source(m.Source)
	if !m.Through.After(s.Through) {
		return
	}
	s.Through = m.Through
	j.concludeWaiting()
}

// concludeWaiting concludes the acts that wait for coverage, or were
// undetermined for want of it, in the order of their arrival.
func (j *Judge) concludeWaiting() {
	for _, a := range j.acts.uncertain() {
		j.conclude(a)
	}
}

// policy records the rules and sources in force.
func (j *Judge) policy(p event.Policy) {
	j.out = append(j.out, event.PolicyRecord(p, j.clock))
	for _, s := range j.sources {
		s.Provides = nil
	}
	for _, s := range p.Sources {
		j.source(s.Name).Provides = s.Provides
	}
	j.concludeWaiting()
}

func (j *Judge) source(name string) *source {
	s := j.sources[name]
	if s == nil {
		s = &source{Name: name}
		j.sources[name] = s
	}
	return s
}

// settle revises an act's verdict and the alert that it belongs to.
func (j *Judge) settle(a *act, state event.State, view view) {
	old := a.State
	if old == state {
		return
	}
	if a.Alert == "" && state != event.Approved {
		j.alerts.join(a, j.cfg.Burst)
	}
	a.State, a.Waiting = state, false
	a.Revision++
	v := j.verdict(a, view)
	j.out = append(j.out, event.VerdictRecord(v, j.clock))
	if a.Alert != "" {
		j.out = append(j.out, event.AlertRecord(j.alerts.revise(a, old, v), j.clock))
	}
	j.acts.changed(a)
}

// forget lets go of what is too old or too much.
func (j *Judge) forget() {
	for {
		a := j.acts.oldest()
		if a == nil {
			break
		}
		crowded := j.acts.len() > j.cfg.MaxHeld
		old := a.State != event.Pending && j.clock.After(a.Stored.Add(j.cfg.Memory))
		if !crowded && !old {
			break
		}
		if a.State == event.Pending { // it must not vanish without a verdict
			view := j.consider(a)
			view.crowded = true
			j.settle(a, event.Undetermined, view)
		}
		if crowded {
			j.letGo++
		}
		j.acts.drop(a)
		j.alerts.leave(a)
	}
	j.letGo += j.approvals.forget(j.clock, j.cfg)
}

// Stats shows what a judge holds.
type Stats struct {
	Pending   int // acts that wait for their verdict
	Open      int // acts held that are judged
	Approvals int
	LetGo     int // acts and approvals dropped because there were too many
	// Sources gives for each source up to when it is complete.
	Sources map[string]time.Time
}

// Stats returns what the judge holds now.
func (j *Judge) Stats() Stats {
	s := Stats{
		Pending: j.acts.pending, Open: j.acts.len() - j.acts.pending,
		Approvals: j.approvals.len(), LetGo: j.letGo, Sources: map[string]time.Time{},
	}
	for name, src := range j.sources {
		s.Sources[name] = src.Through
	}
	return s
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
