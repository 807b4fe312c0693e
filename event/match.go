package event

import (
	"errors"
	"time"
)

// Ref says which event something is about, and where to find it.
type Ref struct {
	Source   string    `json:"source"`
	Product  string    `json:"product"`
	Service  string    `json:"service"`
	Scope    string    `json:"scope,omitempty"`
	ID       string    `json:"id,omitempty"`
	Kind     string    `json:"kind,omitempty"`
	Digest   Digest    `json:"digest"` // of the event as received
	Occurred time.Time `json:"occurred,omitzero"`
	Received time.Time `json:"received"`
	Origin   string    `json:"origin,omitempty"`
	Index    int       `json:"index"`
	// Batch is the ID of the batch on EVENTS that holds the event.
	Batch string `json:"batch,omitempty"`
}

// Key identifies the event by what its source calls it together with what it
// says: callers can choose some sources' ids, so the same id with other
// content must be another event.
func (r Ref) Key() Digest {
	return identify("sidedoor/event/v1", r.Source, r.ID, r.Kind, string(r.Digest[:]))
}

// maxAhead is how far a source's clock may be ahead of ours.
const maxAhead = 24 * time.Hour

// At is the event's time on the judge's clock: when it occurred or, if it
// does not say, when we received it. A time in our future is not believed, or
// an act could put off its own judgement.
func (r Ref) At() time.Time {
	if r.Occurred.IsZero() || (!r.Received.IsZero() && r.Occurred.After(r.Received.Add(maxAhead))) {
		return r.Received
	}
	return r.Occurred
}

// RuleRef names a rule and the exact version of it that was used.
type RuleRef struct {
	ID     string `json:"id"`   // the Sigma rule's UUID
	Name   string `json:"name"` // short, unique, readable: k8s-direct-change
	Title  string `json:"title"`
	Level  Level  `json:"level"`
	Digest Digest `json:"digest"` // of the rule's document, with its filters
}

// Level is a Sigma level.
type Level string

// The levels of the Sigma specification, from least to most severe.
const (
	Informational Level = "informational"
	Low           Level = "low"
	Medium        Level = "medium"
	High          Level = "high"
	Critical      Level = "critical"
)

// Rank orders levels: 1 for informational to 5 for critical, 0 for others.
func (l Level) Rank() int {
	switch l {
	case Informational:
		return 1
	case Low:
		return 2
	case Medium:
		return 3
	case High:
		return 4
	case Critical:
		return 5
	}
	return 0
}

// Party is somebody as a source names them, and as a person of the estate.
type Party struct {
	Name string `json:"name"` // as in the event
	// Person is the estate's person or service identity; the name itself when
	// the estate does not know it. Parties are compared by Person.
	Person string `json:"person"`
}

// Match is one rule's match in one event: at most one of Act and Approval is
// set, and neither where it only contributes to correlations. It carries all
// that the judge needs from the rule, so that the judge's result depends on the
// stream alone and not on anybody's configuration.
type Match struct {
	Rule     RuleRef   `json:"rule"`
	Control  string    `json:"control,omitempty"`
	Event    Ref       `json:"event"`
	Act      *Act      `json:"act,omitempty"`
	Approval *Approval `json:"approval,omitempty"`
	Parts    []Part    `json:"parts,omitempty"`
}

// Check says what is wrong with a match that was read.
func (m Match) Check() error {
	switch {
	case m.Act != nil && m.Approval != nil:
		return errors.New("match: act and approval are both set")
	case m.Act == nil && m.Approval == nil && len(m.Parts) == 0:
		return errors.New("match: one of act, approval and parts has to be set")
	}
	return nil
}

// ID identifies the match by rule and event; the version of the rule is not
// part of it, so a newer version judges no event twice.
func (m Match) ID() string {
	k := m.Event.Key()
	return identify("sidedoor/match/v1", m.Rule.ID, string(k[:])).String()
}

// Act is something that a control must approve.
type Act struct {
	Actor    Party  `json:"actor"`
	Resource string `json:"resource"`
	Scope    string `json:"scope"`
	// Grace is how long after the act an approval's event may still arrive
	// before the act is judged.
	Grace time.Duration `json:"grace"`
	// Limit is how long after Grace the act waits for approving sources that
	// have no coverage, before it is undetermined.
	Limit time.Duration `json:"limit"`
	// ApprovedBy lists what would approve the act, any one sufficing. If it is
	// empty, nothing can: the act is a bypass.
	ApprovedBy []Requirement `json:"approved_by,omitempty"`
}

// Requirement is one way in which an act can be approved.
type Requirement struct {
	Kind string `json:"kind"` // of approval, such as access-grant
	// SameActor demands that the approval names the act's actor.
	SameActor bool `json:"same_actor,omitempty"`
	// Scope is what the approval has to cover.
	Scope string `json:"scope"`
	// Skew is by how much the clocks of the two sources may differ: an
	// approval recorded up to this long after the act still counts.
	Skew time.Duration `json:"skew,omitempty"`
	// IndependentOf are the parties that the approver must not be.
	IndependentOf []Party `json:"independent_of,omitempty"`
}

// Approval is something that approves acts.
type Approval struct {
	Kind  string `json:"kind"`
	Actor Party  `json:"actor,omitzero"` // who may act; zero if anybody
	// Approver is who gave it. NeedsApprover is false for kinds that a person
	// may invoke alone, such as a break-glass activation.
	Approver      Party `json:"approver,omitzero"`
	NeedsApprover bool  `json:"needs_approver"`
	// Covers is what it approves; '*' stands for any run of characters.
	Covers    string    `json:"covers"`
	From      time.Time `json:"from,omitzero"`  // zero: from Recorded
	Until     time.Time `json:"until,omitzero"` // zero: does not expire
	Recorded  time.Time `json:"recorded"`       // when it was given, by its source's clock
	Reference string    `json:"reference,omitempty"`
}
