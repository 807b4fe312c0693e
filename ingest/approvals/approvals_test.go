package approvals_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/approvals"
	"sidedoor/ingest/ingesttest"
)

const token = "0123456789abcdef"

func handler(t *testing.T) (http.Handler, *ingesttest.Recorder) {
	t.Helper()
	return ingesttest.Handler(t, &approvals.Config{Endpoint: ingest.Endpoint{Path: "/approvals", TokenFile: ingesttest.Secret(t, token)}}, "access", "")
}

func post(t *testing.T, h http.Handler, body string, headers ...string) int {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/approvals", strings.NewReader(body))
	req.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Code
}

const grant = `{"specversion":"1.0","id":"g-1","source":"https://access.acme.example","type":"dev.sidedoor.access-grant",` +
	`"time":"2026-11-16T10:00:00+01:00","data":{"actor":"alice@acme.example"}}`

func TestAnApprovalIsIdentifiedByItsSourceAndID(t *testing.T) {
	e, err := approvals.Identify([]byte(grant))
	want := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	if err != nil || e.ID != "https://access.acme.example/g-1" || !e.Occurred.Equal(want) || e.Original != event.DigestOf([]byte(grant)) {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestWhatIsNoApprovalSaysWhatItLacks(t *testing.T) {
	for _, attribute := range []string{"specversion", "id", "source", "type", "time"} {
		_, err := approvals.Identify([]byte(strings.Replace(grant, `"`+attribute+`"`, `"x"`, 1)))
		if err == nil || !strings.Contains(err.Error(), attribute) {
			t.Errorf("without %s: %v", attribute, err)
		}
	}
	for _, raw := range []string{"", "{", "[]", "null", strings.Replace(grant, "2026-11-16T", "16 Nov ", 1)} {
		if _, err := approvals.Identify([]byte(raw)); err == nil {
			t.Errorf("%q: no error", raw)
		}
	}
}

func TestAStructuredEventIsStoredAsItIs(t *testing.T) {
	for _, media := range []string{"application/cloudevents+json; charset=utf-8", "application/json", ""} {
		h, sink := handler(t)
		// A proxy that adds attributes as headers must not change what is meant.
		code := post(t, h, grant, "Content-Type", media)
		if e := sink.Events(); code/100 != 2 || len(e) != 1 || string(e[0].Raw) != grant {
			t.Errorf("%q: %d, stored %+v", media, code, e)
		}
	}
	h, sink := handler(t)
	post(t, h, grant, "Content-Type", "application/cloudevents+json", "Ce-Specversion", "1.0", "Ce-Id", "another")
	if e := sink.Events(); len(e) != 1 || string(e[0].Raw) != grant {
		t.Errorf("with headers: %+v", e)
	}
}

func TestABinaryEventIsPutTogether(t *testing.T) {
	h, sink := handler(t)
	headers := []string{
		"Content-Type", "application/json", "Ce-Specversion", "1.0", "Ce-Id", "h%20%C3%BC", "Ce-Source", "https://access.acme.example",
		"Ce-Type", "dev.sidedoor.access-grant", "Ce-Time", "2026-11-16T09:00:00Z", "Ce-Data", "forged",
	}
	if code := post(t, h, `{"actor":"alice@acme.example"}`, headers...); code/100 != 2 {
		t.Fatalf("with data: %d", code)
	}
	if code := post(t, h, "", headers...); code/100 != 2 {
		t.Fatalf("a heartbeat without data: %d", code)
	}
	if code := post(t, h, "no JSON", headers...); code != http.StatusBadRequest {
		t.Errorf("data that is no JSON: %d", code)
	}
	e := sink.Events()
	if len(e) != 2 || e[0].ID != "https://access.acme.example/h ü" {
		t.Fatalf("stored %+v", e)
	}
	var got struct{ Data struct{ Actor string } }
	if err := json.Unmarshal(e[0].Raw, &got); err != nil || got.Data.Actor != "alice@acme.example" {
		t.Errorf("stored %s", e[0].Raw)
	}
}

func TestTheSameBinaryEventIsTheSameWhenItIsRepeated(t *testing.T) {
	h, sink := handler(t)
	for range 2 {
		post(t, h, `{"b":1,"a":2}`, "Ce-Specversion", "1.0", "Ce-Id", "1", "Ce-Source", "s", "Ce-Type", "t", "Ce-Time", "2026-11-16T09:00:00Z", "Ce-Subject", "x")
	}
	if b := sink.Batches(); len(b) != 1 {
		t.Errorf("stored %+v", b)
	}
}

func TestABatchHoldsManyEvents(t *testing.T) {
	const media = "application/cloudevents-batch+json"
	h, sink := handler(t)
	if code := post(t, h, "["+grant+`, {"id":"x"}, `+grant+"]", "Content-Type", media); code/100 != 2 {
		t.Fatal(code)
	}
	if e, d := sink.Events(), sink.Dead(); len(e) != 2 || e[1].Index != 2 || len(d) != 1 || d[0].Index != 1 {
		t.Errorf("stored %+v, buried %+v", e, d)
	}
	if code := post(t, h, "[]", "Content-Type", media); code/100 != 2 {
		t.Errorf("an empty batch: %d", code)
	}
	for _, body := range []string{grant, "{", "null", ""} {
		if code := post(t, h, body, "Content-Type", media); code != http.StatusBadRequest {
			t.Errorf("%.20q is no batch: %d", body, code)
		}
	}
}

func TestAConfigurationWithoutItsPartsIsRefused(t *testing.T) {
	err := (&approvals.Config{}).Validate()
	if err == nil || !strings.Contains(err.Error(), "path") || !strings.Contains(err.Error(), "token-file") {
		t.Errorf("got %v", err)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(grant))
	f.Add([]byte(`{"specversion":1,"id":"","source":[],"type":{},"time":"0001-01-01T00:00:00Z"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e, err := approvals.Identify(raw)
		if err == nil && (e.ID == "" || !json.Valid(e.Raw)) {
			t.Errorf("%q: %+v", raw, e)
		}
	})
}

// What a type means is said by rules, so that a system may send one of its own.
func TestEveryTypeOfEventIsTaken(t *testing.T) {
	h, sink := handler(t)
	types := []string{
		"access-grant", "change-ticket", "break-glass", "exception", "emergency-review", "revocation", "heartbeat", "of-tomorrow",
	}
	for _, name := range types {
		body := strings.Replace(strings.Replace(grant, "access-grant", name, 1), "g-1", name, 1)
		if code := post(t, h, body); code/100 != 2 {
			t.Errorf("%s: %d", name, code)
		}
	}
	ids := map[string]bool{}
	for _, b := range sink.Batches() {
		for _, e := range b.Events {
			ids[e.ID] = true
		}
	}
	for _, name := range types {
		if !ids["https://access.acme.example/"+name] {
			t.Errorf("%s was not stored: %v", name, ids)
		}
	}
}
