// Package alertingtest is the conformance suite of channels. It plays a
// receiver that answers well, badly and not at all, and checks what a channel
// makes of it.
package alertingtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sidedoor/alerting"
	"sidedoor/event"
)

// Secret is a part of the path of every URL that the suite hands out: no error
// may hold it.
const Secret = "T0SECRET/B0SECRET/XyZ0123456789secret"

// Request is what the receiver got.
type Request struct {
	Method string
	Header http.Header
	Body   []byte
}

// Suite is what the suite needs to know of a channel.
type Suite struct {
	// New returns a channel that sends to url.
	New func(t *testing.T, url string) alerting.Channel
	// Check fails t if r does not say message m as the channel should.
	Check func(t *testing.T, r Request, m alerting.Message)
}

// Now is the clock of the tests.
func Now() time.Time { return time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC) }

// Message is an ordinary one.
func Message() alerting.Message {
	return alerting.Message{Alert: event.Alert{
		ID: "9f2c0c1d2e3f4a5b", Revision: 1, State: event.Bypass, Control: "CHG-03",
		Sentence: "Production workload changed directly: alice, prod/eu/deployments/web: no break-glass for prod/eu by alice",
		Rule:     event.RuleRef{ID: "0c0fb4ad-0000-4000-8000-000000000000", Name: "k8s-direct-change", Title: "Production workload changed directly", Level: event.High},
		Actor:    event.Party{Name: "alice@acme.example", Person: "alice"}, Scope: "prod/eu", Resource: "prod/eu/deployments/web",
		Occurrences: 1, First: Now().Add(-time.Minute), Last: Now().Add(-time.Minute),
		Verdicts:   []event.VerdictRef{{ID: "v1", Revision: 1}},
		Considered: []event.Party{{Name: "bob@acme.example", Person: "bob"}},
	}}
}

// Run runs the suite.
func (s Suite) Run(t *testing.T) {
	t.Run("a message that is taken is what it should be", s.taken)
	t.Run("hostile strings stay text", s.hostile)
	for name, tc := range answers {
		t.Run(name, func(t *testing.T) { s.answered(t, tc) })
	}
	t.Run("a redirect is not followed", s.redirected)
	t.Run("an answer without end does not hold the channel", s.endless)
	t.Run("a receiver that does not answer is tried again", s.silent)
	t.Run("a receiver that is not there is tried again", s.absent)
	t.Run("a receiver that hangs up is tried again", s.hangsUp)
	t.Run("a receiver that failed once takes the next attempt", s.recovers)
}

// answer is an answer of the receiver and what it means.
type answer struct {
	status     int
	retryAfter string
	fault      fault
	after      time.Duration
}

var answers = map[string]answer{
	"400 is rejected":                            {status: 400, fault: rejected},
	"403 is rejected":                            {status: 403, fault: rejected},
	"404 is rejected":                            {status: 404, fault: rejected},
	"410 is rejected":                            {status: 410, fault: rejected},
	"408 is tried again":                         {status: 408},
	"429 without a time is tried again":          {status: 429},
	"429 with seconds is tried after them":       {status: 429, retryAfter: "30", after: 30 * time.Second},
	"429 with a date is tried after it":          {status: 429, retryAfter: Now().Add(time.Minute).Format(http.TimeFormat), after: time.Minute},
	"429 with a date in the past is tried again": {status: 429, retryAfter: Now().Add(-time.Minute).Format(http.TimeFormat)},
	"429 with a year is tried after an hour":     {status: 429, retryAfter: "31536000", after: time.Hour},
	"429 with nonsense is tried again":           {status: 429, retryAfter: "99999999999999999999"},
	"500 is tried again":                         {status: 500},
	"503 with seconds is tried after them":       {status: 503, retryAfter: "7", after: 7 * time.Second},
}

// receiver serves h and returns its URL, which holds the secret.
func receiver(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL + "/services/" + Secret
}

// recorder takes every message and keeps the last.
func recorder(t *testing.T) (url string, last func() Request) {
	got := make(chan Request, 1)
	url = receiver(t, func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("the request cannot be read: %v", err)
		}
		got <- Request{Method: r.Method, Header: r.Header, Body: body}
	})
	return url, func() Request { return <-got }
}

