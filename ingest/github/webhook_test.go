package github_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/github"
	"sidedoor/ingest/github/reconcile"
	"sidedoor/ingest/ingesttest"
	"sidedoor/stream"
)

func TestADeliveryThatComesAgainIsARepeatAndWithAnotherBodyAnotherEvent(t *testing.T) {
	s, err := stream.Open(t.Context(), stream.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}()
	cfg := &github.Config{Path: "/github", SecretFile: ingesttest.Secret(t, secret)}
	src := ingesttest.Source(cfg, "github", "acme")
	running, err := cfg.Open(ingest.Intake{
		Source: src, Sink: s, Bookmarks: s, Coverage: ingest.NewCoverage(src, s, time.Now),
		Metrics: ingest.NewMetrics(prometheus.NewRegistry()), Now: time.Now, Log: ingesttest.Log(),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{push, push, strings.Replace(push, "alice", "mallory", 1)} {
		if w := deliver(t, running.Handler, body); w.Code/100 != 2 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	// The same payload in a form is the same event.
	if w := deliver(t, running.Handler, "payload="+strings.NewReplacer("{", "%7B", "}", "%7D", `"`, "%22", "&", "%26").Replace(push), "Content-Type", "application/x-www-form-urlencoded"); w.Code/100 != 2 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	var ids []string
	digests := map[event.Digest]bool{}
	repeats := 0
	err = s.ReadArrivals(t.Context(), 0, func(a stream.Arrival) error {
		if a.Repeat != nil {
			repeats++
		}
		if a.Batch != nil {
			ids = append(ids, a.Batch.Events[0].ID)
			digests[a.Batch.Events[0].Original] = true
		}
		return nil
	})
	if err != nil || repeats != 2 || len(ids) != 2 || ids[0] != guid || ids[1] != guid || len(digests) != 2 {
		t.Errorf("%v: events %v, %d digests, %d repeats", err, ids, len(digests), repeats)
	}
}

func TestWhileTheSecretIsChangedBothAreTaken(t *testing.T) {
	const next = "the secret that comes next"
	cfg := &github.Config{Path: "/github", SecretFile: ingesttest.Secret(t, next+"\n"+secret)}
	h, sink := ingesttest.Handler(t, cfg, "github", "acme")
	if w := deliver(t, h, push); w.Code/100 != 2 || len(sink.Events()) != 1 {
		t.Errorf("by the old secret: %d %s", w.Code, w.Body)
	}
	cfg.SecretFile = ingesttest.Secret(t, next)
	h, sink = ingesttest.Handler(t, cfg, "github", "acme")
	if w := deliver(t, h, push); w.Code != http.StatusUnauthorized || len(sink.Events()) != 0 {
		t.Errorf("by the old secret, when it is gone: %d %s", w.Code, w.Body)
	}
	for text, want := range map[string]string{
		"":                                 "holds 0 secrets",
		next + "\n" + secret + "\n" + next: "holds 3 secrets",
		next + "\nshort":                   "line 2: 5 characters are too few",
	} {
		cfg.SecretFile = ingesttest.Secret(t, text)
		if _, err := cfg.Open(ingest.Intake{}); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), next) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

// stuck is a sink that stores nothing for as long as it is let.
type stuck struct{ *ingesttest.Recorder }

func (stuck) PublishBatch(ctx context.Context, _ event.Batch) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestADeliveryIsAnsweredBeforeGitHubHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &ingesttest.Recorder{}
		cfg := &github.Config{Path: "/github", SecretFile: ingesttest.Secret(t, secret)}
		in := sink.Intake(ingesttest.Source(cfg, "github", "acme"), time.Now)
		in.Sink = stuck{sink}
		running, err := cfg.Open(in)
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		w := deliver(t, running.Handler, push)
		if took := time.Since(begin); w.Code != http.StatusServiceUnavailable || took >= 10*time.Second {
			t.Errorf("%d after %v", w.Code, took)
		}
	})
}

func TestAHookIsConfiguredWithWhatReconcilesIt(t *testing.T) {
	c := &github.Config{Path: "/github", SecretFile: "s", Reconcile: &reconcile.Config{Organization: "acme", TokenFile: "t"}}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "reconcile: hook-id is missing") {
		t.Errorf("got %v", err)
	}
	c.Reconcile.HookID = 7
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c.Resolve(func(p string) string { return "/etc/" + p })
	if c.SecretFile != "/etc/s" || c.Reconcile.TokenFile != "/etc/t" || c.Defaults().Lateness == 0 {
		t.Errorf("%+v %+v", c, c.Reconcile)
	}
	if _, err := (&github.Config{Path: "/github", SecretFile: ingesttest.Secret(t, secret), Reconcile: c.Reconcile}).Open(ingest.Intake{}); err == nil || !strings.Contains(err.Error(), "/etc/t") {
		t.Errorf("a token that is not there: %v", err)
	}
}
