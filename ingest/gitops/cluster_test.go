package gitops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/internal/testserver"
	"sidedoor/stream"
)

// cluster is an API server that knows the objects of Argo CD and Flux, and the
// controllers that write into them, which is this test.
type cluster struct {
	*testserver.APIServer
	t testing.TB
}

func newCluster(t testing.TB) *cluster {
	t.Helper()
	c := &cluster{APIServer: testserver.KubeAPI(t, testserver.Options{}), t: t}
	b, err := os.ReadFile("testdata/crds.yaml")
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	for {
		var crd map[string]any
		if err := d.Decode(&crd); err != nil {
			break
		}
		c.do(http.MethodPost, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
	}
	for _, path := range []string{applications, kustomizations, releases, repositories} {
		eventually(t, "the API server serves "+path, func() bool { return c.status(http.MethodGet, path, nil) == http.StatusOK })
	}
	return c
}

const (
	applications   = "/apis/argoproj.io/v1alpha1/namespaces/default/applications"
	kustomizations = "/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/default/kustomizations"
	releases       = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/default/helmreleases"
	repositories   = "/apis/source.toolkit.fluxcd.io/v1/namespaces/default/gitrepositories"
)

func (c *cluster) request(method, path string, body any) (int, []byte) {
	c.t.Helper()
	b, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.WithoutCancel(c.t.Context()), method, c.URL+path, bytes.NewReader(b))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if method == http.MethodPatch {
		req.Header.Set("Content-Type", "application/merge-patch+json")
	}
	res, err := c.Client().Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return res.StatusCode, out
}

func (c *cluster) status(method, path string, body any) int {
	c.t.Helper()
	status, _ := c.request(method, path, body)
	return status
}

func (c *cluster) do(method, path string, body any) []byte {
	c.t.Helper()
	status, out := c.request(method, path, body)
	if status >= 300 {
		c.t.Fatalf("%s %s: %d %s", method, path, status, out)
	}
	return out
}

func (c *cluster) patch(path string, patch map[string]any) {
	c.t.Helper()
	c.do(http.MethodPatch, path, patch)
}

type fields = map[string]any

var noon = time.Date(2026, 11, 16, 12, 0, 0, 0, time.UTC)

func at(n int) string { return noon.Add(time.Duration(n) * time.Minute).Format(time.RFC3339) }

// argo plays Argo CD with one application.
type argo struct {
	c       *cluster
	name    string
	limit   int
	history []any
}

func (c *cluster) argo(name string) *argo {
	c.t.Helper()
	c.do(http.MethodPost, applications, fields{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "metadata": fields{"name": name},
		"spec": fields{"project": "default", "destination": fields{"name": "prod-eu", "namespace": name}, "source": fields{"repoURL": "https://github.com/acme/" + name}},
	})
	return &argo{c: c, name: name, limit: 10}
}

func (a *argo) path() string { return applications + "/" + a.name }

// sync is the n-th sync, as the controller writes it: it runs, it is in the
// history, it is over.
func (a *argo) sync(n int) {
	a.c.t.Helper()
	a.begin(n)
	a.end(n, "Succeeded")
}

func (a *argo) begin(n int) {
	a.c.t.Helper()
	a.c.patch(a.path(), fields{"status": fields{"operationState": fields{
		"phase": "Running", "startedAt": at(n), "finishedAt": nil, "operation": fields{"initiatedBy": fields{"username": "alice"}, "sync": fields{}},
		"syncResult": fields{"revision": fmt.Sprint("rev", n)},
	}}})
}

func (a *argo) end(n int, phase string) {
	a.c.t.Helper()
	if phase == "Succeeded" {
		id := 0
		if last := len(a.history); last > 0 {
			id = a.history[last-1].(fields)["id"].(int) + 1
		}
		a.history = append(a.history, fields{
			"id": id, "revision": fmt.Sprint("rev", n), "deployStartedAt": at(n), "deployedAt": at(n), "initiatedBy": fields{"username": "alice"},
		})
		a.history = a.history[max(0, len(a.history)-a.limit):]
		a.c.patch(a.path(), fields{"status": fields{"history": a.history}})
	}
	a.c.patch(a.path(), fields{"status": fields{"operationState": fields{"phase": phase, "finishedAt": at(n)}}})
	a.touch(fmt.Sprint("healthy after ", n))
}

// touch changes something that is no sync.
func (a *argo) touch(health string) {
	a.c.t.Helper()
	a.c.patch(a.path(), fields{"status": fields{"health": fields{"status": health}}})
}

