package ingest

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"sidedoor/event"
)

// Receiver is what the HTTP sources share: it reads a delivery within bounds,
// checks who sent it, stores it, and only then answers 2xx.
type Receiver struct {
	Source   Source
	Sink     Sink
	Coverage *Coverage
	Metrics  *Metrics
	Now      func() time.Time
	Log      *slog.Logger
	// MaxBody bounds a delivery in bytes.
	MaxBody int64
	// Authentic says whether the sender is who it has to be.
	Authentic func(h http.Header, body []byte) error
	// Parse turns an authentic delivery into events. What it cannot read at
	// all is an error; what it cannot read in part is dead.
	Parse func(d Delivery) (events []event.Event, dead []event.Dead, err error)
}

// Delivery is one authentic request.
type Delivery struct {
	Header   http.Header
	Body     []byte
	Envelope event.Envelope
}

// maxUnauthenticated bounds what is kept of senders that nobody knows: anybody
// can send.
const maxUnauthenticated = 4 << 10

// ServeHTTP implements [http.Handler].
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		answer(w, http.StatusMethodNotAllowed, "deliveries are posted")
		return
	}
	end := r.Coverage.Begin()
	newest, err := r.take(w, req)
	end(newest, err)
}

// errRefused says that a delivery was answered with an error.
var errRefused = errors.New("refused")

func (r *Receiver) take(w http.ResponseWriter, req *http.Request) (newest time.Time, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, r.MaxBody))
	env := r.Source.Envelope(req.RemoteAddr, r.Now().UTC(), body)
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return r.refuse(w, req, env, body, http.StatusRequestEntityTooLarge, "oversized",
			fmt.Sprintf("the body is larger than %d bytes", r.MaxBody))
	}
	if err != nil {
		answer(w, http.StatusBadRequest, "the body could not be read")
		return newest, errRefused
	}
	if err := r.Authentic(req.Header, body); err != nil {
		return r.refuse(w, req, env, body[:min(len(body), maxUnauthenticated)], http.StatusUnauthorized, "unauthenticated", err.Error())
	}
	events, dead, err := r.Parse(Delivery{Header: req.Header, Body: body, Envelope: env})
	if err != nil {
		return r.refuse(w, req, env, body, http.StatusBadRequest, "malformed", err.Error())
	}
	if len(events) > 0 && events[0].ID != "" && len(events) == 1 {
		env.Origin = events[0].ID
	}
	if err := Store(req.Context(), r.Sink, r.Metrics, env, events, dead); err != nil {
		return newest, r.unavailable(w, err)
	}
	answer(w, http.StatusAccepted, "")
	return Newest(events), nil
}

// refuse keeps what was refused, and says why to the sender.
func (r *Receiver) refuse(w http.ResponseWriter, req *http.Request, env event.Envelope, body []byte, status int, cause, reason string) (time.Time, error) {
	r.Log.Warn("delivery refused", "source", r.Source.Name, "cause", cause, "peer", req.RemoteAddr)
	d := event.Dead{Envelope: env, Reason: reason, Cause: cause, Index: -1, Raw: body}
	if err := Bury(req.Context(), r.Sink, r.Metrics, d); err != nil {
		return time.Time{}, r.unavailable(w, err)
	}
	answer(w, status, reason)
	return time.Time{}, errRefused
}

// unavailable asks the sender to try again.
func (r *Receiver) unavailable(w http.ResponseWriter, err error) error {
	r.Log.Error("delivery not stored", "source", r.Source.Name, "err", err)
	w.Header().Set("Retry-After", "5")
	answer(w, http.StatusServiceUnavailable, "the delivery could not be stored; send it again")
	return err
}

// answer writes a status with an error for people, if there is one.
func answer(w http.ResponseWriter, status int, reason string) {
	body := struct {
		Error string `json:"error,omitempty"`
	}{reason}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The sender may be gone; it will find out by itself.
	_ = json.NewEncoder(w).Encode(body) //nolint:errcheck // as said
}

// Bearer returns an Authentic function that wants a bearer token (RFC 6750).
func Bearer(token string) func(http.Header, []byte) error {
	return func(h http.Header, _ []byte) error {
		scheme, got, _ := strings.Cut(h.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return errors.New("a bearer token is missing: send Authorization: Bearer TOKEN")
		}
		if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(got)), []byte(token)) != 1 {
			return errors.New("the bearer token is wrong")
		}
		return nil
	}
}
