package github_test

import (
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/github"
	"sidedoor/ingest/ingesttest"
)

// secret and its vector are those of GitHub's documentation, "Validating
// webhook deliveries".
const (
	secret    = "It's a Secret to Everybody"
	signature = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
)

func TestASignatureIsThatOfGitHubsDocumentation(t *testing.T) {
	if got := hex.EncodeToString(github.Sign(secret, []byte("Hello, World!"))); got != signature {
		t.Errorf("got %s", got)
	}
}

func handler(t *testing.T) (http.Handler, *ingesttest.Recorder) {
	t.Helper()
	return ingesttest.Handler(t, &github.Config{Path: "/github", SecretFile: ingesttest.Secret(t, secret)}, "github", "acme")
}

const (
	guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
	push = `{"ref":"refs/heads/main","before":"0","after":"1","commits":[],"pusher":{"name":"alice"},"repository":{"pushed_at":1794819600}}`
)

// deliver posts a body, signed, with headers that may replace the usual ones.
func deliver(t *testing.T, h http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/github", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", "push")
	req.Header.Set("X-GitHub-Delivery", guid)
	req.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(github.Sign(secret, []byte(body))))
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func TestADeliveryIsStoredWithItsNameAndGUID(t *testing.T) {
	h, sink := handler(t)
	if w := deliver(t, h, push); w.Code/100 != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	b := sink.Batches()
	if len(b) != 1 || len(b[0].Events) != 1 || b[0].Origin != guid {
		t.Fatalf("stored %+v", b)
	}
	e := b[0].Events[0]
	if want := time.Unix(1794819600, 0); e.ID != guid || e.Kind != "push" || string(e.Raw) != push || !e.Occurred.Equal(want) || e.Original != event.DigestOf([]byte(push)) {
		t.Errorf("got %+v", e)
	}
}

func TestAFormHoldsThePayload(t *testing.T) {
	h, sink := handler(t)
	form := url.Values{"payload": {push}}.Encode()
	if w := deliver(t, h, form, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"); w.Code/100 != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if e := sink.Events(); len(e) != 1 || string(e[0].Raw) != push {
		t.Errorf("stored %+v", e)
	}
	if w := deliver(t, h, "x=1", "Content-Type", "application/x-www-form-urlencoded"); w.Code != http.StatusBadRequest {
		t.Errorf("a form without payload: %d", w.Code)
	}
}

func TestADeliveryThatIsNotAuthenticOrNotReadableIsRefused(t *testing.T) {
	sign := func(s string) string { return "sha256=" + hex.EncodeToString(github.Sign(s, []byte(push))) }
	for _, c := range []struct {
		name, body, header, value string
		status                    int
	}{
		{"no signature", push, "X-Hub-Signature-256", "", http.StatusUnauthorized},
		{"a signature with SHA-1", push, "X-Hub-Signature-256", "sha1=" + signature[:40], http.StatusUnauthorized},
		{"the signature of another secret", push, "X-Hub-Signature-256", sign("another secret"), http.StatusUnauthorized},
		{"the signature of another body", push, "X-Hub-Signature-256", "sha256=" + signature, http.StatusUnauthorized},
		{"a part of the signature", push, "X-Hub-Signature-256", sign(secret)[:40], http.StatusUnauthorized},
		{"no hexadecimal", push, "X-Hub-Signature-256", "sha256=zz", http.StatusUnauthorized},
		{"no name", push, "X-GitHub-Event", "", http.StatusBadRequest},
		{"an odd name", push, "X-GitHub-Event", "push\"}", http.StatusBadRequest},
		{"no GUID", push, "X-GitHub-Delivery", "", http.StatusBadRequest},
		{"a long GUID", push, "X-GitHub-Delivery", strings.Repeat("x", 101), http.StatusBadRequest},
		{"a body that is no object", "[]", "X-Other", "", http.StatusBadRequest},
		{"a body that is no JSON", "{", "X-Other", "", http.StatusBadRequest},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, sink := handler(t)
			w := deliver(t, h, c.body, c.header, c.value)
			var said struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || w.Code != c.status || said.Error == "" || strings.Contains(said.Error, secret) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if len(sink.Batches()) != 0 || len(sink.Dead()) != 1 {
				t.Errorf("stored %v, buried %v", sink.Batches(), sink.Dead())
			}
		})
	}
}

