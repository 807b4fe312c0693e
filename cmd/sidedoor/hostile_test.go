package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/internal/hostile"
)

// hostileRounds is how many bodies each endpoint gets; SIDEDOOR_HOSTILE says
// another number, as make hostile does.
const hostileRounds = 20_000

// Bounds of the heap over what it was before: at any moment, with what the
// collector has not come to, and after it has.
const (
	mostHeap = 512 << 20
	restHeap = 32 << 20
)

// judging is a sink that looks at what it is given, and keeps nothing.
type judging struct {
	source        string
	batches, dead atomic.Int64
	fault         atomic.Pointer[string]
}

func (j *judging) found(format string, a ...any) {
	s := fmt.Sprintf(format, a...)
	j.fault.CompareAndSwap(nil, &s)
}

// PublishBatch implements [ingest.Sink].
func (j *judging) PublishBatch(_ context.Context, b event.Batch) error {
	j.batches.Add(1)
	if b.Source != j.source {
		j.found("a batch of source %q", b.Source)
	}
	for _, e := range b.Events {
		if len(e.Raw) == 0 || e.Original == (event.Digest{}) || !json.Valid(e.Raw) {
			j.found("an event that is no JSON, or has no digest: %.200q", e.Raw)
		}
	}
	if again, err := event.ParsePayload(b.Payload()); err != nil || len(again) != len(b.Events) {
		j.found("a batch that cannot be read again: %v", err)
	}
	return nil
}

// PublishDead implements [ingest.Sink].
func (j *judging) PublishDead(_ context.Context, d event.Dead) error {
	j.dead.Add(1)
	if d.Cause == "parser-failed" || len(d.Raw) > event.MaxDead || d.Reason == "" {
		j.found("a dead letter of %d bytes for %s: %s", len(d.Raw), d.Cause, d.Reason)
	}
	return nil
}

// PublishMark implements [ingest.Sink].
func (j *judging) PublishMark(context.Context, event.Mark) error { return nil }

// PublishProof implements [ingest.Sink].
func (j *judging) PublishProof(context.Context, event.Proof) error { return nil }

func (j *judging) intake(src ingest.Source) ingest.Intake {
	return ingest.Intake{
		Source: src, Sink: j, Bookmarks: &ingesttest.Recorder{}, Coverage: ingest.NewCoverage(src, j, time.Now),
		Metrics: ingest.NewMetrics(prometheus.NewRegistry()), Gate: ingest.NewGate(0), Now: time.Now, Log: ingesttest.Log(),
	}
}

// refusals are all answers that a hostile body may get beside 202.
var refusals = []int{400, 401, 408, 413, 415, 429}

func TestNoBodyBringsAnEndpointDown(t *testing.T) {
	rounds := hostileRounds
	if s := os.Getenv("SIDEDOOR_HOSTILE"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatalf("SIDEDOOR_HOSTILE: %v", err)
		}
		rounds = n
	} else if testing.Short() || slower {
		rounds = 1000
	}
	seeds := hostileSeeds(t)
	all := endpoints(t)
	if len(all) < 5 {
		t.Fatalf("only %d endpoints are found", len(all))
	}
	for _, e := range all {
		t.Run(e.name, func(t *testing.T) { e.attack(t, seeds, rounds) })
	}
}

