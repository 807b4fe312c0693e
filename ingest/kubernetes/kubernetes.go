// Package kubernetes receives Kubernetes audit events from the API server's
// webhook backend.
//
// The API server posts an EventList, tries five times, and then drops it: so
// the answer is quick, and repetitions are harmless. It sends no Authorization
// header over plain HTTP, so a remote one needs TLS here. One request yields
// several events, one for each stage, with the same auditID; a caller can
// choose that ID, so an event's identity holds its content, too.
//
// Format: k8s.io/apiserver/pkg/apis/audit/v1, Event and EventList.
package kubernetes

import (
	"encoding/json"
	"errors"
	"fmt"
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

// maxBody bounds a delivery; the API server's own bound is 10 MB.
const maxBody = 32 << 20

// Config is one cluster's webhook.
type Config struct {
	Path      string `yaml:"path"`       // of the URL, such as /kubernetes/prod-eu
	TokenFile string `yaml:"token-file"` // holds the bearer token
}

// Validate says what is wrong.
func (c *Config) Validate() error {
	return errors.Join(ingest.ValidatePath(c.Path), ingest.ValidateSecret("token-file", c.TokenFile))
}

// Resolve implements [ingest.Kind].
func (c *Config) Resolve(path func(string) string) { c.TokenFile = path(c.TokenFile) }

// Defaults implements [ingest.Kind].
func (c *Config) Defaults() ingest.Source { return ingest.Source{Product: Product, Service: Service} }

// URLPath implements [ingest.Kind].
func (c *Config) URLPath() string { return c.Path }

// Open implements [ingest.Kind].
func (c *Config) Open(in ingest.Intake) (ingest.Running, error) {
	token, err := ingest.ReadSecret(c.TokenFile)
	if err != nil {
		return ingest.Running{}, err
	}
	return ingest.Running{Handler: &ingest.Receiver{Intake: in, MaxBody: maxBody, Knows: ingest.Bearer(token), Parse: parse}}, nil
}

// parse reads an EventList.
func parse(d ingest.Delivery) (events []event.Event, dead []event.Dead, err error) {
	if !json.Valid(d.Body) {
		return nil, nil, errors.New("kubernetes: the body is not valid JSON")
	}
	items := jsonscan.Get(d.Body, "items")
	if kind := jsonscan.GetText(d.Body, "kind"); kind != "EventList" || items == nil {
		return nil, nil, fmt.Errorf("kubernetes: want an EventList of audit.k8s.io/v1, got kind %q", kind)
	}
	return d.Items(items, Identify)
}

// Identify reads an audit event's identity and time, and redacts it.
func Identify(raw []byte) (event.Event, error) {
	top := map[string][]byte{}
	jsonscan.Members(raw, func(key string, value []byte) bool {
		switch key {
		case "auditID", "stage", "verb", "requestURI", "user", "stageTimestamp", "timestamp", "requestReceivedTimestamp", "metadata":
			top[key] = value
		}
		return true
	})
	if !json.Valid(raw) || top["verb"] == nil && top["auditID"] == nil && top["requestURI"] == nil && top["user"] == nil {
		return event.Event{}, errors.New("kubernetes: the item is no audit event")
	}
	e := event.Event{Original: event.DigestOf(raw), Raw: ingest.Redact(Product, raw), Occurred: occurred(top)}
	if id := jsonscan.Text(top["auditID"]); id != "" {
		e.ID = id + "/" + jsonscan.Text(top["stage"])
	}
	return e, nil
}

// occurred is when the stage was reached; older API servers wrote other keys.
func occurred(top map[string][]byte) time.Time {
	for _, value := range [][]byte{
		top["stageTimestamp"], top["timestamp"], top["requestReceivedTimestamp"], jsonscan.Get(top["metadata"], "creationTimestamp"),
	} {
		if t, err := time.Parse(time.RFC3339, jsonscan.Text(value)); err == nil && !t.IsZero() {
			return t.UTC().Truncate(time.Microsecond)
		}
	}
	return time.Time{}
}
