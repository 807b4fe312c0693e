package event

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Event is one record of a source.
type Event struct {
	// ID is the source's own identity of the record: CloudTrail eventID,
	// Kubernetes auditID/stage, GitHub delivery GUID. Empty if it has none.
	// Some of these can be set by the caller, so an ID alone identifies
	// nothing: see [Ref.Key].
	ID string
	// Kind is the event's name where its body does not say it: the value of
	// GitHub's X-GitHub-Event header. Empty otherwise. Rules read it as the
	// field X-GitHub-Event.
	Kind string
	// Occurred is when it happened by the source's clock, to the
	// microsecond. The zero time means that the event does not say.
	Occurred time.Time
	// Index is the ordinal of the record in its delivery or file, from 0.
	Index int
	// Original is the digest of the record as it arrived, before redaction.
	Original Digest
	// Raw is the record, byte for byte as received but for redacted secrets.
	Raw []byte
}

// Envelope is what is known about a delivery as a whole.
type Envelope struct {
	// Source names the configured source: lower-case letters, digits, '-'.
	Source string
	// Product and Service are the Sigma log source: aws/cloudtrail,
	// kubernetes/audit, github/webhook, github/audit, approvals/cloudevents.
	Product, Service string
	// Scope is the account, cluster or organisation that the source watches,
	// for events that do not say it themselves.
	Scope string
	// Origin is where in the source the delivery came from: a file's path, an
	// object's key, a delivery's GUID, a peer's address.
	Origin string
	// Received is our clock when the delivery arrived.
	Received time.Time
	// Digest is the digest of the delivery as received.
	Digest Digest
}

// Batch is the records of one delivery of one source, or a part of them: one
// message on the EVENTS stream. Its envelope travels in message headers, its
// events in the payload; see [Batch.Payload].
type Batch struct {
	Envelope
	Events []Event
}

// ID identifies the batch by its source and content. A delivery repeated at
// any later time, by any path, has the same ID.
func (b Batch) ID() Digest {
	h := sha256.New()
	for i := range b.Events {
		k := b.Ref(i).Key()
		h.Write(k[:])
	}
	return identify("sidedoor/batch/v1", b.Source, string(h.Sum(nil)))
}

// Ref returns the reference to event i of the batch.
func (b Batch) Ref(i int) Ref {
	e := b.Events[i]
	return Ref{
		Source: b.Source, Product: b.Product, Service: b.Service, Scope: b.Scope,
		ID: e.ID, Kind: e.Kind, Digest: e.Original, Occurred: e.Occurred, Received: b.Received,
		Origin: b.Origin, Index: e.Index,
	}
}

// Header names of a batch's envelope.
const (
	HeaderSource   = "Sidedoor-Source"
	HeaderProduct  = "Sidedoor-Product"
	HeaderService  = "Sidedoor-Service"
	HeaderScope    = "Sidedoor-Scope"
	HeaderOrigin   = "Sidedoor-Origin"
	HeaderReceived = "Sidedoor-Received" // RFC 3339, nanoseconds, UTC
	HeaderDigest   = "Sidedoor-Digest"
)

// Header returns the envelope as message headers. Values are quoted by
// [fmt]'s %+q where they hold anything but printable ASCII, since a path may
// hold a line break and a header must not.
func (e Envelope) Header() map[string]string {
	return map[string]string{
		HeaderSource: headerSafe(e.Source), HeaderProduct: headerSafe(e.Product),
		HeaderService: headerSafe(e.Service), HeaderScope: headerSafe(e.Scope),
		HeaderOrigin:   headerSafe(e.Origin),
		HeaderReceived: e.Received.UTC().Format(time.RFC3339Nano),
		HeaderDigest:   e.Digest.String(),
	}
}

// ParseEnvelope reads an envelope back from message headers.
func ParseEnvelope(get func(name string) string) (Envelope, error) {
	e := Envelope{
		Source: headerRead(get(HeaderSource)), Product: headerRead(get(HeaderProduct)),
		Service: headerRead(get(HeaderService)), Scope: headerRead(get(HeaderScope)),
		Origin: headerRead(get(HeaderOrigin)),
	}
	if e.Source == "" {
		return e, fmt.Errorf("envelope: header %s is missing", HeaderSource)
	}
	var err error
	if e.Received, err = time.Parse(time.RFC3339Nano, get(HeaderReceived)); err != nil {
		return e, fmt.Errorf("envelope: header %s: %w", HeaderReceived, err)
	}
	if err = e.Digest.UnmarshalText([]byte(get(HeaderDigest))); err != nil {
		return e, fmt.Errorf("envelope: header %s: %w", HeaderDigest, err)
	}
	return e, nil
}

// batchVersion is the first byte of a payload, so that the framing can change
// without a flag day.
const batchVersion = 1

// Payload returns the batch's events as bytes: a version byte, then for each
// event its ID, Kind and Raw, each behind a uvarint length; its Index as a
// uvarint; its Occurred as a varint of microseconds since 1970 (the zero time
// as the smallest int64); and its 32-byte Original digest.
func (b Batch) Payload() []byte {
	size := 1
	for _, e := range b.Events {
		size += len(e.ID) + len(e.Kind) + len(e.Raw) + len(e.Original) + 40
	}
	p := append(make([]byte, 0, size), batchVersion)
	for _, e := range b.Events {
		p = appendBytes(p, e.ID)
		p = appendBytes(p, e.Kind)
		p = binary.AppendUvarint(p, uint64(e.Index))
		p = binary.AppendVarint(p, unixMicro(e.Occurred))
		p = append(p, e.Original[:]...)
		p = appendBytes(p, e.Raw)
	}
	return p
}

// ParsePayload reads events back from [Batch.Payload]. The events' Raw bytes
// alias p.
func ParsePayload(p []byte) ([]Event, error) {
	if len(p) == 0 || p[0] != batchVersion {
		return nil, errors.New("batch: unknown version of the payload")
	}
	r := reader{rest: p[1:]}
	var events []Event
	for len(r.rest) > 0 && r.err == nil {
		var e Event
		e.ID = string(r.bytes())
		e.Kind = string(r.bytes())
		e.Index = int(r.uvarint())
		e.Occurred = fromUnixMicro(r.varint())
		copy(e.Original[:], r.take(uint64(len(e.Original))))
		e.Raw = r.bytes()
		events = append(events, e)
	}
	if r.err != nil {
		return nil, fmt.Errorf("batch: event %d: %w", len(events)-1, r.err)
	}
	return events, nil
}
