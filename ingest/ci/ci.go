// Package ci receives and reads CDEvents: what pipelines say of their runs, tasks and
// artifacts, whichever system they run on.
//
// A CDEvent travels alone or as the data of a CloudEvent. Either way the event
// is the CDEvent itself, so that rules find its fields in one place.
//
// Format: cdevents.dev, "Common metadata" and the binding to CloudEvents.
package ci

import (
	"errors"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/cloudevents"
	"sidedoor/ingest/jsonscan"
)

// Product and Service are the Sigma log source of the events.
const (
	Product = "ci"
	Service = "cdevents"
)

// maxBody bounds a delivery.
const maxBody = 8 << 20

// Config is an endpoint for CloudEvents that are CDEvents.
type Config struct {
	ingest.Endpoint `yaml:",inline"`
}

// Defaults implements [ingest.Kind].
func (c *Config) Defaults() ingest.Source { return ingest.Source{Product: Product, Service: Service} }

// Open implements [ingest.Kind].
func (c *Config) Open(in ingest.Intake) (ingest.Running, error) {
	return c.Receive(in, maxBody, cloudevents.Parse(Identify))
}

// TypePrefix begins the type of every CDEvent.
const TypePrefix = "dev.cdevents."

// Body returns the CDEvent in a record: the record itself, or the data of a
// CloudEvent. It returns nil if it is neither.
func Body(raw []byte) []byte {
	if strings.HasPrefix(jsonscan.GetText(raw, "context", "type"), TypePrefix) {
		return raw
	}
	data := jsonscan.Get(raw, "data")
	if text := jsonscan.Text(data); strings.HasPrefix(text, "{") {
		data = []byte(text) // some put JSON into a text
	}
	if strings.HasPrefix(jsonscan.GetText(data, "context", "type"), TypePrefix) {
		return data
	}
	return nil
}

// Identify reads a CDEvent's identity and time.
func Identify(raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) {
		return event.Event{}, errors.New("ci: the event is not valid JSON")
	}
	body := Body(raw)
	if body == nil || !jsonscan.Valid(body) {
		return event.Event{}, errors.New("ci: the event has no context with a type of " + TypePrefix + "*, so it is no CDEvent")
	}
	context := jsonscan.Get(body, "context")
	id, source := jsonscan.GetText(context, "id"), jsonscan.GetText(context, "source")
	if id == "" || jsonscan.GetText(body, "subject", "id") == "" {
		return event.Event{}, errors.New("ci: the event has no context.id or no subject.id")
	}
	return event.Event{
		ID: source + "/" + id, Occurred: jsonscan.GetTime(context, "timestamp"), Original: event.DigestOf(raw), Raw: body,
	}, nil
}
