package judge

import (
	"time"

	"sidedoor/event"
)

// Config bounds what a judge remembers. Two judges give the same records for
// the same inputs only if their Configs are equal.
type Config struct {
	// Burst is the gap, by the source's clock, that ends an alert: the next
	// act of the same rule, actor and scope opens another. Zero: 10 minutes.
	Burst time.Duration
	// Memory is how long after its arrival an act stays open to late
	// approvals, and how long an expired approval is kept to explain why it
	// does not count. Zero: 7 days.
	Memory time.Duration
	// MaxHeld bounds the acts held, and likewise the revocations. The oldest are
	// let go, a pending act as undetermined; [Stats] counts them. Zero: 100,000.
	MaxHeld int
	// MaxApprovals bounds the approvals held, and likewise the facts. The oldest
	// are let go; [Stats] counts them. Zero: 1,000,000, which take up to 400 MB.
	MaxApprovals int
	// Lateness is by how much events of one correlation may arrive after each
	// other, beyond its timespan. Zero: 1 day.
	Lateness time.Duration
	// MaxContributions bounds what is held for correlations. Of too many that is
	// let go first which would be forgotten first of the correlation that has the
	// most, and [Stats] counts it. Zero: 100,000.
	MaxContributions int
}

func (c Config) withDefaults() Config {
	if c.Burst == 0 {
		c.Burst = 10 * time.Minute
	}
	if c.Memory == 0 {
		c.Memory = 7 * 24 * time.Hour
	}
	if c.MaxHeld == 0 {
		c.MaxHeld = 100_000
	}
	if c.MaxApprovals == 0 {
		c.MaxApprovals = 1_000_000
	}
	if c.Lateness == 0 {
		c.Lateness = 24 * time.Hour
	}
	if c.MaxContributions == 0 {
		c.MaxContributions = 100_000
	}
	return c
}

// Judge is the state of the fold. It is not safe for concurrent use.
type Judge struct {
	cfg         Config
	clock       time.Time // the latest Input.Time
	policy      string    // ID of the record of the policy in force
	sources     map[string]*source
	approvals   *approvals
	revocations *revocations
	facts       *facts
	acts        *acts
	alerts      *alerts
	settled     *remembered // acts that are no longer held
	letGo       int

	correlations *correlations
	desk         *desk

	// Of the input at hand.
	now     time.Time
	records []event.Record
	timers  []event.Timer
}

// New returns a judge that has seen nothing.
func New(cfg Config) *Judge {
	return &Judge{
		cfg: cfg.withDefaults(), sources: map[string]*source{},
		approvals: newApprovals(), revocations: newRevocations(), facts: newFacts(), acts: newActs(), alerts: newAlerts(), settled: newRemembered(),
		correlations: newCorrelations(), desk: new(desk),
	}
}

// Apply folds one input in. The records are in the order in which they are to
// be stored, a verdict before the alert that it changes, and each fits
// [event.MaxRecord]. Each timer is to come back as an input when it is due, at
// once if that is past. An input that was applied before changes nothing.
func (j *Judge) Apply(in event.Input) ([]event.Record, []event.Timer) {
	j.now = civil(in.Time)
	j.clock = later(j.clock, j.now)
	j.records, j.timers = nil, nil
	switch {
	case in.Match != nil:
		j.match(*in.Match, nil)
	case in.Mark != nil:
		j.mark(*in.Mark)
	case in.Timer != nil && in.Timer.Windows != "":
		j.windowsTimer(*in.Timer)
	case in.Timer != nil:
		j.timer(*in.Timer)
	case in.Policy != nil:
		j.announce(*in.Policy)
	}
	j.forget()
	return j.records, j.timers
}

// Stats shows what a judge holds.
type Stats struct {
	Pending   int // acts that wait for their verdict
	Open      int // acts that have one that may still be revised, or that share an alert
	Approvals int
	// Contributions are the events that may still complete a correlation.
	Contributions int
	LetGo         int // acts, approvals, revocations, facts and contributions let go because there were too many, ever
	Late          int // contributions that came after the judgement of their window, ever
	// Sources gives for each source known up to when it is complete; the zero
	// time if it was never heard.
	Sources map[string]time.Time
}

// Stats returns what the judge holds now.
func (j *Judge) Stats() Stats {
	s := Stats{
		Pending: j.acts.pending, Open: j.acts.len() - j.acts.pending,
		Approvals: j.approvals.len(), Contributions: j.correlations.held.Len(),
		LetGo: j.letGo, Late: j.correlations.late, Sources: make(map[string]time.Time, len(j.sources)),
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
