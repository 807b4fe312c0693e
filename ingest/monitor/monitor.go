// Package monitor is the source of events about the monitor itself: that its
// policy was loaded or changed, that a rule is no longer in force, that a source
// was added, removed or has fallen silent, that the ledger is signed with another
// key, that something arrived which could not be read, that something did not arrive
// which a source says it sent. Rules judge these like any
// other events, so whoever changes the monitor answers to it.
//
// What the events say is worked out from what is on the streams alone. A change
// that was made while no monitor ran is therefore found when one starts again,
// and an event that is told twice is the same event: nothing is lost or counted
// twice, whenever the process ends.
package monitor

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/jsonscan"
)

// Product and Service are the Sigma log source of the events, and Source the name
// of the source, which every installation has.
const (
	Product = "sidedoor"
	Service = "monitor"
	Source  = "sidedoor"
)

// Kind says what a note is about.
type Kind string

// The kinds of notes.
const (
	PolicyLoaded     Kind = "policy-loaded"  // the same as before, or the first
	PolicyChanged    Kind = "policy-changed" // rules, filters, controls or estate are others
	RuleDisabled     Kind = "rule-disabled"  // one rule that was in force is no longer
	SourceAdded      Kind = "source-added"
	SourceRemoved    Kind = "source-removed"
	SourceSilent     Kind = "source-silent" // its coverage has fallen behind
	SourceHeard      Kind = "source-heard"  // the end of that
	LedgerKeyChanged Kind = "ledger-key-changed"
	DeadLetters      Kind = "dead-letters"
	StreamFull       Kind = "stream-full"       // no events are taken: there is no room
	StreamHasRoom    Kind = "stream-has-room"   // the end of that
	SourceIncomplete Kind = "source-incomplete" // its own proof names what is missing or altered
	IDsReused        Kind = "ids-reused"        // events have the id of others, and other content
)

// Note is one event about the monitor.
//
//	{"id":"policy-changed/9f2c…","time":"2026-11-24T09:00:00Z","kind":"policy-changed","by":"root",
//	 "commit":"c0ffee","repository":"acme/policy","digest":"…","before":{"digest":"…",…},
//	 "rules":{"changed":["k8s-exec"]},"estate":{"changed":["lists/known_runners"]}}
type Note struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
	Kind Kind      `json:"kind"`

	// Of all that comes with a policy: what is in force now, and what was before.
	*Loaded
	Before *Loaded `json:"before,omitempty"`
	*Change

	Rule string `json:"rule,omitempty"` // that is disabled
	Why  string `json:"why,omitempty"`  // for people

	*SourceNote
	*HourNote
	*LedgerNote
	*DeadNote
	*SpaceNote
}

// Loaded is a policy, and who loaded it.
type Loaded struct {
	By         string       `json:"by,omitempty"` // account of the operating system
	Commit     string       `json:"commit,omitempty"`
	Repository string       `json:"repository,omitempty"`
	Version    string       `json:"version,omitempty"` // of the program
	Digest     event.Digest `json:"digest"`
	Time       time.Time    `json:"loaded"`
}

// SourceNote is what a note says of a source.
type SourceNote struct {
	Source  string `json:"source"`
	Product string `json:"product,omitempty"`
	Service string `json:"service,omitempty"`
	// Through is up to when it was complete, and Behind how far that is back.
	Through time.Time `json:"through,omitzero"`
	Behind  string    `json:"behind,omitempty"`
	// From and To are the silence: To is from when on it is complete again.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// Rhythm says, for people, why so long a silence is one.
	Rhythm string `json:"rhythm,omitempty"`
}

// HourNote is what a note says of an hour of a source, by its manifest.
type HourNote struct {
	Hour         event.Hour         `json:"hour"`
	Revision     int                `json:"revision"`
	Completeness event.Completeness `json:"completeness"`
	Proof        []event.ProofKind  `json:"proof,omitempty"` // that does not agree
	Parts        []string           `json:"parts,omitempty"` // of the source
	Faults       []string           `json:"faults,omitempty"`
	Reused       int                `json:"reused,omitempty"`
}

// LedgerNote is what a note says of the ledger's key.
type LedgerNote struct {
	Key    string `json:"key"` // the public one
	OldKey string `json:"old_key"`
}

// DeadNote is what a note says of a source's dead letters since the last such note.
type DeadNote struct {
	Letters int            `json:"letters"`
	Causes  map[string]int `json:"causes"`
	List    []string       `json:"cause"` // the causes, for rules
}

// Identify reads a note's identity and time.
func Identify(raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) {
		return event.Event{}, errors.New("monitor: the event is not valid JSON")
	}
	for _, key := range []string{"id", "kind"} {
		if jsonscan.GetText(raw, key) == "" {
			return event.Event{}, fmt.Errorf("monitor: the event has no %s", key)
		}
	}
	at, err := time.Parse(time.RFC3339, jsonscan.GetText(raw, "time"))
	if err != nil {
		return event.Event{}, errors.New("monitor: the event's time is missing or no RFC 3339")
	}
	return event.Event{
		ID: jsonscan.GetText(raw, "id"), Occurred: at.UTC().Truncate(time.Microsecond),
		Original: event.DigestOf(raw), Raw: raw,
	}, nil
}

// OfPolicy says whether an event is about what became of the policy. The policy
// before has to judge such an event, too, or a change could excuse itself.
func OfPolicy(raw []byte) bool {
	switch Kind(jsonscan.GetText(raw, "kind")) {
	case PolicyChanged, RuleDisabled, SourceRemoved:
		return true
	}
	return false
}

// event makes an event of the note.
func (n Note) event() (event.Event, error) {
	raw, err := json.Marshal(n)
	if err != nil {
		return event.Event{}, fmt.Errorf("note %s: %w", n.ID, err)
	}
	return Identify(raw)
}
