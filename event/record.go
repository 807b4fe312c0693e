package event

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Type says what a record's body is.
type Type string

// The types of records and their bodies.
const (
	TypeVerdict  Type = "verdict"  // Verdict
	TypeAlert    Type = "alert"    // Alert
	TypeDelivery Type = "delivery" // Delivery
	TypeReview   Type = "review"   // Review
	TypeSignOff  Type = "sign-off" // SignOff
	TypeRuleSet  Type = "rule-set" // Policy
	TypeSample   Type = "sample"   // Sample
	TypeManifest Type = "manifest" // Manifest
	TypeGap      Type = "gap"      // Gap
)

// MaxRecord bounds a record's wire form in bytes: an entry of a C2SP
// tlog-tiles entry bundle has a 16-bit length.
const MaxRecord = 1<<16 - 1

// Record is anything kept as evidence. Its JSON form, exactly as stored on
// RECORDS, is a leaf of the ledger:
//
//	{"type":"verdict","id":"9f2c….1","time":"2026-11-16T09:05:00Z","body":{…}}
type Record struct {
	Type Type      `json:"type"`
	ID   string    `json:"id"`   // unique within the type; tokens separated by '.'
	Time time.Time `json:"time"` // our clock, when it was recorded
	Body any       `json:"body"`
}

// Encode returns the record's wire form. It fails if that is larger than
// [MaxRecord].
func (r Record) Encode() ([]byte, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("record %s %s: %w", r.Type, r.ID, err)
	}
	if len(b) > MaxRecord {
		return nil, fmt.Errorf("record %s %s: %d bytes, more than the ledger's %d", r.Type, r.ID, len(b), MaxRecord)
	}
	return b, nil
}

// ParseRecord reads a record's wire form; the body comes as the pointer type
// named beside the constants above, or json.RawMessage for a type that this
// version does not know.
func ParseRecord(b []byte) (Record, error) {
	var w struct {
		Record
		Body json.RawMessage `json:"body"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return Record{}, fmt.Errorf("record: %w", err)
	}
	body := newBody(w.Type)
	if body == nil {
		w.Record.Body = w.Body
		return w.Record, nil
	}
	if err := json.Unmarshal(w.Body, body); err != nil {
		return Record{}, fmt.Errorf("record %s %s: body: %w", w.Type, w.ID, err)
	}
	w.Record.Body = body
	return w.Record, nil
}

func newBody(t Type) any {
	switch t {
	case TypeVerdict:
		return new(Verdict)
	case TypeAlert:
		return new(Alert)
	case TypeDelivery:
		return new(Delivery)
	case TypeReview:
		return new(Review)
	case TypeSignOff:
		return new(SignOff)
	case TypeRuleSet:
		return new(Policy)
	case TypeSample:
		return new(Sample)
	case TypeManifest:
		return new(Manifest)
	case TypeGap:
		return new(Gap)
	}
	return nil
}

// VerdictRecord returns v as a record.
func VerdictRecord(v Verdict, now time.Time) Record { return v.Record(now) }

// Record returns v as a record of which it is the body, and not a copy of it.
func (v *Verdict) Record(now time.Time) Record {
	return Record{Type: TypeVerdict, ID: v.ID + "." + strconv.Itoa(v.Revision), Time: now, Body: v}
}

// AlertRecord returns a as a record.
func AlertRecord(a Alert, now time.Time) Record {
	return Record{Type: TypeAlert, ID: a.ID + "." + strconv.Itoa(a.Revision), Time: now, Body: &a}
}

// PolicyRecord returns p as a record of type rule-set.
func PolicyRecord(p Policy, now time.Time) Record {
	id := p.Digest.Short() + "." + strconv.FormatInt(p.Loaded.UnixMilli(), 10)
	return Record{Type: TypeRuleSet, ID: id, Time: now, Body: &p}
}

// Delivery is one attempt to tell somebody about a revision of an alert.
type Delivery struct {
	Alert    string        `json:"alert"`
	Revision int           `json:"revision"`
	Receiver string        `json:"receiver"` // the configured name
	Channel  string        `json:"channel"`  // slack, webhook …
	Attempt  int           `json:"attempt"`  // from 1
	Outcome  Outcome       `json:"outcome"`
	Status   int           `json:"status,omitempty"` // HTTP
	Latency  time.Duration `json:"latency"`
	RemoteID string        `json:"remote_id,omitempty"`
	Error    string        `json:"error,omitempty"`
}

// Outcome is how a delivery attempt ended.
type Outcome string

// The outcomes of a delivery attempt.
const (
	Delivered Outcome = "delivered"
	Failed    Outcome = "failed"   // to be tried again
	Rejected  Outcome = "rejected" // the receiver will never take it
)

// DeliveryRecord returns d as a record.
func DeliveryRecord(d Delivery, now time.Time) Record {
	id := fmt.Sprintf("%s.%d.%s.%d", d.Alert, d.Revision, d.Receiver, d.Attempt)
	return Record{Type: TypeDelivery, ID: id, Time: now, Body: &d}
}

// Dead is a delivery, or a part of one, that could not be read. It is kept on
// the dead-letter subject of its source.
type Dead struct {
	Envelope
	Reason string // what, where, for people
	Cause  string // one token for metrics: malformed, unauthenticated, oversized …
	Index  int    // ordinal of the record in its delivery; -1 for a whole delivery
	Raw    []byte // the bytes, cut at MaxDead
}

// MaxDead bounds the bytes kept of a dead letter.
const MaxDead = 64 << 10
