// Package cloudtrail reads CloudTrail records, and watches a folder of
// CloudTrail log files.
//
// Delivery is at least once and unordered, so what was read is remembered by
// file, not by time. Times are UTC, to the second.
//
// Record format: AWS CloudTrail User Guide, "CloudTrail record contents".
package cloudtrail

import (
	"errors"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Product and Service are the Sigma log source of the records.
const (
	Product = "aws"
	Service = "cloudtrail"
)

// Identify reads a record's identity and time, and redacts it.
func Identify(raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) {
		return event.Event{}, errors.New("cloudtrail: the record is not valid JSON")
	}
	e := event.Event{Original: event.DigestOf(raw)}
	named := false
	jsonscan.Members(raw, func(key string, value []byte) bool {
		switch key {
		case "eventName", "eventSource":
			named = true
		case "eventID":
			e.ID = jsonscan.Text(value)
		case "eventTime":
			// A record without a readable time is judged by when it arrived.
			if t, err := time.Parse(time.RFC3339, jsonscan.Text(value)); err == nil {
				e.Occurred = t.UTC()
			}
		}
		return true
	})
	if !named {
		return event.Event{}, errors.New("cloudtrail: the record has neither eventName nor eventSource")
	}
	e.Raw = ingest.Redact(Product, raw)
	return e, nil
}
