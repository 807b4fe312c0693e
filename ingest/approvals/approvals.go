// Package approvals receives approvals from systems outside: access grants,
// change tickets and break-glass activations, as CloudEvents.
//
// A system without traffic sends a heartbeat every minute or so: it approves
// nothing, and shows that the feed is alive.
//
// Format: CloudEvents 1.0, JSON event format and HTTP protocol binding,
// github.com/cloudevents/spec.
package approvals

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
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
	Path      string `yaml:"path"`       // of the URL, such as /approvals
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

// parse reads a single event in structured or binary mode, or a batch.
func parse(d ingest.Delivery) (events []event.Event, dead []event.Dead, err error) {
	media, _, _ := mime.ParseMediaType(d.Header.Get("Content-Type")) // an odd type is read as a single event
	body := d.Body
	if d.Header.Get("Ce-Specversion") != "" && !strings.HasPrefix(media, "application/cloudevents") {
		if body, err = structured(d.Header, body); err != nil {
			return nil, nil, err
		}
	}
	if !json.Valid(body) {
		return nil, nil, errors.New("approvals: the body is not valid JSON")
	}
	if media == "application/cloudevents-batch+json" {
		return batch(d)
	}
	e, err := Identify(body)
	if err != nil {
		return nil, nil, err
	}
	return []event.Event{e}, nil, nil
}

func batch(d ingest.Delivery) (events []event.Event, dead []event.Dead, err error) {
	if !bytes.HasPrefix(bytes.TrimLeft(d.Body, " \t\r\n"), []byte("[")) {
		return nil, nil, errors.New("approvals: a batch has to be a JSON array of CloudEvents")
	}
	index := 0
	jsonscan.Elements(d.Body, func(raw []byte) bool {
		e, err := Identify(raw)
		e.Index = index
		if err != nil {
			dead = append(dead, event.Dead{Envelope: d.Envelope, Reason: err.Error(), Cause: "malformed", Index: index, Raw: raw})
		} else {
			events = append(events, e)
		}
		index++
		return true
	})
	return events, dead, nil
}

// structured puts the attributes of binary mode, which are headers, around the
// data. Header values are percent-encoded; an event may have no data, such as
// a heartbeat.
func structured(h http.Header, data []byte) ([]byte, error) {
	attributes := map[string]any{}
	if len(data) > 0 {
		attributes["data"], attributes["datacontenttype"] = json.RawMessage(data), "application/json"
	}
	for name, values := range h {
		attribute, ok := strings.CutPrefix(strings.ToLower(name), "ce-")
		if !ok || attribute == "data" {
			continue
		}
		value, err := url.PathUnescape(values[0])
		if err != nil {
			value = values[0]
		}
		attributes[attribute] = value
	}
	b, err := json.Marshal(attributes)
	if err != nil {
		return nil, fmt.Errorf("approvals: the body is not valid JSON: %w", err)
	}
	return b, nil
}

// Identify reads an event's identity and time.
func Identify(raw []byte) (event.Event, error) {
	if !json.Valid(raw) {
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
