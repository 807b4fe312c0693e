package alerting_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sidedoor/alerting"
	"sidedoor/alerting/alertingtest"
	"sidedoor/alerting/slack"
	"sidedoor/alerting/webhook"
	"sidedoor/event"
	"sidedoor/stream"
)

// config waits for nothing, so that tests are quick.
func config() alerting.Config {
	return alerting.Config{GroupWait: time.Nanosecond, FirstRetry: time.Millisecond, MaxRetry: 10 * time.Millisecond, Exists: stream.ErrExists}
}

func secretFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// peer is a receiver over HTTP that refuses the first requests.
func peer(t *testing.T, refuse int32) (url string, bodies chan []byte) {
	t.Helper()
	bodies = make(chan []byte, 16)
	var n atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) <= refuse {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- body
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/" + alertingtest.Secret, bodies
}

func receivers(t *testing.T, slackURL, hookURL string) []alerting.Receiver {
	t.Helper()
	chat, err := slack.New(slack.Config{URLFile: secretFile(t, slackURL)}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	hook, err := webhook.New(webhook.Config{URL: hookURL, SecretFile: secretFile(t, strings.Repeat("k", 32))}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return []alerting.Receiver{{Name: "chat", Channel: chat}, {Name: "siem", Channel: hook}}
}

// An alert goes from the stream to both channels; one is down at first. All
// attempts are on record before they are acknowledged, and no record holds the
// secret of a URL.
func TestAnAlertOnTheStreamReachesEveryReceiverAndEveryAttemptIsOnRecord(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	s, err := stream.Open(ctx, stream.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close(context.Background()) })
	chatURL, chat := peer(t, 0)
	hookURL, hook := peer(t, 2)
	d, err := alerting.New(config(), s, receivers(t, chatURL, hookURL), time.Now, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	a := alertingtest.Message().Alert
	if _, err := s.AppendRecord(ctx, event.AlertRecord(a, time.Now().UTC())); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, s) }()
	if body := <-chat; !strings.Contains(string(body), a.ID) {
		t.Errorf("the chat got %s", body)
	}
	var got struct{ Alert event.Alert }
	if err := json.Unmarshal(<-hook, &got); err != nil || got.Alert.Sentence != a.Sentence {
		t.Errorf("the webhook got %+v, %v", got, err)
	}

	outcomes := map[string][]event.Outcome{}
	errEnough := errors.New("enough")
	err = s.Records(ctx, 0, func(_ uint64, raw []byte) error {
		if strings.Contains(string(raw), "SECRET") {
			t.Errorf("a record holds the secret: %s", raw)
		}
		r, err := event.ParseRecord(raw)
		if err != nil {
			return err
		}
		if d, ok := r.Body.(*event.Delivery); ok {
			outcomes[d.Receiver] = append(outcomes[d.Receiver], d.Outcome)
		}
		if len(outcomes["chat"])+len(outcomes["siem"]) == 4 {
			return errEnough
		}
		return nil
	})
	if !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if o := outcomes["siem"]; len(o) != 3 || o[0] != event.Failed || o[1] != event.Failed || o[2] != event.Delivered {
		t.Errorf("the webhook's attempts are %v", o)
	}
	if o := outcomes["chat"]; len(o) != 1 || o[0] != event.Delivered {
		t.Errorf("the chat's attempts are %v", o)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// feedOf hands out one record to each receiver, and then ends as the stream
// does.
type feedOf struct{ raw []byte }

func (f feedOf) Deliver(ctx context.Context, _ string, handle func(context.Context, []byte, int) (time.Duration, error)) error {
	for came := 1; ; came++ {
		retry, err := handle(ctx, f.raw, came)
		if retry == 0 && err == nil {
			break
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retry):
		}
	}
	<-ctx.Done()
	return nil
}

// memory keeps one alert, and takes every record.
type memory struct {
	raw  []byte
	kept chan event.Record
}

func (m memory) AppendRecord(_ context.Context, r event.Record) (bool, error) {
	m.kept <- r
	return true, nil
}

func (m memory) LatestAlert(context.Context, string) ([]byte, error) { return m.raw, nil }

func TestAReceiverThatHangsHoldsNoOtherUpAndIsCounted(t *testing.T) {
	raw, err := event.AlertRecord(alertingtest.Message().Alert, time.Now()).Encode()
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	hang := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-end }))
	t.Cleanup(hang.Close)
	t.Cleanup(func() { close(end) })
	hookURL, hook := peer(t, 0)
	reg := prometheus.NewPedanticRegistry()
	cfg := config()
	cfg.Timeout, cfg.GiveUp = 100*time.Millisecond, time.Nanosecond
	m := memory{raw: raw, kept: make(chan event.Record, 16)}
	d, err := alerting.New(cfg, m, receivers(t, hang.URL, hookURL), time.Now, nil, alerting.NewMetrics(reg))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx, feedOf{raw}) }()
	<-hook
	<-m.kept
	<-m.kept
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want := `
# HELP sidedoor_deliveries_total Recorded attempts to deliver an alert, by how they ended.
# TYPE sidedoor_deliveries_total counter
sidedoor_deliveries_total{outcome="delivered",receiver="siem"} 1
sidedoor_deliveries_total{outcome="rejected",receiver="chat"} 1
# HELP sidedoor_receiver_down 1 while the last attempt at a receiver has failed.
# TYPE sidedoor_receiver_down gauge
sidedoor_receiver_down{receiver="chat"} 1
sidedoor_receiver_down{receiver="siem"} 0
`
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "sidedoor_deliveries_total", "sidedoor_receiver_down"); err != nil {
		t.Error(err)
	}
}

func TestEveryFaultOfADispatcherIsTold(t *testing.T) {
	_, err := alerting.New(alerting.Config{GroupWait: -1, GiveUp: -1, FirstRetry: time.Hour}, nil, nil, time.Now, nil, nil)
	for _, want := range []string{"group-wait", "give-up", "first-retry", "exists"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	_, err = alerting.New(config(), nil, []alerting.Receiver{{Name: "a.b"}, {Name: "x"}, {Name: "x", MinLevel: "hot"}}, time.Now, nil, nil)
	for _, want := range []string{`"a.b"`, "receivers[2]", "has no channel", `"hot"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
}

func TestADispatcherWithoutReceiversRunsUntilItIsStopped(t *testing.T) {
	d, err := alerting.New(config(), nil, nil, time.Now, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := d.Run(ctx, feedOf{}); err != nil {
		t.Error(err)
	}
}

// broken is a feed that fails.
type broken struct{}

func (broken) Deliver(context.Context, string, func(context.Context, []byte, int) (time.Duration, error)) error {
	return errors.New("the stream is gone")
}

func TestAFeedThatFailsEndsTheDispatcherAndIsNamed(t *testing.T) {
	d, err := alerting.New(config(), nil, receivers(t, "http://127.0.0.1:1/x", "http://127.0.0.1:1/y"), time.Now, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Run(t.Context(), broken{}); err == nil || !strings.Contains(err.Error(), "the stream is gone") {
		t.Errorf("Run: %v", err)
	}
}
