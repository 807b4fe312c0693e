package ingest_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
)

const token = "0123456789abcdef"

// receiver takes texts; "bad" is malformed, and the part of a text behind a
// '|' is dead.
func receiver(sink ingest.Sink, c *ingest.Coverage) *ingest.Receiver {
	return &ingest.Receiver{
		Intake: ingest.Intake{
			Source: source(""), Sink: sink, Coverage: c, Metrics: metrics(), Now: func() time.Time { return received }, Log: ingesttest.Log(),
		},
		MaxBody: 10_000, Knows: ingest.Bearer(token),
		Parse: func(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
			text, dead, isDead := strings.Cut(string(d.Body), "|")
			if text == "bad" {
				return nil, nil, errors.New("this is bad")
			}
			var letters []event.Dead
			if isDead {
				letters = []event.Dead{{Envelope: d.Envelope, Reason: "behind |", Cause: "malformed", Index: 1, Raw: []byte(dead)}}
			}
			return []event.Event{{ID: text, Raw: []byte(text), Original: event.DigestOf([]byte(text))}}, letters, nil
		},
	}
}

func coverage(sink ingest.Sink) *ingest.Coverage {
	return ingest.NewCoverage(source(""), sink, func() time.Time { return received })
}

// post delivers a body and returns the answer.
func post(t *testing.T, h http.Handler, body io.Reader, bearer string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", body)
	if bearer != "" {
		req.Header.Set("Authorization", bearer)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func TestADeliveryIsAnsweredOnlyAfterItIsStored(t *testing.T) {
	sink := &ingesttest.Recorder{}
	r := receiver(sink, coverage(sink))
	sink.FailWith(errors.New("the stream is away at /secret/path"))
	w := post(t, r, strings.NewReader("hello"), "Bearer "+token)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("while nothing can be stored: %d, %v", w.Code, w.Header())
	}
	if strings.Contains(w.Body.String(), "/secret/path") {
		t.Errorf("the sender is told our troubles: %s", w.Body)
	}
	sink.FailWith(nil)
	if w := post(t, r, strings.NewReader("hello|rest"), "bearer  "+token); w.Code != http.StatusAccepted {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if b := sink.Batches(); len(b) != 1 || b[0].Origin != "hello" || b[0].Digest != event.DigestOf([]byte("hello|rest")) || !b[0].Received.Equal(received) {
		t.Errorf("stored %+v", b)
	}
	if d := sink.Dead(); len(d) != 1 || d[0].Index != 1 || string(d[0].Raw) != "rest" {
		t.Errorf("dead letters %+v", d)
	}
}

func TestWhatIsRefusedIsSaidKeptAndCounted(t *testing.T) {
	for _, c := range []struct {
		name, bearer, body string
		status             int
		cause              string
		kept               int
	}{
		{"no token", "", strings.Repeat("x", 9000), http.StatusUnauthorized, "unauthenticated", 4096},
		{"a wrong token", "Bearer 0123456789abcdeF", "hello", http.StatusUnauthorized, "unauthenticated", 5},
		{"the beginning of the token", "Bearer 0123456789", "hello", http.StatusUnauthorized, "unauthenticated", 5},
		{"another scheme", "Basic " + token, "hello", http.StatusUnauthorized, "unauthenticated", 5},
		{"a malformed body", "Bearer " + token, "bad", http.StatusBadRequest, "malformed", 3},
		{"a body that is too large", "Bearer " + token, strings.Repeat("x", 10_001), http.StatusRequestEntityTooLarge, "oversized", 4096},
	} {
		t.Run(c.name, func(t *testing.T) {
			sink := &ingesttest.Recorder{}
			r := receiver(sink, coverage(sink))
			reg := prometheus.NewRegistry()
			r.Metrics = ingest.NewMetrics(reg)
			w := post(t, r, strings.NewReader(c.body), c.bearer)
			var said struct{ Error string }
			if err := json.Unmarshal(w.Body.Bytes(), &said); err != nil || said.Error == "" || strings.Contains(said.Error, token) {
				t.Errorf("answer %s: %v", w.Body, err)
			}
			if w.Code != c.status {
				t.Errorf("status %d, want %d", w.Code, c.status)
			}
			dead := sink.Dead()
			if len(dead) != 1 || dead[0].Cause != c.cause || dead[0].Index != -1 || len(dead[0].Raw) != c.kept || len(sink.Batches()) != 0 {
				t.Fatalf("dead letters %+v", dead)
			}
			want := "# HELP sidedoor_ingest_dead_letters_total Deliveries and events that could not be taken, by cause.\n" +
				"# TYPE sidedoor_ingest_dead_letters_total counter\n" +
				`sidedoor_ingest_dead_letters_total{cause="` + c.cause + `",source="prod"} 1` + "\n"
			if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "sidedoor_ingest_dead_letters_total"); err != nil {
				t.Error(err)
			}
			sink.FailWith(errors.New("away"))
			if w := post(t, r, strings.NewReader(c.body), c.bearer); w.Code != http.StatusServiceUnavailable {
				t.Errorf("what cannot even be buried is answered %d", w.Code)
			}
		})
	}
}

func TestOnlyPostsAreDeliveries(t *testing.T) {
	sink := &ingesttest.Recorder{}
	w := httptest.NewRecorder()
	receiver(sink, coverage(sink)).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != http.MethodPost || len(sink.Dead()) != 0 {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestALongIDIsNoOrigin(t *testing.T) {
	sink := &ingesttest.Recorder{}
	post(t, receiver(sink, coverage(sink)), strings.NewReader(strings.Repeat("x", 9000)), "Bearer "+token)
	if b := sink.Batches(); len(b) != 1 || len(b[0].Origin) > 100 {
		t.Errorf("stored %+v", b)
	}
}

// neverEnding is the body of a sender who goes on for ever.
type neverEnding struct{ read chan struct{} }

func (n neverEnding) Read([]byte) (int, error) { <-n.read; return 0, io.ErrUnexpectedEOF }

func TestOnlyASenderWhoIsKnownHoldsCoverageBackWhileItSends(t *testing.T) {
	for _, bearer := range []string{"", "Bearer " + token} {
		synctest.Test(t, func(t *testing.T) {
			sink := &ingesttest.Recorder{}
			c := ingest.NewCoverage(source(ingest.Traffic), sink, time.Now)
			go c.Run(t.Context())
			r, end := receiver(sink, c), make(chan struct{})
			now := time.Now()
			go post(t, r, neverEnding{end}, bearer)
			time.Sleep(time.Hour)
			if bearer == "" {
				now = time.Now()
			}
			post(t, r, strings.NewReader("hello"), "Bearer "+token)
			tick()
			if through := sink.Through(); len(through) != 1 || !through[0].Equal(now.Add(-time.Minute)) {
				t.Errorf("marks %v, want %v", through, now.Add(-time.Minute))
			}
			close(end)
			synctest.Wait()
		})
	}
}

func TestABodyThatBreaksOffIsNeitherStoredNorBuriedAndHoldsCoverageBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sink := &ingesttest.Recorder{}
		end := make(chan struct{})
		close(end)
		c := ingest.NewCoverage(source(ingest.Clock), sink, time.Now)
		go c.Run(t.Context())
		broke := time.Now()
		w := post(t, receiver(sink, c), io.MultiReader(bytes.NewReader([]byte("hel")), neverEnding{end}), "Bearer "+token)
		if w.Code != http.StatusBadRequest || len(sink.Batches())+len(sink.Dead()) != 0 {
			t.Errorf("%d, %v, %v", w.Code, sink.Batches(), sink.Dead())
		}
		time.Sleep(time.Hour)
		if got := latestMark(t, sink); got.After(broke) {
			t.Errorf("complete up to %v, though what was sent at %v did not come", got, broke)
		}
	})
}
