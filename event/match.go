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

// Match is one rule's match in one event: at most one of Act, Approval and
// Revocation is set, and none where it only states facts or contributes to
// correlations. It carries all that the judge needs from the rule, so that the
// judge's result depends on the stream alone and not on anybody's configuration.
type Match struct {
	Rule       RuleRef     `json:"rule"`
	Control    string      `json:"control,omitempty"`
	Event      Ref         `json:"event"`
	Act        *Act        `json:"act,omitempty"`
	Approval   *Approval   `json:"approval,omitempty"`
	Revocation *Revocation `json:"revocation,omitempty"`
	Facts      []Fact      `json:"facts,omitempty"`
	Parts      []Part      `json:"parts,omitempty"`
}

// Check says what is wrong with a match that was read.
func (m Match) Check() error {
	meanings := 0
	for _, is := range []bool{m.Act != nil, m.Approval != nil, m.Revocation != nil} {
		if is {
			meanings++
		}
	}
	switch {
	case meanings > 1:
		return errors.New("match: more than one of act, approval and revocation is set")
	case meanings == 0 && len(m.Facts) == 0 && len(m.Parts) == 0:
		return errors.New("match: one of act, approval, revocation, facts and parts has to be set")
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
