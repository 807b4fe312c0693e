package gitops_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/gitops"
	"sidedoor/ingest/jsonscan"
)

// saysArgo is an event of an Application in short.
func saysArgo(e event.Event) string {
	get := func(path ...string) string { return jsonscan.GetText(e.Raw, path...) }
	if kind := get("type"); kind != "" {
		return kind + " " + get("object", "metadata", "name")
	}
	if phase := get("status", "operationState", "phase"); phase != "" {
		return fmt.Sprint(get("metadata", "name"), " ", phase, " ", get("status", "operationState", "syncResult", "revision"))
	}
	var history []struct{ Revision string }
	_ = json.Unmarshal(jsonscan.Get(e.Raw, "status", "history"), &history)
	return fmt.Sprint(get("metadata", "name"), " history ", history)
}

// TestSyncsOfArgoCD is one test, since an API server takes its time to start.
func TestSyncsOfArgoCD(t *testing.T) {
	c := newCluster(t)
	shop := c.argo("shop")
	shop.sync(1)
	shop.sync(2)
	i := install(t, &gitops.ArgoConfig{Watch: gitops.Watch{Kubeconfig: c.Kubeconfig}})
	i.start()

	want := []string{"shop history [{rev1}]", "shop Succeeded rev2"}
	expect := func(more ...string) {
		t.Helper()
		want = append(want, more...)
		i.has(saysArgo, want...)
	}
	expect()
	eventually(t, "coverage is stated", func() bool { _, _, marks := i.arrivals(); return marks > 0 })

	// Until the API server has its cache of the objects, a watch may be told to list
	// again, which is right and not what comes next.
	c.argo("probe").sync(1)
	expect("probe Succeeded rev1")

	t.Log("each sync once, however often the object changes, and one that fails too")
	shop.sync(3)
	shop.touch("Degraded")
	shop.begin(4)
	shop.end(4, "Failed")
	expect("shop Succeeded rev3", "shop Failed rev4")
	if events, _, _ := i.arrivals(); !events[3].Occurred.Equal(noon.Add(3 * time.Minute)) {
		t.Errorf("rev3 occurred at %v", events[3].Occurred)
	}

	t.Log("an event is what the API sends, byte for byte")
	sent := c.do(http.MethodPost, applications, fields{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": fields{"name": "odd", "annotations": fields{"a": "<ö & \u2028>"}},
		"spec":   fields{"z": 1, "a": 1.50, "n": nil, "big": 9007199254740993},
		"status": fields{"operationState": fields{"phase": "Error", "startedAt": at(4), "finishedAt": at(4)}},
	})
	expect("odd Error ")
	if events, _, _ := i.arrivals(); string(events[5].Raw) != strings.TrimSpace(string(sent)) || jsonscan.Get(events[5].Raw, "metadata", "managedFields") == nil {
		t.Errorf("the event is\n%s\nand the API sent\n%s", events[5].Raw, sent)
	}

	t.Log("while nobody watches")
	i.stop()
	shop.sync(5)
	shop.begin(6)
	shop.end(6, "Error")
	shop.sync(7)
	bank := c.argo("bank")
	bank.sync(1)
	i.start()
	expect("bank Succeeded rev1", "shop history [{rev5}]", "shop Succeeded rev7")

	t.Log("killed when the batch is on disk and no bookmark says so, and the object goes on changing")
	i.crash(func() { shop.sync(8) })
	shop.touch("Degraded again")
	shop.sync(9)
	i.start()
	expect("shop Succeeded rev8", "shop Succeeded rev9")

	t.Log("the API server is away")
	c.Stop()
	time.Sleep(300 * time.Millisecond)
	c.Restart()
	eventually(t, "the API server serves again", func() bool { return c.status(http.MethodGet, shop.path(), nil) == http.StatusOK })
	shop.sync(10)
	expect("shop Succeeded rev10")

	t.Log("more syncs than the history keeps")
	i.stop()
	shop.limit = 2
	shop.sync(11)
	shop.sync(12)
	shop.sync(13)
	i.start()
	expect("shop history [{rev12}]", "shop Succeeded rev13")
	missing := proofsOf(i, event.Missing)
	if len(missing) != 1 || missing[0].Part != "default/shop" || missing[0].Kind != event.History ||
		!strings.Contains(strings.Join(missing[0].Faults, ""), "history 8 to 8 are gone") {
		t.Errorf("proofs of what is missing: %+v", missing)
	}

	t.Log("deleted, seen and unseen")
	c.do(http.MethodDelete, bank.path(), nil)
	expect("DELETED bank")
	i.stop()
	c.do(http.MethodDelete, shop.path(), nil)
	shop = c.argo("shop")
	shop.sync(20)
	i.start()
	expect("shop Succeeded rev20", "DELETED shop")

	t.Log("every hour a proof, once all were compared")
	if complete := proofsOf(i, event.Complete); len(complete) != 0 {
		t.Errorf("a proof before the hour was over: %+v", complete)
	}
	i.wait(2 * time.Hour) // the first of which has what was missing
	eventually(t, "a proof is stated", func() bool {
		shop.touch(fmt.Sprint("at ", i.now())) // what the API server says every minute does as well
		i.wait(time.Hour)
		return len(proofsOf(i, event.Complete)) > 0
	})
	if p := proofsOf(i, event.Complete)[0]; p.Part != "applications" || p.Items == 0 || !p.From.Before(p.To) || !p.To.Equal(p.To.Truncate(time.Hour)) {
		t.Errorf("the proof is %+v", p)
	}
}

func proofsOf(i *installation, is event.Completeness) []event.Proof {
	_, all, _ := i.arrivals()
	var out []event.Proof
	for _, p := range all {
		if p.Verdict == is {
			out = append(out, p)
		}
	}
	return out
}
