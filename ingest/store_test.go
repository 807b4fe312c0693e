package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/stream"
)

var received = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

func source(mode ingest.CoverageMode) ingest.Source {
	return ingest.Source{Name: "prod", Product: "kubernetes", Service: "audit", Scope: "prod-eu", Lateness: time.Minute, Coverage: mode}
}

func envelope() event.Envelope { return source("").Envelope("somewhere", received, []byte("whole")) }

func metrics() *ingest.Metrics { return ingest.NewMetrics(prometheus.NewRegistry()) }

func intake(sink ingest.Sink) ingest.Intake { return ingest.Intake{Sink: sink, Metrics: metrics()} }

// events makes events of the given sizes in bytes.
func events(sizes ...int) []event.Event {
	var all []event.Event
	for i, n := range sizes {
		raw := bytes.Repeat([]byte{byte('a' + i%26)}, n)
		all = append(all, event.Event{ID: fmt.Sprint(i), Index: i, Original: event.DigestOf(raw), Raw: raw})
	}
	return all
}

// shape is the sizes of batches' events.
func shape(batches []event.Batch) string {
	var all []string
	for _, b := range batches {
		var sizes []string
		for _, e := range b.Events {
			sizes = append(sizes, fmt.Sprint(len(e.Raw)))
		}
		all = append(all, strings.Join(sizes, "+"))
	}
	return strings.Join(all, " ")
}

func TestADeliveryIsSplitIntoBatchesWithinTheirBound(t *testing.T) {
	const m = ingest.MaxBatch
	for _, c := range []struct {
		sizes []int
		want  string
	}{
		{nil, ""},
		{[]int{1, 2, 3}, "1+2+3"},
		{[]int{m - 1, 1, 1}, fmt.Sprintf("%d+1 1", m-1)},
		{[]int{1, m + 1, 1}, fmt.Sprintf("1 %d 1", m+1)},
		{[]int{m + 1}, fmt.Sprint(m + 1)},
	} {
		if got := shape(ingest.Split(envelope(), events(c.sizes...))); got != c.want {
			t.Errorf("%v: got %s, want %s", c.sizes, got, c.want)
		}
	}
}

func TestAnEventTooLargeForTheStreamIsBuriedAndTheRestIsStored(t *testing.T) {
	sink := &ingesttest.Recorder{MaxEvents: 100}
	if err := intake(sink).Store(t.Context(), envelope(), events(60, 30, 101, 40, 50), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := shape(sink.Batches()), "60+30 40+50"; got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
	dead := sink.Dead()
	if len(dead) != 1 || dead[0].Index != 2 || dead[0].Cause != "oversized" || len(dead[0].Raw) != 101 {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestAFailureOfTheSinkIsTheSendersToKnow(t *testing.T) {
	away := errors.New("the stream is away")
	sink := &ingesttest.Recorder{}
	sink.FailWith(away)
	if err := intake(sink).Store(t.Context(), envelope(), events(1), nil); !errors.Is(err, away) {
		t.Errorf("batch: %v", err)
	}
	if err := intake(sink).Store(t.Context(), envelope(), nil, []event.Dead{{}}); !errors.Is(err, away) {
		t.Errorf("dead letter: %v", err)
	}
}

func TestADeadLetterIsCutToItsBound(t *testing.T) {
	sink := &ingesttest.Recorder{}
	d := event.Dead{Envelope: envelope(), Raw: bytes.Repeat([]byte("x"), event.MaxDead+1)}
	if err := intake(sink).Bury(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if got := len(sink.Dead()[0].Raw); got != event.MaxDead {
		t.Errorf("%d bytes", got)
	}
}

func TestADeadLetterThatMayHoldASecretIsWithheld(t *testing.T) {
	for _, c := range []struct {
		product, raw string
		kept         bool
	}{
		{"kubernetes", `{"items":[{"requestObject":{"kind":"Secret","data":{"p":"aHVudGVyMg=="}}`, false},
		{"kubernetes", `{"kind":"S\u0065cret","data":{"p":"aHVudGVyMg=="}`, false},
		{"kubernetes", `{"spec":{"token":"aHVudGVyMg=="}`, false},
		{"kubernetes", `{"kind":"Event","verb":`, true},
		{"aws", `{"responseElements":{"credentials":{"sessionToken":"aHVudGVyMg==`, false},
		{"aws", `{"requestParameters":{"nextToken":"1"`, true},
		{"github", `{"hook":{"config":{"secret":"aHVudGVyMg=="}`, false},
		{"github", `{"repository":{"name":"secret-santa"}`, true},
		{"approvals", `{"data":{"token":1}`, true},
	} {
		sink := &ingesttest.Recorder{}
		d := event.Dead{Envelope: event.Envelope{Source: "s", Product: c.product}, Raw: []byte(c.raw)}
		if err := intake(sink).Bury(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		got := string(sink.Dead()[0].Raw)
		if (got == c.raw) != c.kept || strings.Contains(got, "aHVudGVyMg") {
			t.Errorf("%s of %s is kept as %s", c.raw, c.product, got)
		}
		if digest := event.DigestOf([]byte(c.raw)).String(); !c.kept && !strings.Contains(got, digest) {
			t.Errorf("%s lacks the digest %s", got, digest)
		}
	}
}

func TestASecretIsReadWithoutItsLineBreakAndNeverTold(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	write := func(s string) {
		if err := os.WriteFile(path, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("0123456789abcdef\n")
	if got, err := ingest.ReadSecret(path); err != nil || got != "0123456789abcdef" {
		t.Errorf("got %q, %v", got, err)
	}
	write("hunter2\n")
	if _, err := ingest.ReadSecret(path); err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), path) {
		t.Errorf("a short secret: %v", err)
	}
	if _, err := ingest.ReadSecret(path + "-absent"); err == nil {
		t.Error("an absent file: no error")
	}
}

func TestAPathThatCannotBeServedIsRefused(t *testing.T) {
	for path, want := range map[string]bool{"/github": true, "/kubernetes/prod-eu": true, "": false, "github": false, "/healthz": false, "/a b": false, "/{x}": false} {
		if err := ingest.ValidatePath(path); (err == nil) != want {
			t.Errorf("%q: %v", path, err)
		}
	}
}

// TestTheRealStream holds what the other tests take for granted of a sink.
func TestTheRealStream(t *testing.T) {
	ctx := t.Context()
	s, err := stream.Open(ctx, stream.Config{Dir: t.TempDir(), MaxPayload: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	delivery := events(10, 400<<10, 700<<10, 2<<20, 20)
	for range 2 { // a delivery that is repeated is stored once
		if err := intake(s).Store(ctx, envelope(), delivery, nil); err != nil {
			t.Fatal(err)
		}
	}
	small := event.Batch{Envelope: envelope(), Events: delivery[:2]}
	if b, err := s.Batch(ctx, "prod", small.ID().String()); err != nil || len(b.Events) != 2 {
		t.Errorf("the first two events: %v, %v", len(b.Events), err)
	}
	var buried []string
	err = s.ReadDead(ctx, func(source, _, cause string, _ time.Time, raw []byte) error {
		buried = append(buried, fmt.Sprint(source, " ", cause, " ", len(raw)))
		return nil
	})
	if want := fmt.Sprint("prod oversized ", event.MaxDead); err != nil || len(buried) == 0 || buried[0] != want {
		t.Errorf("dead letters %q, %v; want %q", buried, err, want)
	}
}
