package ci_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/ci"
)

const packaged = `{"context":{"id":"c-1","source":"/ci","type":"dev.cdevents.artifact.packaged.0.2.0","timestamp":"2026-11-16T09:00:00.5Z"},"subject":{"id":"pkg:oci/shop@sha256%3Aabc","content":{"change":{"id":"c0ffee","source":"github.com/acme/shop"}}}}`

func quoted(t *testing.T, s string) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestACDEventIsTakenOutOfItsCloudEvent(t *testing.T) {
	for name, raw := range map[string]string{
		"alone":           packaged,
		"as data":         `{"specversion":"1.0","id":"x","source":"/y","type":"dev.cdevents.artifact.packaged.0.2.0","data":` + packaged + `}`,
		"as data in text": `{"specversion":"1.0","id":"x","source":"/y","type":"dev.cdevents.artifact.packaged.0.2.0","data":` + quoted(t, packaged) + `}`,
	} {
		e, err := ci.Identify([]byte(raw))
		if err != nil || string(e.Raw) != packaged || e.ID != "/ci/c-1" || e.Original != event.DigestOf([]byte(raw)) ||
			!e.Occurred.Equal(time.Date(2026, 11, 16, 9, 0, 0, 5e8, time.UTC)) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestWhatIsNoCDEventIsRefused(t *testing.T) {
	for _, raw := range []string{
		``, `{}`, `7`, packaged[:40], `{"context":{"type":"dev.tekton.event.taskrun.started.v1"},"subject":{"id":"x"}}`,
		`{"context":{"type":"dev.cdevents.x.0.1.0"},"subject":{"id":"x"}}`, `{"context":{"id":"1","type":"dev.cdevents.x.0.1.0"},"subject":{}}`,
		`{"data":"{\"context\":{\"type\":\"dev.cdevents.x\""}`,
	} {
		if e, err := ci.Identify([]byte(raw)); err == nil || !strings.HasPrefix(err.Error(), "ci: ") {
			t.Errorf("%s: %+v, %v", raw, e, err)
		}
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(packaged))
	f.Add([]byte(`{"specversion":"1.0","type":"dev.cdevents.x","data":` + packaged + `}`))
	f.Add([]byte(`{"data":"{\"context\":{\"type\":\"dev.cdevents.x\",\"id\":\"1\"},\"subject\":{\"id\":\"2\"}}"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := ci.Identify(raw); err == nil && (!json.Valid(e.Raw) || e.ID == "") {
			t.Errorf("%+v", e)
		}
	})
}
