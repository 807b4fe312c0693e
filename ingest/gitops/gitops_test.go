package gitops_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/gitops"
)

const app = `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"shop","uid":"u-1"},"status":{"operationState":{"phase":"Succeeded","startedAt":"2026-11-16T09:00:00Z","finishedAt":"2026-11-16T09:00:09Z"}}}`

func TestAnApplicationIsFoundInWhateverIsAroundIt(t *testing.T) {
	for name, raw := range map[string]string{
		"alone":             app,
		"of a watch":        `{"type":"MODIFIED","object":` + app + `}`,
		"of a notification": `{"app":` + app + `,"service":"x"}`,
		"of another":        `{"application":` + app + `}`,
	} {
		e, err := gitops.IdentifyApplication([]byte(raw))
		if err != nil || string(e.Raw) != app || e.ID != "u-1/2026-11-16T09:00:00Z/Succeeded" || e.Original != event.DigestOf([]byte(raw)) ||
			!e.Occurred.Equal(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestAnApplicationThatIsLackingSomethingIsReadAllTheSame(t *testing.T) {
	for name, c := range map[string]struct{ raw, id, at string }{
		"no operation yet":      {`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"shop","uid":"u-1"}}`, "", ""},
		"no beginning":          {`{"metadata":{"name":"shop","uid":"u-1"},"status":{"operationState":{"finishedAt":"2026-11-16T09:00:09Z"}}}`, "", "2026-11-16T09:00:09Z"},
		"no kind, no uid":       {`{"metadata":{"name":"shop"},"status":{"operationState":{"startedAt":"2026-11-16T09:00:00Z"}}}`, "", "2026-11-16T09:00:00Z"},
		"a time that is no one": {`{"kind":"Application","apiVersion":"argoproj.io/v1alpha1","metadata":{"uid":"u"},"status":{"operationState":{"startedAt":"soon"}}}`, "u/soon/", ""},
	} {
		e, err := gitops.IdentifyApplication([]byte(c.raw))
		want, _ := time.Parse(time.RFC3339, c.at)
		if err != nil || e.ID != c.id || !e.Occurred.Equal(want) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}

func TestWhatIsNeitherAnApplicationNorAnEventIsRefused(t *testing.T) {
	for _, raw := range []string{``, `{}`, `{"apiVersion":"argoproj.io/v1alpha1","kind":"AppProject"}`, `{"kind":"Application","apiVersion":"x/v1","status":{"operationState":{}}}`, app[:50]} {
		if e, err := gitops.IdentifyApplication([]byte(raw)); err == nil || !strings.HasPrefix(err.Error(), "argocd: ") {
			t.Errorf("%s: %+v, %v", raw, e, err)
		}
	}
	for _, raw := range []string{``, `{}`, `{"involvedObject":{}}`, `{"involvedObject":{},"reason":""}`, `{"involvedObject":{},"reason":"x"`} {
		if e, err := gitops.IdentifyFlux([]byte(raw)); err == nil || !strings.HasPrefix(err.Error(), "flux: ") {
			t.Errorf("%s: %+v, %v", raw, e, err)
		}
	}
}

func TestAFluxEventIsIdentifiedByItsObjectReasonAndTime(t *testing.T) {
	raw := `{"involvedObject":{"uid":"f-1"},"reason":"ReconciliationSucceeded","timestamp":"2026-11-16T09:00:00Z"}`
	e, err := gitops.IdentifyFlux([]byte(raw))
	if err != nil || e.ID != "f-1/ReconciliationSucceeded/2026-11-16T09:00:00Z" || !e.Occurred.Equal(time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v, %v", e, err)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add([]byte(app))
	f.Add([]byte(`{"app":` + app + `}`))
	f.Add([]byte(`{"type":"MODIFIED","was":{},"object":{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"uid":"h"},"status":{"history":[{"version":1}]}}}`))
	f.Add([]byte(`{"involvedObject":{"uid":"f-1"},"reason":"x","timestamp":"2026-11-16T09:00:00Z"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if e, err := gitops.IdentifyApplication(raw); err == nil && !json.Valid(e.Raw) {
			t.Errorf("application %+v", e)
		}
		if e, err := gitops.IdentifyFlux(raw); err == nil && !json.Valid(e.Raw) {
			t.Errorf("flux %+v", e)
		}
		if e, err := gitops.IdentifyFluxObject(raw); err == nil && !json.Valid(e.Raw) {
			t.Errorf("flux object %+v", e)
		}
	})
}
