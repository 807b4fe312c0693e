package auditlog

import (
	"context"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
)

// Fetch reads what is new.
type Fetch func(context.Context) (newest time.Time, err error)

// Open opens a log that is asked for by the API.
func Open(c *Config, in ingest.Intake) (Fetch, error) {
	l, err := c.log(in)
	if err != nil {
		return nil, err
	}
	return l.fetch, nil
}

// ParseDelivery reads what is posted to a collector.
func ParseDelivery(in ingest.Intake, d ingest.Delivery) ([]event.Event, []event.Dead, error) {
	return newCollector(in, "").parse(d)
}

// ParsePage reads a page of the API.
func ParsePage(body []byte) ([]event.Event, []event.Dead, error) {
	return parsePage(event.Envelope{}, body)
}
