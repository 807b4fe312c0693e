package cloudtrail_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/cloudtrail"
)

const assume = `{"eventVersion":"1.11","eventTime":"2026-11-16T09:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole",` +
	`"eventID":"e-1","requestParameters":null,"responseElements":{"credentials":{"accessKeyId":"ASIA1","sessionToken":"hunter2"}}}`

func TestARecordIsIdentifiedAndRedacted(t *testing.T) {
	e, err := cloudtrail.Identify([]byte(assume))
	want := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	if err != nil || e.ID != "e-1" || !e.Occurred.Equal(want) || e.Original != event.DigestOf([]byte(assume)) {
		t.Errorf("got %+v, %v", e, err)
	}
	if strings.Contains(string(e.Raw), "hunter2") || !strings.Contains(string(e.Raw), "ASIA1") {
		t.Errorf("redacted to %s", e.Raw)
	}
}

func TestARecordWithoutATimeIsTaken(t *testing.T) {
	e, err := cloudtrail.Identify([]byte(`{"eventName":"X","eventTime":"..."}`))
	if err != nil || !e.Occurred.IsZero() {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestWhatIsNoRecordIsRefused(t *testing.T) {
	for _, raw := range []string{"", "{", "[]", "null", `{"eventID":"e-1"}`, `{"Records":[]}`} {
		if _, err := cloudtrail.Identify([]byte(raw)); err == nil {
			t.Errorf("%q: no error", raw)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(assume))
	f.Add([]byte(`{"eventName":[],"eventTime":1,"eventID":{"a":"b"}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := cloudtrail.Identify(raw)
		if err == nil && (!json.Valid(e.Raw) || e.Original != event.DigestOf(raw)) {
			t.Errorf("%q: %+v", raw, e)
		}
	})
}
