package ci_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ci"
	"sidedoor/ingest/ingesttest"
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

func TestAnEndpointTakesCDEventsInEveryModeOfCloudEvents(t *testing.T) {
	const token = "0123456789abcdef"
	c := &ci.Config{Endpoint: ingest.Endpoint{Path: "/ci", TokenFile: ingesttest.Secret(t, token)}}
	h, sink := ingesttest.Handler(t, c, "jenkins", "acme")
	post := func(body string, headers ...string) int {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/ci", strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+token)
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, req)
		return w.Code
	}
	binary := []string{"Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Id", "x", "Ce-Source", "/y", "Ce-Type", "dev.cdevents.artifact.packaged.0.2.0"}
	structured := `{"specversion":"1.0","id":"x","source":"/y","type":"dev.cdevents.artifact.packaged.0.2.0","datacontenttype":"application/json","data":` + packaged + `}`
	if code := post(packaged, binary...); code != http.StatusAccepted {
		t.Errorf("binary mode: %d", code)
	}
	if code := post(structured, "Content-Type", "application/cloudevents+json"); code != http.StatusAccepted {
		t.Errorf("structured mode: %d", code)
	}
	if code := post("["+structured+`,{"specversion":"1.0","type":"dev.tekton.event.taskrun.started.v1"}]`, "Content-Type", "application/cloudevents-batch+json"); code != http.StatusAccepted {
		t.Errorf("a batch: %d", code)
	}
	if code := post(`{"specversion":"1.0","id":"x","source":"/y","type":"com.example","data":{}}`); code != http.StatusBadRequest {
		t.Errorf("another event: %d", code)
	}
	for _, e := range sink.Events() {
		if string(e.Raw) != packaged || e.ID != "/ci/c-1" {
			t.Errorf("stored %+v", e)
		}
	}
	if d := sink.Dead(); len(d) != 2 {
		t.Errorf("dead letters %+v", d)
	}
}
