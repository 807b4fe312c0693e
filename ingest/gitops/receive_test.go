package gitops_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sidedoor/ingest"
	"sidedoor/ingest/gitops"
	"sidedoor/ingest/ingesttest"
)

const (
	secret    = "0123456789abcdef"
	fluxEvent = `{"involvedObject":{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","name":"shop","namespace":"apps","uid":"f-1"},"metadata":{"kustomize.toolkit.fluxcd.io/revision":"main@sha1:c0ffee"},"severity":"info","reason":"ReconciliationSucceeded","message":"done","reportingController":"kustomize-controller","timestamp":"2026-11-16T09:00:00Z"}`
)

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return fmt.Sprintf("sha256=%x", mac.Sum(nil))
}

func TestNotificationsAreTakenFromWhoKnowsTheSecret(t *testing.T) {
	file := ingesttest.Secret(t, secret)
	argo := &gitops.ArgoConfig{Path: "/argocd", TokenFile: file}
	token := &gitops.FluxConfig{Path: "/flux", TokenFile: file}
	hmac := &gitops.FluxConfig{Path: "/flux", SigningSecretFile: file}
	both := &gitops.FluxConfig{Path: "/flux", TokenFile: file, SigningSecretFile: file}
	bearer := "Bearer " + secret
	for name, c := range map[string]struct {
		kind                 ingest.Kind
		body, bearer, signed string
		status               int
		id                   string
	}{
		"an application":          {argo, `{"app":` + app + `}`, bearer, "", 202, "u-1/2026-11-16T09:00:00Z/Succeeded"},
		"with another token":      {argo, app, "Bearer x", "", 401, ""},
		"without one":             {argo, app, "", "", 401, ""},
		"a project":               {argo, `{"apiVersion":"argoproj.io/v1alpha1","kind":"AppProject"}`, bearer, "", 400, ""},
		"an event":                {token, fluxEvent, bearer, "", 202, "f-1/ReconciliationSucceeded/2026-11-16T09:00:00Z"},
		"a signed event":          {hmac, fluxEvent, "", sign(fluxEvent), 202, "f-1/ReconciliationSucceeded/2026-11-16T09:00:00Z"},
		"signed, and altered":     {hmac, strings.Replace(fluxEvent, "shop", "bank", 1), "", sign(fluxEvent), 401, ""},
		"not signed":              {hmac, fluxEvent, bearer, "", 401, ""},
		"signed in an older way":  {hmac, fluxEvent, "", "sha1=" + sign(fluxEvent)[7:47], 401, ""},
		"signed with less":        {hmac, fluxEvent, "", sign(fluxEvent)[:20], 401, ""},
		"signed with what is not": {hmac, fluxEvent, "", "sha256=xyz", 401, ""},
		"with both":               {both, fluxEvent, bearer, sign(fluxEvent), 202, "f-1/ReconciliationSucceeded/2026-11-16T09:00:00Z"},
		"with one of both":        {both, fluxEvent, bearer, "", 401, ""},
		"what is no event":        {token, `{"involvedObject":{}}`, bearer, "", 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			handler, sink := ingesttest.Handler(t, c.kind, "delivery", "prod-eu")
			for range 2 { // a sender may repeat
				req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, c.kind.URLPath(), strings.NewReader(c.body))
				req.Header.Set("Authorization", c.bearer)
				if c.signed != "" {
					req.Header.Set("X-Signature", c.signed)
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, req)
				if w.Code != c.status {
					t.Errorf("the answer is %d %s", w.Code, w.Body)
				}
			}
			events := sink.Events()
			if (c.id == "") != (len(events) == 0) || (c.id != "" && (len(events) != 1 || events[0].ID != c.id)) {
				t.Errorf("events: %+v", events)
			}
			if c.id == "" && len(sink.Dead()) == 0 {
				t.Error("nothing is kept of it")
			}
		})
	}
}

func TestAConfigurationSaysWhichWayEventsCome(t *testing.T) {
	watch := gitops.Watch{Kubeconfig: "k"}
	for name, c := range map[string]struct {
		kind ingest.Kind
		want string // of the fault; empty if there is none
	}{
		"neither":            {&gitops.ArgoConfig{}, "either path and token-file"},
		"both":               {&gitops.ArgoConfig{Path: "/a", Watch: watch}, "either path and token-file"},
		"watched":            {&gitops.ArgoConfig{Watch: watch}, ""},
		"in the cluster":     {&gitops.FluxConfig{Watch: gitops.Watch{Kubeconfig: gitops.InCluster}}, ""},
		"with a context":     {&gitops.FluxConfig{Watch: gitops.Watch{Kubeconfig: gitops.InCluster, Context: "prod"}}, "in the cluster there is none"},
		"with a wildcard":    {&gitops.FluxConfig{Watch: gitops.Watch{Kubeconfig: "k", Namespaces: []string{"*"}}}, "leave namespaces out to watch all"},
		"a namespace twice":  {&gitops.FluxConfig{Watch: gitops.Watch{Kubeconfig: "k", Namespaces: []string{"a", "a"}}}, "stands twice"},
		"watched, a token":   {&gitops.ArgoConfig{TokenFile: "t", Watch: watch}, "token-file"},
		"from some time":     {&gitops.ArgoConfig{Watch: gitops.Watch{Kubeconfig: "k", History: "1h"}}, `history: "1h" is none of all, from-start`},
		"posted":             {&gitops.ArgoConfig{Path: "/a", TokenFile: "t"}, ""},
		"posted, no token":   {&gitops.ArgoConfig{Path: "/a"}, "token-file is missing"},
		"posted, namespaces": {&gitops.ArgoConfig{Path: "/a", TokenFile: "t", Watch: gitops.Watch{Namespaces: []string{"a"}}}, "belong to kubeconfig"},
		"flux, neither":      {&gitops.FluxConfig{}, "either path"},
		"flux, no secret":    {&gitops.FluxConfig{Path: "/f"}, "token-file or signing-secret-file is missing"},
		"flux, signed":       {&gitops.FluxConfig{Path: "/f", SigningSecretFile: "s"}, ""},
		"flux, both":         {&gitops.FluxConfig{SigningSecretFile: "s", Watch: watch}, "belong to path"},
	} {
		err := c.kind.Validate()
		if (c.want == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	f := &gitops.FluxConfig{SigningSecretFile: "s", Watch: gitops.Watch{Kubeconfig: gitops.InCluster}}
	f.Resolve(func(s string) string { return "/etc/" + s })
	if f.SigningSecretFile != "/etc/s" || f.TokenFile != "" || f.Kubeconfig != gitops.InCluster {
		t.Errorf("%+v", f)
	}
	if _, err := (&gitops.ArgoConfig{Watch: gitops.Watch{Kubeconfig: "/absent"}}).Open((&ingesttest.Recorder{}).Intake(ingest.Source{}, nil)); err == nil || !strings.Contains(err.Error(), "/absent") {
		t.Errorf("an absent kubeconfig: %v", err)
	}
}
