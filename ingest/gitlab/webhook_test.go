package gitlab_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/gitlab"
	"sidedoor/ingest/ingesttest"
)

const (
	token = "0123456789abcdef"
	push  = `{"object_kind":"push","event_name":"push","ref":"refs/heads/main","project":{"path_with_namespace":"acme/shop"},"user_username":"alice","commits":[],"total_commits_count":0}`
)

var key = []byte("0123456789abcdef0123456789abcdef")

func post(t *testing.T, h http.Handler, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/gitlab", strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

// sign returns the headers of a delivery as GitLab signs it.
func sign(id string, at time.Time, body string) []string {
	stamp := strconv.FormatInt(at.Unix(), 10)
	sum := base64.StdEncoding.EncodeToString(gitlab.Sign(key, id, stamp, []byte(body)))
	return []string{"webhook-id", id, "webhook-timestamp", stamp, "webhook-signature", "v1,AAAA v1," + sum}
}

// The vector is that of the Standard Webhooks specification's own examples.
func TestASignatureIsThatOfTheSpecification(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	sum := gitlab.Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if got := base64.StdEncoding.EncodeToString(sum); got != "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Errorf("got %s", got)
	}
}

func TestAWebhookHasToShowItsToken(t *testing.T) {
	h, sink := ingesttest.Handler(t, &gitlab.Config{Path: "/gitlab", TokenFile: ingesttest.Secret(t, token)}, "gitlab", "acme")
	for _, headers := range [][]string{nil, {"X-Gitlab-Token", "0123456789abcdeF"}, {"Authorization", "Bearer " + token}} {
		if w := post(t, h, push, headers...); w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), "X-Gitlab-Token") {
			t.Errorf("%v: %d %s", headers, w.Code, w.Body)
		}
	}
	if w := post(t, h, push, "X-Gitlab-Token", token, "Idempotency-Key", "k-1", "X-Gitlab-Webhook-UUID", "random"); w.Code != http.StatusAccepted {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if e := sink.Events(); len(e) != 1 || e[0].ID != "k-1" || e[0].Kind != "push" || string(e[0].Raw) != push {
		t.Errorf("stored %+v", e)
	}
	if w := post(t, h, `{"text":"my template"}`, "X-Gitlab-Token", token); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "template") {
		t.Errorf("a custom template: %d %s", w.Code, w.Body)
	}
}

func TestARetryIsTheSameDelivery(t *testing.T) {
	h, sink := ingesttest.Handler(t, &gitlab.Config{Path: "/gitlab", TokenFile: ingesttest.Secret(t, token)}, "gitlab", "acme")
	for i := range 3 {
		post(t, h, push, "X-Gitlab-Token", token, "Idempotency-Key", "k-1", "X-Gitlab-Webhook-UUID", fmt.Sprint(i))
	}
	post(t, h, push, "X-Gitlab-Token", token, "Idempotency-Key", "k-2")
	if b := sink.Batches(); len(b) != 2 {
		t.Errorf("%d batches", len(b))
	}
}

func TestASigningTokenIsHeldToTheBodyAndTheTime(t *testing.T) {
	c := &gitlab.Config{Path: "/gitlab", SigningSecretFile: ingesttest.Secret(t, "whsec_"+base64.StdEncoding.EncodeToString(key))}
	h, sink := ingesttest.Handler(t, c, "gitlab", "acme")
	now := time.Now()
	for name, headers := range map[string][]string{
		"none":               nil,
		"of another body":    sign("m-1", now, push+" "),
		"of an hour ago":     sign("m-1", now.Add(-time.Hour), push),
		"of the future":      sign("m-1", now.Add(time.Hour), push),
		"of another version": append(sign("m-1", now, push), "webhook-signature", "v2,"+sign("m-1", now, push)[5][11:]),
		"without an id":      append(sign("m-1", now, push), "webhook-id", ""),
		"of another id":      append(sign("m-1", now, push), "webhook-id", "m-2"),
	} {
		if w := post(t, h, push, headers...); w.Code != http.StatusUnauthorized {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := post(t, h, push, sign("m-1", now, push)...); w.Code != http.StatusAccepted || len(sink.Events()) != 1 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestAuditEventsAreStreamedWhateverTheirContentType(t *testing.T) {
	h, sink := ingesttest.Handler(t, &gitlab.AuditConfig{Path: "/audit", TokenFile: ingesttest.Secret(t, token)}, "gitlab-audit", "acme")
	body := `{"id":"9","author_id":-1,"entity_id":1,"entity_type":"Project","details":{"custom_message":"x"},"event_type":"project_access_token_created","created_at":"2026-11-16T09:00:00Z"}`
	form := []string{"Content-Type", "application/x-www-form-urlencoded", "X-Gitlab-Audit-Event-Type", "project_access_token_created"}
	if w := post(t, h, body, form...); w.Code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", w.Code)
	}
	form = append(form, "X-Gitlab-Event-Streaming-Token", token)
	if w := post(t, h, body, form...); w.Code != http.StatusAccepted {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := post(t, h, push, form...); w.Code != http.StatusBadRequest {
		t.Errorf("no audit event: %d %s", w.Code, w.Body)
	}
	if e := sink.Events(); len(e) != 1 || e[0].ID != "9" || string(e[0].Raw) != body {
		t.Errorf("stored %+v", e)
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	for want, c := range map[string]ingest.Kind{
		"signing-secret-file": &gitlab.Config{Path: "/x"},
		"path":                &gitlab.Config{TokenFile: "x"},
		"either path":         &gitlab.AuditConfig{TokenFile: "x"},
		"go with api":         &gitlab.AuditConfig{TokenFile: "x", Path: "/x", Group: "acme"},
		"whose events":        &gitlab.AuditConfig{TokenFile: "x", API: "https://gitlab.example"},
		"no URL":              &gitlab.AuditConfig{TokenFile: "x", API: "gitlab.example", Group: "acme"},
		"every":               &gitlab.AuditConfig{TokenFile: "x", API: "https://gitlab.example", Group: "acme", Every: time.Second},
		"token-file":          &gitlab.AuditConfig{Path: "/x"},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", c, err, want)
		}
	}
	if _, err := (&gitlab.Config{Path: "/x", SigningSecretFile: ingesttest.Secret(t, "0123456789abcdef!")}).Open(ingest.Intake{}); err == nil {
		t.Error("a signing token that is no base64: no error")
	}
}