// hostileSeeds are real deliveries: those by which the script of all kinds shows
// that each is recognised, those of the tests of the pack's rules and, if they are
// there, those of the corpus.
func hostileSeeds(t *testing.T) [][]byte {
	t.Helper()
	script, err := os.ReadFile("testdata/script/kinds.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seeds := hostile.Archive(script)
	policy, err := loadPolicy(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range policy.Rules {
		for _, test := range r.Tests {
			seeds = append(seeds, test.Raw)
			for _, given := range test.Given {
				seeds = append(seeds, given.Raw)
			}
		}
	}
	corpus, _ := filepath.Glob("../../../shared/corpus/*/*.json*") // often absent
	for _, path := range corpus {
		if b, err := os.ReadFile(path); err == nil && len(b) < 64<<10 {
			seeds = append(seeds, b)
		}
	}
	slices.SortFunc(seeds, bytes.Compare)
	return slices.CompactFunc(seeds, bytes.Equal)
}

// taken are the deliveries that an endpoint takes as they are, or wrapped as
// Kubernetes does.
func (e endpoint) taken(t *testing.T, h http.Handler, sink *judging, seeds [][]byte) (good []hostile.Request) {
	for _, seed := range seeds {
		list := fmt.Appendf(nil, `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[%s]}`, seed)
		for _, r := range append(hostile.Plain(seed), hostile.Plain(list)[0]) {
			before := sink.batches.Load()
			if deliver(t, h, r, -1); sink.batches.Load() > before {
				good = append(good, r)
				break
			}
		}
	}
	return good
}

// attack sends mutated bodies to the endpoint, as somebody whom it knows and as
// somebody whom it does not.
func (e endpoint) attack(t *testing.T, seeds [][]byte, rounds int) {
	sink := &judging{source: e.source.Name}
	in := sink.intake(e.source)
	running, err := e.open(in)
	if err != nil {
		t.Fatal(err)
	}
	var known http.Handler
	if r, ok := running.Handler.(*ingest.Receiver); ok {
		trusting := *r
		trusting.Knows, trusting.Authentic = func(*http.Request) error { return nil }, nil
		known = &trusting
	} else { // something around a receiver, which wants to hear the secret
		known = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			m := hmac.New(sha256.New, []byte(e.secret))
			m.Write(body)
			r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(m.Sum(nil)))
			r.Header.Set("Authorization", "Bearer "+e.secret)
			r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
			running.Handler.ServeHTTP(w, r)
		})
	}
	good := e.taken(t, known, sink, seeds)
	runtime.GC()
	before := heap()
	var peak uint64
	statuses := map[int]int{}
	for i := range rounds {
		attack := hostile.New(uint64(i), good, seeds)
		handler, stored := known, sink.batches.Load()
		if i%10 == 9 {
			handler = running.Handler
		}
		status := deliver(t, handler, attack, i)
		statuses[status]++
		if !slices.Contains(refusals, status) && status != http.StatusAccepted && status != http.StatusOK && status != http.StatusNoContent {
			t.Fatalf("body %d is answered %d", i, status)
		}
		if i%10 == 9 && sink.batches.Load() != stored {
			t.Fatalf("body %d of a stranger is stored", i)
		}
		if fault := sink.fault.Load(); fault != nil {
			t.Fatalf("body %d: %s", i, *fault)
		}
		if i%100 == 0 {
			peak = max(peak, heap())
		}
	}
	runtime.GC()
	debug.FreeOSMemory()
	if rest := int64(heap()) - int64(before); rest > restHeap {
		t.Errorf("%d MiB stay taken", rest>>20)
	}
	if peak > before+mostHeap {
		t.Errorf("%d MiB were taken", (peak-before)>>20)
	}
	now, most := in.Gate.Used()
	if now != 0 {
		t.Errorf("%d bytes are still held at the gate", now)
	}
	t.Logf("%d bodies of %d that are good: %v; %d batches, %d dead letters, at most %d MiB at the gate and %d MiB in all", rounds, len(good),
		statuses, sink.batches.Load(), sink.dead.Load(), most>>20, (peak-min(peak, before))>>20)
	if sink.batches.Load() == 0 {
		t.Error("nothing at all was taken, so nothing was tried")
	}
}

// failing is the end of a body, and how it ended.
type failing struct{ err error }

// Read implements [io.Reader].
func (f failing) Read([]byte) (int, error) { return 0, cmp.Or(f.err, io.EOF) }

// deliver has a handler serve one request. A panic names the body.
func deliver(t *testing.T, h http.Handler, r hostile.Request, i int) int {
	defer func() {
		if p := recover(); p != nil {
			t.Fatalf("body %d panics: %v\n%s", i, p, debug.Stack())
		}
	}()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.HTTP(t.Context()))
	return w.Code
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
