package reconcile_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/github"
	"sidedoor/ingest/github/githubtest"
	"sidedoor/ingest/github/reconcile"
	"sidedoor/ingest/ingesttest"
	"sidedoor/stream"
)

// clock is a clock that is set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// rig is a GitHub, our endpoint, and a stream.
type rig struct {
	*clock
	t      testing.TB
	github *githubtest.Server
	stream *stream.Stream
	in     ingest.Intake
	cfg    reconcile.Config
	r      *reconcile.Reconciler
}

var start = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

func newRig(t testing.TB) *rig {
	t.Helper()
	x := &rig{clock: &clock{t: start}, t: t}
	x.github = githubtest.New(t, x.now)
	s, err := stream.Open(t.Context(), stream.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	x.stream = s
	src := ingest.Source{Name: "github", Product: "github", Service: "webhook", Scope: "acme"}
	x.in = ingest.Intake{
		Source: src, Sink: s, Bookmarks: s, Arrivals: s, Coverage: ingest.NewCoverage(src, s, x.now),
		Metrics: ingest.NewMetrics(prometheus.NewRegistry()), Now: x.now, Log: ingesttest.Log(),
	}
	x.cfg = reconcile.Config{Organization: "acme", HookID: 7, TokenFile: ingesttest.Secret(t, githubtest.Token), API: x.github.URL}
	hook := &github.Config{Path: "/github", SecretFile: ingesttest.Secret(t, x.github.Secret), Reconcile: &x.cfg}
	running, err := hook.Open(x.in)
	if err != nil || running.Run == nil {
		t.Fatal(running, err)
	}
	endpoint := httptest.NewServer(running.Handler)
	t.Cleanup(endpoint.Close)
	x.github.Hook = endpoint.URL + "/github"
	x.restart()
	return x
}

// restart forgets all that is not kept.
func (x *rig) restart() {
	x.t.Helper()
	r, err := reconcile.New(x.cfg, x.in)
	if err != nil {
		x.t.Fatal(err)
	}
	x.r = r
}

func (x *rig) pass() error {
	_, err := x.r.Pass(x.t.Context())
	return err
}

// arrived returns the GUIDs on the stream, and what proof was given of an hour last.
func (x *rig) arrived(hour time.Time) (guids map[string]bool, last event.Proof, proofs int) {
	x.t.Helper()
	guids = map[string]bool{}
	err := x.stream.ReadArrivals(x.t.Context(), 0, func(a stream.Arrival) error {
		if a.Batch != nil {
			guids[a.Batch.Events[0].ID] = true
		}
		if a.Proof != nil && a.Proof.From.Equal(hour) {
			last, proofs = *a.Proof, proofs+1
		}
		return nil
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return guids, last, proofs
}

func body(i int) string {
	return fmt.Sprintf(`{"ref":"refs/heads/main","before":"0","after":"%d","commits":[],"pusher":{"name":"alice"},"repository":{"pushed_at":1794819600}}`, i)
}

// timeless is a context for a pass that would wait for what cannot come.
func timeless(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}
