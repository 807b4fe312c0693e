package gitops_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/gitops"
	"sidedoor/ingest/ingesttest"
)

// seen lets a source look at an API server's lists, one after each restart.
func seen(t *testing.T, lists ...string) *ingesttest.Recorder {
	t.Helper()
	return seenFrom(t, gitops.AllHistory, lists...)
}

func seenFrom(t *testing.T, h gitops.History, lists ...string) *ingesttest.Recorder {
	t.Helper()
	s := &scripted{}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	kind, sink := &gitops.ArgoConfig{Watch: gitops.Watch{Kubeconfig: kubeconfig(t, server.URL), History: h}}, &ingesttest.Recorder{}
	for n, list := range lists {
		running, err := kind.Open(sink.Intake(ingesttest.Source(kind, "gitops", "prod-eu"), time.Now))
		if err != nil {
			t.Fatal(err)
		}
		s.mu.Lock()
		s.answers = []string{list}
		s.mu.Unlock()
		stop := ingesttest.Run(t, running.Run)
		// The index is kept when a list was taken in as a whole.
		eventually(t, "the list is taken in", func() bool { return len(s.all()) == n+1 && s.refused() })
		stop()
	}
	return sink
}

func TestWhatHistoryShowsToBeMissingOrAlteredIsProven(t *testing.T) {
	with := func(old, new string, ids ...int) string { return strings.Replace(synced("1", ids...), old, new, 1) }
	for name, c := range map[string]struct {
		before, after string
		verdict       event.Completeness
		fault         string
	}{
		"it goes on":             {synced("1", 4, 5), synced("2", 4, 5, 6), "", ""},
		"it goes on, and trims":  {synced("1", 4, 5), synced("2", 6, 7), "", ""},
		"one is missing":         {synced("1", 4, 5), synced("2", 7, 8), event.Missing, "history 6 to 6 are gone: after them the oldest that the object keeps is 7"},
		"it is begun anew":       {synced("1", 4, 5), synced("2", 0, 1), event.Missing, "history was to go on with 6, and has 0: it was begun anew"},
		"its end is cut":         {synced("1", 4, 5), synced("2", 4), event.Altered, "history ended with 5, and has nothing after 4 now: somebody cut it"},
		"it is gone":             {synced("1", 4, 5), with(`"history":[`, `"past":[`, 4, 5), event.Altered, "history ended with 5, and has nothing after -1 now: somebody cut it"},
		"nobody wants it":        {synced("1", 4, 5), strings.Replace(with(`"history":[`, `"past":[`, 4, 5), `"spec":{}`, `"spec":{"revisionHistoryLimit":0}`, 1), "", ""},
		"a revision is another":  {synced("1", 4, 5), with(`"revision":"r4"`, `"revision":"x"`, 4, 5), event.Altered, `history 4 is altered: it was "r4//", and is "x//"`},
		"somebody else began it": {synced("1", 4, 5), with(`"revision":"r4"`, `"revision":"r4","initiatedBy":{"username":"bob"}`, 4, 5), event.Altered, `history 4 is altered: it was "r4//", and is "r4/bob/"`},
	} {
		t.Run(name, func(t *testing.T) {
			proofs := seen(t, listOf("1", c.before), listOf("2", c.after)).Proofs()
			if c.verdict == "" {
				if len(proofs) != 0 {
					t.Errorf("nothing is wrong, and there is %+v", proofs)
				}
				return
			}
			if len(proofs) != 1 || proofs[0].Verdict != c.verdict || strings.Join(proofs[0].Faults, "; ") != c.fault || proofs[0].Part != "argocd/shop" ||
				!proofs[0].From.Before(proofs[0].To) || proofs[0].Source != "gitops" {
				t.Errorf("the proofs are %+v", proofs)
			}
		})
	}
}

func TestWhatWasBeforeTheFirstStartIsNoNewsIfNobodyWantsIt(t *testing.T) {
	sink := seenFrom(t, gitops.FromStart, listOf("1", synced("1", 4, 5)), listOf("2", synced("2", 5, 6), strings.ReplaceAll(synced("2", 0, 1), "u-1", "u-2")))
	var got []string
	for _, e := range sink.Events() {
		got = append(got, e.ID)
	}
	if want := "u-1/" + at(6) + "/Succeeded, u-2/history/0@" + at(0) + ", u-2/" + at(1) + "/Succeeded"; strings.Join(got, ", ") != want || len(sink.Proofs()) != 0 {
		t.Errorf("events %q, and expected %s; proofs %+v", got, want, sink.Proofs())
	}
}

func TestManySyncsOfALargeApplicationAreStoredInParts(t *testing.T) {
	var ids []int
	for id := range 40 {
		ids = append(ids, id)
	}
	large := strings.ReplaceAll(synced("1", ids...), `"revision":"r`, `"source":{"helm":{"values":"`+strings.Repeat("x", 50<<10)+`"}},"revision":"r`)
	sink := seen(t, listOf("1", large))
	if got := len(sink.Events()); got != 40 || len(sink.Batches()) < 4 || len(sink.Proofs()) > 0 {
		t.Errorf("%d events in %d batches, %d proofs", got, len(sink.Batches()), len(sink.Proofs()))
	}
}

func TestAnObjectThatCannotBeReadIsADeadLetter(t *testing.T) {
	sink := seen(t, listOf("1", `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"x"}}`, synced("1", 0)))
	if dead := sink.Dead(); len(dead) != 1 || len(sink.Events()) != 1 || !strings.Contains(dead[0].Reason, "no name or no uid") {
		t.Errorf("dead letters %+v, events %+v", dead, sink.Events())
	}
}

// FuzzNothingThatAClusterSaysStopsTheSource looks at objects of any form.
func FuzzNothingThatAClusterSaysStopsTheSource(f *testing.F) {
	f.Add(synced("1", 4, 5), synced("2", 5, 6))
	f.Add(`{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":"a","uid":"u"},"spec":{"path":"x"},"status":{"conditions":[{"type":"Ready","status":"True","lastTransitionTime":"2026-11-16T09:00:00Z"}],"lastAppliedRevision":"main@sha1:1","history":[{"digest":"d","firstReconciled":"2026-11-16T09:00:00Z","metadata":{"revision":"main@sha1:1"}}]}}`, `{"metadata":{"name":"a","uid":"u"}}`)
	f.Add(`{"kind":"HelmRelease","metadata":{"name":"a","uid":"u"},"status":{"history":[{"version":2},{"version":1}],"conditions":[{"type":"Ready","status":"False"}]}}`, `{"metadata":{"name":"a","uid":"u","generation":2},"spec":{"suspend":true},"status":{"history":[{"version":-1}]}}`)
	f.Fuzz(func(t *testing.T, before, after string) {
		if !json.Valid([]byte(before)) || !json.Valid([]byte(after)) {
			return
		}
		for _, events := range gitops.CompareAll([]byte(before), []byte(after)) {
			for _, e := range events {
				if !json.Valid(e.Raw) {
					t.Errorf("%s", e.Raw)
				}
			}
		}
	})
}
