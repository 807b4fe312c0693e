// Package cloudevents reads what is posted by the HTTP protocol binding of
// CloudEvents: one event in structured or binary mode, or a batch.
//
// An event in structured mode and the events of a batch are kept as they came,
// to the byte. One in binary mode, whose attributes are headers, is put together
// as the structured event that means the same, always alike.
//
// Format: CloudEvents 1.0, JSON event format and HTTP protocol binding,
// github.com/cloudevents/spec.
package cloudevents

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Types of media.
const (
	structuredType = "application/cloudevents"
	batchType      = "application/cloudevents-batch+json"
)

// Parse returns the Parse function of a receiver: it finds the events of a
// delivery and has each identified. What of a batch cannot be identified is
// dead, and the others are taken.
func Parse(identify func(raw []byte) (event.Event, error)) ingest.ParseFunc {
	return func(d ingest.Delivery) (events []event.Event, dead []event.Dead, err error) {
		media, _, _ := mime.ParseMediaType(d.Header.Get("Content-Type")) // an odd type is read as a single event
		body := d.Body
		if d.Header.Get("Ce-Specversion") != "" && !strings.HasPrefix(media, structuredType) {
			if body, err = structured(d.Header, body); err != nil {
				return nil, nil, err
			}
		}
		if !jsonscan.Valid(body) {
			return nil, nil, errors.New("cloudevents: the body is not valid JSON")
		}
		if media == batchType {
			return batch(d, identify)
		}
		e, err := identify(body)
		if err != nil {
			return nil, nil, err
		}
		return []event.Event{e}, nil, nil
	}
}

func batch(d ingest.Delivery, identify func(raw []byte) (event.Event, error)) (events []event.Event, dead []event.Dead, err error) {
	if !bytes.HasPrefix(bytes.TrimLeft(d.Body, " \t\r\n"), []byte("[")) {
		return nil, nil, errors.New("cloudevents: a batch has to be a JSON array of CloudEvents")
	}
	return d.Items(d.Body, identify)
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
		return nil, fmt.Errorf("cloudevents: the body is not valid JSON: %w", err)
	}
	return b, nil
}
