// Package approvals receives approvals from systems outside: access grants,
// change tickets and break-glass activations, as CloudEvents.
//
// A system without traffic sends a heartbeat every minute or so: it approves
// nothing, and shows that the feed is alive.
//
// Format: CloudEvents 1.0, github.com/cloudevents/spec; docs/rules.md has the types.
package approvals

import (
	"errors"
	"fmt"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/cloudevents"
	"sidedoor/ingest/jsonscan"
)

// Product and Service are the Sigma log source of the events.
const (
	Product = "approvals"
	Service = "cloudevents"
)

const maxBody = 4 << 20

// Config is one feed.
type Config struct {
	ingest.Endpoint `yaml:",inline"`
}

// Defaults implements [ingest.Kind].
func (c *Config) Defaults() ingest.Source { return ingest.Source{Product: Product, Service: Service} }

// Open implements [ingest.Kind].
func (c *Config) Open(in ingest.Intake) (ingest.Running, error) {
	return c.Receive(in, maxBody, cloudevents.Parse(Identify))
}

// Identify reads an event's identity and time.
func Identify(raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) {
		return event.Event{}, errors.New("approvals: the event is not valid JSON")
	}
	for _, attribute := range []string{"specversion", "id", "source", "type"} {
		if jsonscan.GetText(raw, attribute) == "" {
			return event.Event{}, fmt.Errorf("approvals: the event has no %s, so it is no CloudEvent", attribute)
		}
	}
	at, err := time.Parse(time.RFC3339, jsonscan.GetText(raw, "time"))
	if err != nil {
		return event.Event{}, errors.New("approvals: the event's time is missing or no RFC 3339: an approval has to say when it was given")
	}
	return event.Event{
		ID:       jsonscan.GetText(raw, "source") + "/" + jsonscan.GetText(raw, "id"),
		Occurred: at.UTC().Truncate(time.Microsecond), Original: event.DigestOf(raw), Raw: raw,
	}, nil
}
