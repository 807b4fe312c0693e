package cloudevents_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/cloudevents"
)

func identify(raw []byte) (event.Event, error) {
	if !json.Valid(raw) {
		return event.Event{}, errors.New("not JSON")
	}
	return event.Event{Raw: raw}, nil
}

func FuzzParse(f *testing.F) {
	f.Add("application/cloudevents+json", "", []byte(`{"specversion":"1.0"}`))
	f.Add("application/cloudevents-batch+json", "", []byte(`[{"specversion":"1.0"},7,`))
	f.Add("application/json", "1.0", []byte(`{"a":1}`))
	f.Add("text/plain; charset=\"", "%zz", []byte{})
	f.Fuzz(func(t *testing.T, media, version string, body []byte) {
		h := http.Header{"Content-Type": {media}}
		if version != "" {
			h["Ce-Specversion"], h["Ce-Data"] = []string{version}, []string{"x"}
		}
		events, dead, err := cloudevents.Parse(identify)(ingest.Delivery{Header: h, Body: body})
		if err == nil && len(events) == 0 && len(dead) == 0 && media != "application/cloudevents-batch+json" {
			t.Errorf("%q %q %q came to nothing", media, version, body)
		}
		for _, e := range events {
			if !json.Valid(e.Raw) {
				t.Errorf("%q", e.Raw)
			}
		}
	})
}
