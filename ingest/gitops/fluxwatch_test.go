package gitops_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"sidedoor/event"
	"sidedoor/ingest/gitops"
	"sidedoor/ingest/jsonscan"
)

// saysFlux is an event of one of Flux's objects in short.
func saysFlux(e event.Event) string {
	get := func(path ...string) string { return jsonscan.GetText(e.Raw, path...) }
	if kind := get("type"); kind != "" {
		return fmt.Sprintf("%s %s %s was %s", kind, get("object", "kind"), get("object", "metadata", "name"), jsonscan.Get(e.Raw, "was", "suspend"))
	}
	status := jsonscan.Get(e.Raw, "status")
	say := get("kind") + " " + get("metadata", "name")
	if jsonscan.Get(status, "conditions") == nil && jsonscan.Get(status, "history") != nil {
		jsonscan.Elements(jsonscan.Get(status, "history"), func(v []byte) bool {
			say += " history " + jsonscan.GetText(v, "metadata", "revision") + jsonscan.GetText(v, "version")
			return true
		})
		return say
	}
	jsonscan.Elements(jsonscan.Get(status, "conditions"), func(v []byte) bool {
		say += " " + jsonscan.GetText(v, "reason")
		return true
	})
	return say + " " + jsonscan.GetText(status, "lastAttemptedRevision") + jsonscan.GetText(status, "artifact", "revision")
}

// flux plays a controller of Flux with one object.
type flux struct {
	c          *cluster
	path, kind string
	history    []any
}

func (c *cluster) flux(path, kind, api, name string, spec fields) *flux {
	c.t.Helper()
	c.do(http.MethodPost, path, fields{"apiVersion": api, "kind": kind, "metadata": fields{"name": name}, "spec": spec})
	return &flux{c: c, path: path + "/" + name, kind: kind}
}

func (f *flux) ready(n int, is, reason string, more fields) {
	f.c.t.Helper()
	status := fields{"conditions": []any{fields{"type": "Ready", "status": is, "reason": reason, "message": reason, "lastTransitionTime": at(n)}}}
	for k, v := range more {
		status[k] = v
	}
	f.c.patch(f.path+"/status", fields{"status": status})
}

// apply is the n-th revision, reconciled as the controller says it.
func (f *flux) apply(n int) {
	f.c.t.Helper()
	revision := fmt.Sprint("main@sha1:c0ffee", n)
	f.ready(n, "Unknown", "Progressing", fields{"lastAttemptedRevision": revision})
	f.history = append([]any{fields{
		"digest": fmt.Sprint("sha256:", n), "firstReconciled": at(n), "lastReconciled": at(n), "lastReconciledStatus": "ReconciliationSucceeded",
		"totalReconciliations": 1, "metadata": fields{"revision": revision},
	}}, f.history...)
	f.history = f.history[:min(5, len(f.history))]
	f.ready(n, "True", "ReconciliationSucceeded", fields{"lastAppliedRevision": revision, "lastAttemptedRevision": revision, "history": f.history})
}

// again is what a controller says every few minutes.
func (f *flux) again(n int) {
	f.c.t.Helper()
	f.ready(n, "Unknown", "Progressing", nil)
	f.ready(n, "True", "ReconciliationSucceeded", nil)
}

// release is the n-th version of a release.
func (f *flux) release(n int, keep int) {
	f.c.t.Helper()
	f.ready(n, "Unknown", "Progressing", fields{"lastAttemptedRevision": "1.0.0"})
	f.history = append([]any{fields{
		"digest": fmt.Sprint("sha256:", n), "name": "shop", "namespace": "default", "version": n, "status": "deployed", "chartName": "shop",
		"chartVersion": "1.0.0", "configDigest": fmt.Sprint("sha256:c", n), "firstDeployed": at(1), "lastDeployed": at(n),
	}}, f.history...)
	f.history = f.history[:min(keep, len(f.history))]
	f.ready(n, "True", "UpgradeSucceeded", fields{"lastAttemptedConfigDigest": fmt.Sprint("sha256:c", n), "history": f.history})
}