func (s Suite) taken(t *testing.T) {
	url, last := recorder(t)
	m := Message()
	result, err := s.New(t, url).Send(t.Context(), m)
	if err != nil || result.Status != http.StatusOK {
		t.Fatalf("result %+v, %v", result, err)
	}
	s.Check(t, last(), m)
}

// Hostile is a string as an attacker would choose it.
const Hostile = "</a>\"'`${x}<!channel> <@U1> *bold* _it_ &amp; https://evil.example :wave:\r\n\x00\x1b[31m\u202eevil\u2066 \xff"

func (s Suite) hostile(t *testing.T) {
	m := Message()
	a := &m.Alert
	long := Hostile + strings.Repeat("<&>é😀", 4000)
	a.Sentence, a.Resource, a.Scope, a.Rule.Title, a.Rule.Name = long, long, Hostile, Hostile, Hostile
	a.Actor = event.Party{Name: long, Person: Hostile}
	a.Considered = nil
	for range 40 {
		a.Considered = append(a.Considered, event.Party{Person: long})
	}
	url, last := recorder(t)
	if _, err := s.New(t, url).Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	s.Check(t, last(), m)
}

func (s Suite) answered(t *testing.T, a answer) {
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if a.retryAfter != "" {
			w.Header().Set("Retry-After", a.retryAfter)
		}
		w.WriteHeader(a.status)
		io.WriteString(w, "the page "+r.URL.String()+" is not here") //nolint:errcheck // the channel may hang up
	})
	result, err := s.New(t, url).Send(t.Context(), Message())
	if result.Status != a.status {
		t.Errorf("the result has status %d, want %d", result.Status, a.status)
	}
	a.fault.check(t, err)
	if got := alerting.RetryAfter(err); got != a.after {
		t.Errorf("is to be tried after %v, want %v", got, a.after)
	}
}

// fault is a kind of error.
type fault int

const (
	passing  fault = iota // to be tried again
	rejected              // will never be taken
)

// check checks an error: its kind, and that it tells no secret.
func (f fault) check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("it is taken for delivered")
	}
	if got := errors.Is(err, alerting.ErrRejected); got != (f == rejected) {
		t.Errorf("rejected: %v, want %v (%v)", got, f == rejected, err)
	}
	for part := range strings.SplitSeq(Secret, "/") {
		if strings.Contains(err.Error(), part) {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
}

func (s Suite) redirected(t *testing.T) {
	elsewhere := receiver(t, func(http.ResponseWriter, *http.Request) { t.Error("the alert went to somebody else") })
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	result, err := s.New(t, url).Send(t.Context(), Message())
	if result.Status != http.StatusTemporaryRedirect {
		t.Errorf("the result has status %d", result.Status)
	}
	rejected.check(t, err)
}

func (s Suite) endless(t *testing.T) {
	url := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 32<<10)); err != nil {
				return
			}
		}
	})
	if result, err := s.New(t, url).Send(t.Context(), Message()); err != nil || result.Status != http.StatusOK {
		t.Errorf("result %+v, %v", result, err)
	}
}

func (s Suite) silent(t *testing.T) {
	end := make(chan struct{})
	url := receiver(t, func(http.ResponseWriter, *http.Request) { <-end })
	t.Cleanup(func() { close(end) }) // before the server closes, which waits
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	result, err := s.New(t, url).Send(ctx, Message())
	passing.check(t, err)
	if result.Status != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("result %+v, %v", result, err)
	}
}

func (s Suite) absent(t *testing.T) {
	srv := httptest.NewServer(nil)
	srv.Close()
	result, err := s.New(t, srv.URL+"/services/"+Secret).Send(t.Context(), Message())
	passing.check(t, err)
	if result.Status != 0 {
		t.Errorf("result %+v", result)
	}
}

func (s Suite) hangsUp(t *testing.T) {
	url := receiver(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := s.New(t, url).Send(t.Context(), Message())
	passing.check(t, err)
}

func (s Suite) recovers(t *testing.T) {
	first := true
	url := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		if first {
			w.WriteHeader(http.StatusInternalServerError)
		}
		first = false
	})
	c := s.New(t, url)
	_, err := c.Send(t.Context(), Message())
	passing.check(t, err)
	if _, err := c.Send(t.Context(), Message()); err != nil {
		t.Errorf("the next attempt: %v", err)
	}
}
