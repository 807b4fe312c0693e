package ingest

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sidedoor/event"
)

// Receiver is what the HTTP sources share: it reads a delivery within bounds,
// checks who sent it, stores it, and only then answers 2xx.
type Receiver struct {
	Intake
	// MaxBody bounds a delivery in bytes.
	MaxBody int64
	// Knows says from the headers and the client's certificate whether the sender
	// may be who it has to be. Of one that may not, no body is read but its
	// beginning.
	Knows func(*http.Request) error
	// Authentic says whether the sender is who it has to be. Nil: whoever the
	// receiver knows is.
	Authentic func(h http.Header, body []byte) error
	Parse     ParseFunc
}

// ParseFunc turns an authentic delivery into events. What it cannot read at all
// is an error; what it cannot read in part is dead.
type ParseFunc func(d Delivery) (events []event.Event, dead []event.Dead, err error)

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
	body, env, ok := r.admit(w, req)
	if !ok {
		return
	}
	// Nobody who is not authentic may begin: a sender who never ends would hold
	// coverage back for everybody.
	end := r.Coverage.Begin()
	end(r.take(w, req, body, env))
}

// admit reads a delivery of an authentic sender; any other it answers itself,
// and that is all there is to do about it.
func (r *Receiver) admit(w http.ResponseWriter, req *http.Request) (body []byte, env event.Envelope, ok bool) {
	if err := r.Knows(req); err != nil {
		beginning, _ := io.ReadAll(io.LimitReader(req.Body, maxUnauthenticated)) // what came is enough
		_ = r.refuse(w, req, r.envelope(req, beginning), beginning, refusal{http.StatusUnauthorized, "unauthenticated", err.Error()})
		return nil, env, false
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, r.MaxBody))
	env = r.envelope(req, body)
	beginning := body[:min(len(body), maxUnauthenticated)]
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		reason := fmt.Sprintf("the body is larger than %d bytes", r.MaxBody)
		_ = r.refuse(w, req, env, beginning, refusal{http.StatusRequestEntityTooLarge, "oversized", reason})
		return nil, env, false
	}
	if err != nil {
		answer(w, http.StatusBadRequest, "the body could not be read")
		return nil, env, false
	}
	if r.Authentic != nil {
		if err := r.Authentic(req.Header, body); err != nil {
			_ = r.refuse(w, req, env, beginning, refusal{http.StatusUnauthorized, "unauthenticated", err.Error()})
			return nil, env, false
		}
	}
	return body, env, true
}

func (r *Receiver) envelope(req *http.Request, body []byte) event.Envelope {
	return r.Source.Envelope(req.RemoteAddr, r.Now().UTC(), body)
}

// maxOrigin bounds an event's ID as the origin of its delivery, in bytes: an
// origin travels in a message header.
const maxOrigin = 256

// take stores an authentic delivery and answers it.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request, body []byte, env event.Envelope) (newest time.Time, err error) {
	events, dead, err := r.Parse(Delivery{Header: req.Header, Body: body, Envelope: env})
	if err != nil {
		return newest, r.refuse(w, req, env, body, refusal{http.StatusBadRequest, "malformed", err.Error()})
	}
	if len(events) == 1 && events[0].ID != "" && len(events[0].ID) <= maxOrigin {
		env.Origin = events[0].ID
	}
	if err := r.Store(req.Context(), env, events, dead); err != nil {
		return newest, r.unavailable(w, err)
	}
	answer(w, http.StatusAccepted, "")
	return Newest(events), nil
}

// refusal is why a delivery is refused.
type refusal struct {
	status int
	cause  string // token for metrics
	reason string // for the sender
}

// refuse keeps what was refused, and says why to the sender.
func (r *Receiver) refuse(w http.ResponseWriter, req *http.Request, env event.Envelope, body []byte, why refusal) error {
	r.Log.Warn("delivery refused", "source", r.Source.Name, "cause", why.cause, "peer", req.RemoteAddr)
	d := event.Dead{Envelope: env, Reason: why.reason, Cause: why.cause, Index: -1, Raw: body}
	if err := r.Bury(req.Context(), d); err != nil {
		return r.unavailable(w, err)
	}
	answer(w, why.status, why.reason)
	return ErrNothing
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
	_ = json.NewEncoder(w).Encode(body)
}

// Bearer returns a Knows function that wants a bearer token (RFC 6750).
func Bearer(token string) func(*http.Request) error {
	return func(r *http.Request) error {
		scheme, got, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return errors.New("a bearer token is missing: send Authorization: Bearer TOKEN")
		}
		if subtle.ConstantTimeCompare([]byte(strings.TrimSpace(got)), []byte(token)) != 1 {
			return errors.New("the bearer token is wrong")
		}
		return nil
	}
}
