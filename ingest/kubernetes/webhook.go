package kubernetes

import (
	"errors"
	"fmt"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// maxBody bounds a delivery; the API server's own bound is 10 MB.
const maxBody = 32 << 20

// openWebhook makes ready what the API server posts to.
func (c *Config) openWebhook(in ingest.Intake) (ingest.Running, error) {
	knows, err := c.knows(in)
	if err != nil {
		return ingest.Running{}, err
	}
	return ingest.Running{Handler: &ingest.Receiver{Intake: in, MaxBody: maxBody, Knows: knows, Parse: parse}}, nil
}

// apiGroup is that of audit events, of whatever version: v1, and v1beta1 and
// v1alpha1 of older API servers.
const apiGroup = "audit.k8s.io/"

// parse reads an EventList.
func parse(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
	var kind, version string
	events, dead, valid, err := d.List("items", identify, func(key, value []byte) {
		switch string(key) {
		case "kind":
			kind = jsonscan.Text(value)
		case "apiVersion":
			version = jsonscan.Text(value)
		}
	})
	switch {
	case !valid:
		return nil, nil, errors.New("kubernetes: the body is not valid JSON")
	case err != nil:
		return nil, nil, fmt.Errorf("kubernetes: %w", err)
	case kind != "EventList" || !strings.HasPrefix(version, apiGroup) || len(events)+len(dead) == 0 && jsonscan.Get(d.Body, "items") == nil:
		return nil, nil, fmt.Errorf("kubernetes: want an EventList of audit.k8s.io/v1 with items, got kind %q of %q", kind, version)
	}
	return events, dead, nil
}
