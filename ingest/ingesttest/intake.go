package ingesttest

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/ingest"
)

// Intake returns an intake of a source that puts all into the recorder.
func (r *Recorder) Intake(src ingest.Source, now func() time.Time) ingest.Intake {
	return ingest.Intake{
		Source: src, Sink: r, Bookmarks: r, Arrivals: r, Coverage: ingest.NewCoverage(src, r, now),
		Metrics: ingest.NewMetrics(prometheus.NewRegistry()), Now: now, Log: Log(),
	}
}

// Source returns a source of a kind, as the configuration makes it.
func Source(k ingest.Kind, name, scope string) ingest.Source {
	src := k.Defaults()
	src.Name, src.Scope = name, scope
	return src
}

// Open opens a source of a kind by the wall's clock. Its events go to the
// recorder.
func Open(t testing.TB, k ingest.Kind, name, scope string) (ingest.Running, *Recorder) {
	t.Helper()
	sink := &Recorder{}
	running, err := k.Open(sink.Intake(Source(k, name, scope), time.Now))
	if err != nil {
		t.Fatal(err)
	}
	return running, sink
}

// Handler opens a source that is received.
func Handler(t testing.TB, k ingest.Kind, name, scope string) (http.Handler, *Recorder) {
	t.Helper()
	running, sink := Open(t, k, name, scope)
	return running.Handler, sink
}

// Run runs a source until the returned function is called or the test ends. An
// error of it is one of the test.
func Run(t testing.TB, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("run: %v", err)
		}
		ended <- nil
	}
	t.Cleanup(stop)
	return stop
}

// Secret writes a secret into a file, and returns its path.
func Secret(t testing.TB, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
