package ingest

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

// Receiver is what the HTTP sources share: it reads a delivery within bounds of
// size, time and memory, undoes gzip, checks who sent it, stores it, and only then
// answers 2xx. Who should come again later is told so by 408, 429 or 503, with
// Retry-After.
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
	p := r.Gate.enter(r.Source.Name)
	defer p.leave()
	if err := r.Knows(req); err != nil {
		beginning, _ := io.ReadAll(io.LimitReader(req.Body, maxUnauthenticated)) // what came is enough
		r.stranger(w, req, beginning, refusal{http.StatusUnauthorized, "unauthenticated", err.Error()})
		return
	}
	if r.Authentic == nil {
		// What is complete says nothing of what a known sender has begun to send.
		end := r.Coverage.Begin()
		body, err := r.readBody(w, req, p)
		if err != nil {
			end(time.Time{}, r.unread(w, req, body, err))
			return
		}
		end(r.take(w, req, body))
		return
	}
	// Nobody who is not authentic may begin: a sender who never ends would hold
	// coverage back for everybody.
	if body, ok := r.admit(w, req, p); ok {
		end := r.Coverage.Begin()
		end(r.take(w, req, body))
	}
}

// admit reads a delivery of a sender whom its signature has to make known. Any
// that it does not it answers itself, and that is all there is to do about it.
func (r *Receiver) admit(w http.ResponseWriter, req *http.Request, p *pass) (body []byte, ok bool) {
	body, err := r.readBody(w, req, p)
	if err != nil {
		_ = r.unread(w, req, body, err) // nobody knows who sends it
		return nil, false
	}
	if err := r.Authentic(req.Header, body); err != nil {
		r.stranger(w, req, body, refusal{http.StatusUnauthorized, "unauthenticated", err.Error()})
		return nil, false
	}
	if err := p.known(req.Context()); err != nil {
		r.Coverage.Begin()(time.Time{}, err) // it has to repeat it, since we could not take it
		r.later(w, http.StatusTooManyRequests, "busy", err)
		return nil, false
	}
	return body, true
}

// unread answers a delivery whose body could not be had, of which beginning came.
// What a later repetition may bring whole is not kept, and is the error: until
// then it is missing.
func (r *Receiver) unread(w http.ResponseWriter, req *http.Request, beginning []byte, err error) error {
	why := refusal{http.StatusBadRequest, "malformed", err.Error()}
	switch _, unknown := errors.AsType[encodingError](err); {
	case errors.Is(err, errBusy):
		r.later(w, http.StatusTooManyRequests, "busy", err)
		return err
	case errors.Is(err, errSlow):
		r.later(w, http.StatusRequestTimeout, "slow", err)
		return err
	case errors.Is(err, errBroken):
		answer(w, http.StatusBadRequest, err.Error())
		return err
	case errors.Is(err, errTooLarge):
		why = refusal{http.StatusRequestEntityTooLarge, "oversized", fmt.Sprintf("the body is larger than %d bytes", r.MaxBody)}
	case unknown:
		why.status = http.StatusUnsupportedMediaType
	}
	beginning = beginning[:min(len(beginning), maxUnauthenticated)]
	if r.Authentic != nil { // nobody knows yet who sends it
		r.stranger(w, req, beginning, why)
		return ErrNothing
	}
	return r.refuse(w, req, r.envelope(req, beginning), beginning, why)
}

// stranger refuses somebody who may be anybody. Of many such deliveries only
// some are kept, and all are counted.
func (r *Receiver) stranger(w http.ResponseWriter, req *http.Request, body []byte, why refusal) {
	if !r.Gate.mayBury(r.Source.Name, r.Now()) {
		r.later(w, http.StatusTooManyRequests, "unauthenticated", errors.New("too many deliveries are refused; "+why.reason))
		return
	}
	w.Header().Set("Connection", "close") // for others
	_ = r.refuse(w, req, r.envelope(req, body), body[:min(len(body), maxUnauthenticated)], why)
}

// later asks the sender to come again, without a word in the log: there may be
// thousands.
func (r *Receiver) later(w http.ResponseWriter, status int, why string, err error) {
	r.Metrics.turnedAway(r.Source.Name, why)
	w.Header().Set("Retry-After", "5")
	w.Header().Set("Connection", "close")
	answer(w, status, err.Error())
}

func (r *Receiver) envelope(req *http.Request, body []byte) event.Envelope {
	return r.Source.Envelope(req.RemoteAddr, r.Now().UTC(), body)
}

// maxOrigin bounds an event's ID as the origin of its delivery, in bytes: an
// origin travels in a message header.
const maxOrigin = 256

// storeWithin bounds how long a sender waits for the stream: it gives up itself
// before long, and comes again.
const storeWithin = 20 * time.Second

// take stores an authentic delivery and answers it.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request, body []byte) (newest time.Time, err error) {
	env := r.envelope(req, body)
	events, dead, err := r.parse(Delivery{Header: req.Header, Body: body, Envelope: env})
	if err != nil {
		why := refusal{http.StatusBadRequest, "malformed", err.Error()}
		if errors.Is(err, errParser) {
			why.cause = "parser-failed"
		}
		return newest, r.refuse(w, req, env, body, why)
	}
	if len(events) == 1 && events[0].ID != "" && len(events[0].ID) <= maxOrigin {
		env.Origin = events[0].ID
	}
	ctx, cancel := context.WithTimeout(req.Context(), storeWithin)
	defer cancel()
	if err := r.Store(ctx, env, events, dead); err != nil {
		return newest, r.unavailable(w, err)
	}
	answer(w, http.StatusAccepted, "")
	return Newest(events), nil
}

// errParser says that the fault is ours: the delivery is kept for when it is
// mended.
var errParser = errors.New("the delivery could not be read, which is a fault of this program; it is kept")

// parse turns a panic into an error: a delivery made to upset a parser must not
// stop the monitor, nor be sent again for ever.
func (r *Receiver) parse(d Delivery) (events []event.Event, dead []event.Dead, err error) {
	defer func() {
		if p := recover(); p != nil {
			r.Log.Error("parser failed", "source", r.Source.Name, "err", fmt.Sprintf("%.200v", p), "delivery", d.Envelope.Digest.Short())
			events, dead, err = nil, nil, errParser
		}
	}()
	return r.Parse(d)
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

// unavailable asks the sender to try again. That the stream is full, the stream
// says in the log itself, and once.
func (r *Receiver) unavailable(w http.ResponseWriter, err error) error {
	why, after := "not-stored", "5"
	if errors.Is(err, stream.ErrFull) {
		why, after = "full", "30"
	} else {
		r.Log.Error("delivery not stored", "source", r.Source.Name, "err", err)
	}
	r.Metrics.turnedAway(r.Source.Name, why)
	w.Header().Set("Retry-After", after)
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
