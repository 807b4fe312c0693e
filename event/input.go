package event

import "time"

// Input is one message on the MATCHES stream: what the judge folds over.
// Exactly one of the pointers is set.
//
//	{"mark":{"source":"github","through":"2026-11-16T09:00:00Z"}}
type Input struct {
	// Time is when the message was stored, by the stream's clock; it is not
	// part of the wire form. Offline it is the virtual clock.
	Time time.Time `json:"-"`

	Match  *Match  `json:"match,omitempty"`
	Mark   *Mark   `json:"mark,omitempty"`
	Timer  *Timer  `json:"timer,omitempty"`
	Policy *Policy `json:"policy,omitempty"`
}

// Mark says that a source is complete: all its events that occurred up to
// Through have been matched. It is a statement of coverage.
type Mark struct {
	Source  string    `json:"source"`
	Through time.Time `json:"through"`
	// Every, of a mark of the monitor's own source, is after how long the next one
	// comes if that is not a minute. Longer pauses are outages.
	Every time.Duration `json:"every,omitempty"`
}

// Timer is a message that the judge sends to itself. One of Match and Windows
// is set.
type Timer struct {
	// Match is the ID of the match whose act is to be looked at again.
	Match string `json:"match,omitempty"`
	// Windows is the ID of a correlation's windows, of which the first is over.
	Windows string    `json:"windows,omitempty"`
	Due     time.Time `json:"due"`
}

// ID identifies the timer.
func (t Timer) ID() string {
	due := t.Due.UTC().Format(time.RFC3339Nano)
	if t.Windows != "" {
		return identify("sidedoor/timer/windows/v1", t.Windows, due).String()
	}
	return identify("sidedoor/timer/v1", t.Match, due).String()
}

// Policy announces the rules and sources in force from here on. It becomes a
// record of type rule-set.
type Policy struct {
	Digest  Digest         `json:"digest"` // of rules, controls and estate together
	Loaded  time.Time      `json:"loaded"`
	Version string         `json:"version"` // of the program
	Rules   []RuleVersion  `json:"rules"`
	Filters []RuleVersion  `json:"filters,omitempty"`
	Sources []SourcePolicy `json:"sources"`
	// Controls and Estate are the parts of these: CHG-01; lists/known_runners,
	// people/alice. Of a policy that an earlier version announced there are none.
	Controls []RuleVersion `json:"controls,omitempty"`
	Estate   []RuleVersion `json:"estate,omitempty"`
	// Files are the files that it was read from, as many as fit; By is the
	// account that loaded it, and Commit what the folder's version control calls
	// it, if it has one, in the Repository of that name: owner/name.
	Files      []FileVersion `json:"files,omitempty"`
	By         string        `json:"by,omitempty"`
	Commit     string        `json:"commit,omitempty"`
	Repository string        `json:"repository,omitempty"`
	// Rejected are the rules that are not in force because something is wrong
	// with them, as many as fit.
	Rejected []RejectedRule `json:"rejected,omitempty"`
}

// RuleVersion is a rule that is in force, with its filters; or one of these; or
// another part of a policy.
type RuleVersion struct {
	Name   string `json:"name"`
	Digest Digest `json:"digest"`
}

// FileVersion is a file of a policy.
type FileVersion struct {
	Path   string `json:"path"`
	Digest Digest `json:"digest"`
}

// SourcePolicy is a source in force and the kinds of approval that its events
// can yield under the rules in force.
type SourcePolicy struct {
	Name     string   `json:"name"`
	Product  string   `json:"product"`
	Service  string   `json:"service"`
	Provides []string `json:"provides,omitempty"`
	// Skew is by how much its clock may differ from those of other sources.
	Skew time.Duration `json:"skew,omitempty"`
}