func TestSyncsOfFlux(t *testing.T) {
	c := newCluster(t)
	i := install(t, &gitops.FluxConfig{Watch: gitops.Watch{Kubeconfig: c.Kubeconfig, Namespaces: []string{"default"}}})
	i.start()
	var want []string
	expect := func(more ...string) {
		t.Helper()
		want = append(want, more...)
		i.has(saysFlux, want...)
	}

	t.Log("a repository, and what of it was applied")
	repo := c.flux(repositories, "GitRepository", "source.toolkit.fluxcd.io/v1", "acme", fields{"url": "https://github.com/acme/shop"})
	repo.ready(1, "True", "Succeeded", fields{"artifact": fields{"revision": "main@sha1:c0ffee1", "lastUpdateTime": at(1)}})
	expect("GitRepository acme Succeeded main@sha1:c0ffee1")
	shop := c.flux(kustomizations, "Kustomization", "kustomize.toolkit.fluxcd.io/v1", "shop",
		fields{"sourceRef": fields{"kind": "GitRepository", "name": "acme"}, "path": "./deploy"})
	shop.apply(1)
	expect("Kustomization shop ReconciliationSucceeded main@sha1:c0ffee1")
	shop.again(2)
	shop.ready(3, "False", "BuildFailed", fields{"lastAttemptedRevision": "main@sha1:bad"})
	shop.ready(4, "False", "BuildFailed", nil)
	expect("Kustomization shop BuildFailed main@sha1:bad")
	shop.apply(5)
	expect("Kustomization shop ReconciliationSucceeded main@sha1:c0ffee5")

	t.Log("suspended, and another path")
	c.patch(shop.path, fields{"spec": fields{"suspend": true}})
	expect("MODIFIED Kustomization shop was ")
	c.patch(shop.path, fields{"spec": fields{"suspend": false, "path": "./elsewhere"}})
	expect("MODIFIED Kustomization shop was true")
	if events, _, _ := i.arrivals(); string(jsonscan.Get(events[5].Raw, "was")) != `{"suspend":true,"sourceRef":{"kind":"GitRepository","name":"acme"},"path":"./deploy"}` {
		t.Errorf("%s", events[5].Raw)
	}

	t.Log("releases, by number")
	chart := c.flux(releases, "HelmRelease", "helm.toolkit.fluxcd.io/v2", "shop", fields{"chart": fields{"spec": fields{"chart": "shop"}}})
	chart.release(1, 2)
	expect("HelmRelease shop UpgradeSucceeded 1.0.0")
	chart.release(2, 2)
	expect("HelmRelease shop UpgradeSucceeded 1.0.0")

	t.Log("while nobody watches")
	i.stop()
	chart.release(3, 2)
	chart.release(4, 2)
	i.start()
	expect("HelmRelease shop history 3", "HelmRelease shop UpgradeSucceeded 1.0.0")
	i.stop()
	shop.apply(6)
	shop.apply(7)
	i.start()
	expect("Kustomization shop history main@sha1:c0ffee6", "Kustomization shop ReconciliationSucceeded main@sha1:c0ffee7")

	t.Log("killed at the worst moment")
	i.crash(func() { shop.apply(8) })
	shop.again(9)
	i.start()
	expect("Kustomization shop ReconciliationSucceeded main@sha1:c0ffee8")
	if missing := proofsOf(i, event.Missing); len(missing) != 0 {
		t.Errorf("nothing is missing, and there is %+v", missing)
	}

	t.Log("more than the histories keep")
	i.stop()
	for n := 5; n < 9; n++ {
		chart.release(n, 2)
	}
	i.start()
	expect("HelmRelease shop history 7", "HelmRelease shop UpgradeSucceeded 1.0.0")
	if missing := proofsOf(i, event.Missing); len(missing) != 1 || !strings.Contains(missing[0].Faults[0], "history 5 to 6 are gone") {
		t.Errorf("what is missing: %+v", missing)
	}
	i.stop()
	more := []string{}
	for n := 10; n < 16; n++ {
		shop.apply(n)
		if n > 10 && n < 15 {
			more = append(more, fmt.Sprint("Kustomization shop history main@sha1:c0ffee", n))
		}
	}
	i.start()
	expect(append(more, "Kustomization shop ReconciliationSucceeded main@sha1:c0ffee15")...)
	if missing := proofsOf(i, event.Missing); len(missing) != 2 || !strings.Contains(missing[1].Faults[0], "none that was seen before") {
		t.Errorf("what is missing: %+v", missing)
	}

	t.Log("deleted")
	c.do(http.MethodDelete, shop.path, nil)
	expect("DELETED Kustomization shop was ")
}

func TestAnAccountThatMayNotWatchIsToldWhatItLacks(t *testing.T) {
	c := newCluster(t)
	i := install(t, &gitops.ArgoConfig{Watch: gitops.Watch{Kubeconfig: c.KubeconfigFor("sidedoor"), Namespaces: []string{"default"}}})
	i.start()
	eventually(t, "the log says so", func() bool {
		return strings.Contains(i.log.String(), "give the account the verbs get, list and watch on applications of the API group argoproj.io in namespace default, as deploy/gitops-rbac.yaml does")
	})
	if _, _, marks := i.arrivals(); marks != 0 {
		t.Error("it is taken for complete")
	}
	c.argo("shop").sync(1)
	c.rbac()
	i.has(saysArgo, "shop Succeeded rev1")
	eventually(t, "coverage goes on", func() bool { _, _, marks := i.arrivals(); return marks > 0 })
}
