package auditlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/github"
	"sidedoor/ingest/jsonscan"
)

// Bounds of a delivery.
const (
	maxBody  = 32 << 20 // unpacked
	maxEntry = 4 << 20
)

// collector takes what GitHub posts to an HTTP event collector, and answers as
// Splunk's does. Splunk's has several paths; which of them GitHub takes, is not
// written down.
type collector struct{ receiver *ingest.Receiver }

func newCollector(in ingest.Intake, token string) *collector {
	c := &collector{}
	c.receiver = &ingest.Receiver{Intake: in, MaxBody: maxBody, Knows: knows(token), Parse: c.parse}
	return c
}

// reply is an answer of a collector.
//
//	{"text":"Success","code":0}
type reply struct {
	Text string `json:"text"`
	Code int    `json:"code"`
}

// The replies that senders know.
var (
	success     = reply{"Success", 0}
	badToken    = reply{"Invalid token", 4}
	noData      = reply{"No data", 5}
	badData     = reply{"Invalid data format", 6}
	busy        = reply{"Server is busy", 9}
	noAck       = reply{"ACK is disabled", 14}
	healthy     = reply{"HEC is healthy", 17}
	unsupported = reply{"Method not allowed; events are posted", 6}
)

// ServeHTTP implements [http.Handler].
func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		healthy.write(w, http.StatusOK)
	case strings.HasSuffix(strings.TrimSuffix(r.URL.Path, "/"), "/ack"):
		noAck.write(w, http.StatusBadRequest)
	case r.Method == http.MethodPost && r.ContentLength == 0 && c.receiver.Knows(r) == nil:
		noData.write(w, http.StatusBadRequest) // nothing to keep
	default:
		c.receiver.ServeHTTP(&translated{ResponseWriter: w}, r)
	}
}

func (a reply) write(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The sender may be gone; it will find out by itself.
	_ = json.NewEncoder(w).Encode(a)
}

// translated says in a collector's words what the receiver answers.
type translated struct {
	http.ResponseWriter
	told bool
}

// WriteHeader implements [http.ResponseWriter].
func (t *translated) WriteHeader(status int) {
	if t.told {
		return
	}
	t.told = true
	switch {
	case status/100 == 2:
		success.write(t.ResponseWriter, http.StatusOK)
	case status == http.StatusUnauthorized:
		badToken.write(t.ResponseWriter, http.StatusUnauthorized)
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests, status == http.StatusRequestTimeout:
		busy.write(t.ResponseWriter, status)
	case status == http.StatusMethodNotAllowed:
		unsupported.write(t.ResponseWriter, status)
	default:
		badData.write(t.ResponseWriter, status)
	}
}

// Unwrap lets the receiver at the connection; see [http.ResponseController].
func (t *translated) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// Write leaves out the receiver's own words.
func (t *translated) Write(b []byte) (int, error) {
	if !t.told {
		t.WriteHeader(http.StatusOK)
	}
	return len(b), nil
}

// knows wants the collector's token, as Splunk has it sent, or as a bearer token.
func knows(token string) func(*http.Request) error {
	bearer := ingest.Bearer(token)
	return func(r *http.Request) error {
		scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if !strings.EqualFold(scheme, "Splunk") && !strings.EqualFold(scheme, "Bearer") {
			return errors.New("the collector's token is missing: send Authorization: Splunk TOKEN")
		}
		as := &http.Request{Header: http.Header{"Authorization": {"Bearer " + rest}}}
		if bearer(as) != nil {
			return errors.New("the collector's token is wrong; is it the one in token-file?")
		}
		return nil
	}
}

// parse reads a delivery: JSON objects one after the other, each with an entry in
// its event. An entry that cannot be read costs itself only.
func (c *collector) parse(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
	var piece jsonscan.Piece
	tests := 0
	in := d.Gather(func(raw []byte) (event.Event, error) {
		if piece.Fault != "" {
			return event.Event{}, errors.New(piece.Fault)
		}
		return collected(raw)
	})
	s := jsonscan.NewSplitter(bytes.NewReader(d.Body), maxEntry)
	for n := 0; ; n++ {
		var err error
		piece, err = s.Next()
		if errors.Is(err, io.EOF) && n == 0 {
			return nil, nil, errors.New("the body holds nothing")
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, err
		}
		if piece.Fault == "" && isTest(piece.Raw) {
			tests++
			continue
		}
		if !in.Take(bytes.Clone(piece.Raw)) {
			break
		}
	}
	for range tests {
		c.receiver.Metrics.Skipped(d.Envelope.Source, "test")
	}
	return in.End()
}

// isTest says whether what a sender wraps is a text that holds no entry: that is a
// test of the connection.
func isTest(raw []byte) bool {
	inner := jsonscan.Get(raw, "event")
	return len(inner) > 0 && inner[0] == '"' && !strings.HasPrefix(strings.TrimSpace(jsonscan.Text(inner)), "{") && jsonscan.Valid(raw)
}

// collected reads the entry in what a sender wraps around it: as an object, or as a
// text that holds one.
func collected(raw []byte) (event.Event, error) {
	inner := jsonscan.Get(raw, "event")
	switch {
	case inner == nil:
		inner = raw
	case len(inner) > 0 && inner[0] == '"':
		text := strings.TrimSpace(jsonscan.Text(inner))
		if !strings.HasPrefix(text, "{") {
			return event.Event{}, errors.New("the event is no entry of an audit log")
		}
		inner = []byte(text)
	}
	return github.IdentifyAudit(bytes.Clone(inner))
}