// rbac gives the user sidedoor the role that we ship.
func (c *cluster) rbac() {
	c.t.Helper()
	b, err := os.ReadFile("../../deploy/gitops-rbac.yaml")
	if err != nil {
		c.t.Fatal(err)
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	var role, binding map[string]any
	if err := errors.Join(d.Decode(&role), d.Decode(&binding)); err != nil {
		c.t.Fatal(err)
	}
	binding["subjects"] = []any{fields{"kind": "User", "name": "sidedoor", "apiGroup": "rbac.authorization.k8s.io"}}
	c.do(http.MethodPost, "/apis/rbac.authorization.k8s.io/v1/clusterroles", role)
	c.do(http.MethodPost, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
}

// installation is a stream, and a source that puts into it and can be stopped and
// started again.
type installation struct {
	t      testing.TB
	stream *stream.Stream
	kind   ingest.Kind
	log    *lines

	mu     sync.Mutex
	ahead  time.Duration
	onSink func()
	stop   func()
}

func install(t testing.TB, k ingest.Kind) *installation {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	i := &installation{t: t, stream: s, kind: k, log: &lines{}}
	t.Cleanup(func() {
		if i.stop != nil {
			i.stop()
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return i
}

func (i *installation) now() time.Time {
	i.mu.Lock()
	defer i.mu.Unlock()
	return time.Now().Add(i.ahead)
}

func (i *installation) wait(d time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.ahead += d
}

// PublishBatch does what a test wants to happen once after it.
func (i *installation) PublishBatch(ctx context.Context, b event.Batch) error {
	err := i.stream.PublishBatch(ctx, b)
	i.mu.Lock()
	f := i.onSink
	i.onSink = nil
	i.mu.Unlock()
	if f != nil {
		f()
	}
	return err
}

func (i *installation) PublishMark(ctx context.Context, m event.Mark) error {
	return i.stream.PublishMark(ctx, m)
}
func (i *installation) PublishDead(ctx context.Context, d event.Dead) error {
	return i.stream.PublishDead(ctx, d)
}
func (i *installation) PublishProof(ctx context.Context, p event.Proof) error {
	return i.stream.PublishProof(ctx, p)
}

func (i *installation) start() {
	i.t.Helper()
	src := ingesttest.Source(i.kind, "gitops", "prod-eu")
	in := (&ingesttest.Recorder{}).Intake(src, i.now)
	in.Sink, in.Bookmarks, in.Coverage = i, i.stream, ingest.NewCoverage(src, i, i.now)
	in.Log = slog.New(slog.NewTextHandler(i.log, nil))
	running, err := i.kind.Open(in)
	if err != nil {
		i.t.Fatal(err)
	}
	stopSource, stopCoverage := ingesttest.Run(i.t, running.Run), ingesttest.Run(i.t, in.Coverage.Run)
	i.stop = func() { stopSource(); stopCoverage() }
}

// crash ends the source at the worst moment: the next batch is on disk, and no
// bookmark says so.
func (i *installation) crash(with func()) {
	i.t.Helper()
	stored, ended := make(chan struct{}), make(chan struct{})
	stop := i.stop
	i.mu.Lock()
	i.onSink = func() { close(stored); <-ended }
	i.mu.Unlock()
	with()
	<-stored
	go func() { time.Sleep(50 * time.Millisecond); close(ended) }()
	stop()
}

func (i *installation) arrivals() (events []event.Event, proofs []event.Proof, marks int) {
	i.t.Helper()
	err := i.stream.ReadArrivals(context.Background(), 0, func(a stream.Arrival) error {
		switch {
		case a.Batch != nil:
			events = append(events, a.Batch.Events...)
		case a.Proof != nil:
			proofs = append(proofs, *a.Proof)
		case a.Mark != nil:
			marks++
		}
		return nil
	})
	if err != nil {
		i.t.Fatal(err)
	}
	return events, proofs, marks
}

// has waits until there are the events that are wanted, and no others.
func (i *installation) has(say func(event.Event) string, want ...string) {
	i.t.Helper()
	var got []string
	all := func() bool {
		got = nil
		events, _, _ := i.arrivals()
		for _, e := range events {
			got = append(got, say(e))
		}
		return len(got) >= len(want)
	}
	for n := 0; !all() && n < 1200; n++ {
		time.Sleep(50 * time.Millisecond)
	}
	if !slices.Equal(got, want) {
		i.t.Fatalf("the stream has\n  %s\nand not\n  %s\n%s", strings.Join(got, "\n  "), strings.Join(want, "\n  "), i.log)
	}
	i.t.Helper()
	ids := map[string]bool{}
	events, _, _ := i.arrivals()
	for _, e := range events {
		if e.ID == "" || ids[e.ID] {
			i.t.Fatalf("the ID %q of %s is empty or used twice: %v", e.ID, say(e), slices.Collect(maps.Keys(ids)))
		}
		ids[e.ID] = true
	}
}

// eventually waits for what has to come.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for range 1200 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("it never came that %s", what)
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
