// Package kubernetes takes in Kubernetes audit events: those that the API
// server posts to a webhook, those that it writes to a log file, and those that
// EKS sends through CloudWatch Logs and Firehose to S3.
//
// The API server posts an EventList, tries five times, and then drops it: so
// the answer is quick, and repetitions are harmless. It sends no Authorization
// header over plain HTTP, so a remote one needs TLS here. One request yields
// several events, one for each stage, with the same auditID; a caller can
// choose that ID, so an event's identity holds its content, too.
//
// The log file has one event a line. It is followed through rotation, also
// while nobody followed it; see [sidedoor/ingest/tail].
//
// EKS's objects hold records of CloudWatch Logs, each packed by itself, and these
// some events each, of all the cluster's log streams.
//
// Formats: k8s.io/apiserver/pkg/apis/audit/v1, Event and EventList; CloudWatch
// Logs User Guide, "Real-time processing of log data with subscriptions".
package kubernetes

import (
	"bytes"
	"errors"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Product and Service are the Sigma log source of the events.
const (
	Product = "kubernetes"
	Service = "audit"
)

// Identify reads an audit event's identity and time, and redacts it.
func Identify(raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) {
		return event.Event{}, errNoEvent
	}
	return identify(raw)
}

var errNoEvent = errors.New("kubernetes: the item is no audit event")

// top are members of an event, as they are written.
type top struct {
	auditID, stage, verb, uri, user        []byte
	reached, timestamp, received, metadata []byte
}

// identify is Identify of what is known to be valid JSON.
func identify(raw []byte) (event.Event, error) {
	var t top
	jsonscan.Fields(raw, func(key, value []byte) bool {
		switch string(key) {
		case "auditID":
			t.auditID = value
		case "stage":
			t.stage = value
		case "verb":
			t.verb = value
		case "requestURI":
			t.uri = value
		case "user":
			t.user = value
		case "stageTimestamp":
			t.reached = value
		case "timestamp":
			t.timestamp = value
		case "requestReceivedTimestamp":
			t.received = value
		case "metadata":
			t.metadata = value
		}
		return true
	})
	if t.verb == nil && t.auditID == nil && t.uri == nil && t.user == nil {
		return event.Event{}, errNoEvent
	}
	e := event.Event{Original: event.DigestOf(raw), Raw: ingest.Redact(Product, raw), Occurred: t.occurred()}
	if id := jsonscan.Text(t.auditID); id != "" {
		e.ID = id + "/" + jsonscan.Text(t.stage)
	}
	return e, nil
}

// truncated is the annotation of an event that was too large for the API
// server's bound: it has lost its request's and its response's bodies.
const truncated = "audit.k8s.io/truncated"

// Truncated says whether an event says of itself that a part of it is left out.
// What was written is then not on record: a blind spot, and whoever writes can
// make one by writing much.
func Truncated(raw []byte) bool {
	// Few events are, and this is asked of all. A key may be escaped, though no
	// API server does that.
	if !bytes.Contains(raw, []byte("truncated")) && !bytes.Contains(raw, []byte(`\u`)) {
		return false
	}
	found := false
	jsonscan.Members(raw, func(key string, value []byte) bool {
		if key == "annotations" {
			jsonscan.Members(value, func(key string, value []byte) bool {
				found = found || key == truncated && jsonscan.Text(value) == "true"
				return true
			})
		}
		return true
	})
	return found
}

// occurred is when the stage was reached; older API servers wrote other keys.
func (t *top) occurred() time.Time {
	for _, value := range [][]byte{t.reached, t.timestamp, t.received, jsonscan.Get(t.metadata, "creationTimestamp")} {
		if t, err := time.Parse(time.RFC3339, jsonscan.Text(value)); err == nil && !t.IsZero() {
			return t.UTC().Truncate(time.Microsecond)
		}
	}
	return time.Time{}
}
