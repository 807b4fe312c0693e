package gitops_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"text/template"

	"github.com/goccy/go-yaml"

	"sidedoor/ingest/gitops"
	"sidedoor/ingest/ingesttest"
)

// The template that we ship is rendered as Argo CD does, and what comes of it is
// what we take in.
func TestTheNotificationThatWeShipIsTakenIn(t *testing.T) {
	b, err := os.ReadFile("../../deploy/argocd-notifications.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Data map[string]string `yaml:"data"`
	}
	var tmpl struct {
		Webhook map[string]struct{ Body string } `yaml:"webhook"`
	}
	if err := yaml.NewDecoder(bytes.NewReader(b)).Decode(&config); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(config.Data["template.sidedoor-operation"]), &tmpl); err != nil {
		t.Fatal(err)
	}
	body, err := template.New("").Funcs(template.FuncMap{"toJson": func(v any) (string, error) {
		b, err := json.Marshal(v)
		return string(b), err
	}}).Parse(tmpl.Webhook["sidedoor"].Body)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(synced("1", 4, 5)), &object); err != nil {
		t.Fatal(err)
	}
	var sent bytes.Buffer
	if err := body.Execute(&sent, map[string]any{"app": object}); err != nil {
		t.Fatal(err)
	}
	handler, sink := ingesttest.Handler(t, &gitops.ArgoConfig{Path: "/argocd", TokenFile: ingesttest.Secret(t, secret)}, "argocd", "")
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/argocd", &sent)
	req.Header.Set("Authorization", "Bearer "+secret)
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, req)
	if events := sink.Events(); w.Code != http.StatusAccepted || len(events) != 1 || events[0].ID != "u-1/"+at(5)+"/Succeeded" {
		t.Errorf("%d %s: %+v", w.Code, w.Body, events)
	}
}