func TestAnEventIsDatedByGitHubsClock(t *testing.T) {
	const at, before = `"2026-11-16T09:00:00Z"`, `"2026-11-16T07:00:00Z"`
	for _, c := range []struct {
		kind, raw string
		dated     bool
	}{
		{"push", `{"repository":{"pushed_at":1794819600},"head_commit":{"timestamp":` + before + `}}`, true},
		{"push", `{"repository":{"updated_at":` + before + `},"head_commit":{"timestamp":` + before + `}}`, false},
		{"pull_request", `{"action":"closed","pull_request":{"merged_at":` + at + `,"updated_at":` + before + `}}`, true},
		{"pull_request", `{"action":"closed","pull_request":{"merged_at":null,"closed_at":` + at + `}}`, true},
		{"pull_request", `{"action":"labeled","pull_request":{"merged_at":` + before + `,"updated_at":` + at + `}}`, true},
		{"pull_request_review", `{"action":"submitted","review":{"submitted_at":` + at + `},"pull_request":{"updated_at":` + before + `}}`, true},
		{"pull_request_review", `{"action":"dismissed","review":{"submitted_at":` + before + `},"pull_request":{"updated_at":` + at + `}}`, true},
		{"deployment", `{"deployment":{"created_at":` + at + `}}`, true},
		{"deployment_status", `{"deployment_status":{"created_at":` + before + `,"updated_at":` + at + `},"deployment":{"updated_at":` + before + `}}`, true},
		{"deployment_review", `{"action":"approved","since":` + at + `}`, true},
		{"workflow_run", `{"workflow_run":{"created_at":` + before + `,"updated_at":` + at + `}}`, true},
		{"repository", `{"repository":{"created_at":1,"updated_at":` + at + `}}`, true},
		// These say how old something is, not when this happened to it.
		{"branch_protection_rule", `{"action":"deleted","rule":{"updated_at":` + before + `}}`, false},
		{"meta", `{"action":"deleted","hook":{"updated_at":` + before + `}}`, false},
		{"member", `{"action":"added","member":{"login":"x"},"repository":{"updated_at":` + before + `}}`, false},
		{"release", `{"action":"created","release":{"created_at":` + before + `}}`, false},
	} {
		e, err := github.IdentifyWebhook(c.kind, guid, []byte(c.raw))
		want := time.Time{}
		if c.dated {
			want = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
		}
		if err != nil || !e.Occurred.Equal(want) {
			t.Errorf("%s %s: %v, %v", c.kind, c.raw, e.Occurred, err)
		}
	}
}

func TestAnEntryOfTheAuditLogIsIdentified(t *testing.T) {
	want := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	for _, at := range []string{
		`"@timestamp":1794819600000`, `"created_at":1794819600000,"timestamp":1`, `"@timestamp":"2026-11-16T09:00:00.000Z"`,
		`"at_sign_timestamp":"2026-11-16 09:00:00.000"`, `"@timestamp":1.7948196e12`,
	} {
		e, err := github.IdentifyAudit([]byte(`{"_document_id":"d-1","action":"repo.destroy","actor":"alice",` + at + `}`))
		if err != nil || e.ID != "d-1" || !e.Occurred.Equal(want) {
			t.Errorf("%s: %+v, %v", at, e, err)
		}
	}
	for _, at := range []string{`"NaN"`, `"Infinity"`, `-1`, `1e300`, `"0x1p-2"`, `null`, `"..."`, `{}`} {
		e, err := github.IdentifyAudit([]byte(`{"action":"repo.destroy","@timestamp":` + at + `}`))
		if err != nil || e.Occurred.Year() > 2100 || (e.Occurred.Year() < 1970 && !e.Occurred.IsZero()) {
			t.Errorf("%s: %v, %v", at, e.Occurred, err)
		}
	}
	for _, raw := range []string{`{}`, `{"action":1`, `[]`, `{"action":{"a":"b"}}`} {
		if _, err := github.IdentifyAudit([]byte(raw)); err == nil {
			t.Errorf("%s: no error", raw)
		}
	}
}

func TestAConfigurationWithoutItsPartsIsRefused(t *testing.T) {
	err := (&github.Config{}).Validate()
	if err == nil || !strings.Contains(err.Error(), "path") || !strings.Contains(err.Error(), "secret-file") {
		t.Errorf("got %v", err)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add("push", []byte(push))
	f.Add("", []byte(`{"action":"repo.x","@timestamp":"NaN","created_at":1e13}`))
	f.Add("meta", []byte(`{"hook":{"config":{"secret":"x"}},"zen":[]}`))
	f.Fuzz(func(t *testing.T, kind string, raw []byte) {
		for _, identify := range []func() (event.Event, error){
			func() (event.Event, error) { return github.IdentifyWebhook(kind, "", raw) },
			func() (event.Event, error) { return github.IdentifyAudit(raw) },
		} {
			e, err := identify()
			if err != nil {
				continue
			}
			if !json.Valid(e.Raw) || e.Original != event.DigestOf(raw) {
				t.Errorf("%q: %+v", raw, e)
			}
			if y := e.Occurred.Year(); !e.Occurred.IsZero() && (y < 0 || y > 9999) {
				t.Errorf("%q: occurred %v, which has no wire form", raw, e.Occurred)
			}
		}
		github.KindOf(raw)
	})
}
