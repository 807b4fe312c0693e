package testserver

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	sqsAccount     = "000000000000"
	sqsContentType = "application/x-amz-json-1.0"
)

// SQSServer has standard queues, which it keeps in memory: visibility
// timeouts, long polling, delays, retention and dead-letter queues as AWS
// documents them. Unlike AWS it never loses the order and never delivers twice
// of its own accord; receiving again after Advance does the same to a consumer.
// It has no FIFO queues.
//
// Protocol: Amazon SQS API Reference, "AWS JSON protocol".
type SQSServer struct {
	Endpoint  string // http://127.0.0.1:34567
	Region    string
	AccessKey string
	SecretKey string

	mu       sync.Mutex
	queues   map[string]*sqsQueue // by name
	ahead    time.Duration        // how far the clock was put forward
	changed  chan struct{}        // closed and replaced whenever a message may have become visible
	received int                  // makes every receipt handle another one
}

// SQS starts a server that ends with the test. It takes requests signed with
// its access key only; the signature itself is not recomputed.
func SQS(t testing.TB) *SQSServer {
	t.Helper()
	s := &SQSServer{
		Region: "eu-central-1", AccessKey: "test-" + rand.Text(), SecretKey: rand.Text(),
		queues: map[string]*sqsQueue{}, changed: make(chan struct{}),
	}
	ctx, stop := context.WithCancel(context.Background())
	server := httptest.NewUnstartedServer(s)
	server.Config.BaseContext = func(net.Listener) context.Context { return ctx }
	server.Start()
	s.Endpoint = server.URL
	t.Cleanup(func() {
		stop() // or Close would wait for the long polls
		server.CloseClientConnections()
		server.Close()
	})
	return s
}

// Advance puts the clock of the server forward: visibility timeouts, delays,
// retention periods and long polls of that length are over at once.
func (s *SQSServer) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
	s.wake()
}

// now is the clock of the server.
func (s *SQSServer) now() time.Time { return time.Now().Add(s.ahead) }

// wake has every long poll look again; s.mu is held.
func (s *SQSServer) wake() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// pause lets go of s.mu until then, or until something changes.
func (s *SQSServer) pause(ctx context.Context, until time.Time) {
	timer := time.NewTimer(until.Sub(s.now()))
	defer timer.Stop()
	changed := s.changed
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-timer.C:
	case <-changed:
	case <-ctx.Done():
	}
}

// ServeHTTP answers one call of the JSON protocol:
//
//	POST /
//	X-Amz-Target: AmazonSQS.SendMessage
//
//	{"QueueUrl":"http://127.0.0.1:34567/000000000000/trail","MessageBody":"hello"}
func (s *SQSServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	reply, err := s.answer(r)
	w.Header().Set("Content-Type", sqsContentType)
	w.Header().Set("X-Amzn-Requestid", rand.Text())
	if err != nil {
		var fault *sqsFault
		if !errors.As(err, &fault) {
			fault = &sqsFault{status: http.StatusInternalServerError, code: "InternalFailure", message: err.Error()}
		}
		fault.write(w)
		return
	}
	_ = json.NewEncoder(w).Encode(reply) // a caller that has gone needs no answer
}

func (s *SQSServer) answer(r *http.Request) (any, error) {
	if err := s.checkSigned(r); err != nil {
		return nil, err
	}
	if got := r.Header.Get("Content-Type"); r.Method != http.MethodPost || got != sqsContentType {
		return nil, faultf("UnsupportedOperation", "%s with content type %q: only POST of %s is spoken here", r.Method, got, sqsContentType)
	}
	name, ours := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	act, known := sqsActions[name]
	if !ours || !known {
		return nil, faultf("UnsupportedOperation", "the test server does not know the action %q", r.Header.Get("X-Amz-Target"))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return act(r.Context(), s, json.NewDecoder(r.Body))
}

// checkSigned looks at the header that version 4 signatures travel in:
//
//	AWS4-HMAC-SHA256 Credential=KEY/20261124/eu-central-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, Signature=af01…
func (s *SQSServer) checkSigned(r *http.Request) error {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 ")
	if !ok {
		return refusef("MissingAuthenticationToken", "the request is not signed with AWS4-HMAC-SHA256")
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		parts[name] = value
	}
	credential := strings.Split(parts["Credential"], "/")
	if len(credential) != 5 || parts["SignedHeaders"] == "" || parts["Signature"] == "" {
		return refusef("IncompleteSignature", "the Authorization header needs Credential, SignedHeaders and Signature")
	}
	if credential[0] != s.AccessKey {
		return refusef("InvalidClientTokenId", "the access key %q is not %q", credential[0], s.AccessKey)
	}
	if scope := strings.Join(credential[2:], "/"); scope != s.Region+"/sqs/aws4_request" {
		return refusef("SignatureDoesNotMatch", "the credential is scoped to %s, not to %s/sqs/aws4_request", scope, s.Region)
	}
	return nil
}

func (s *SQSServer) urlOf(name string) string { return s.Endpoint + "/" + sqsAccount + "/" + name }

func (s *SQSServer) arnOf(name string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", s.Region, sqsAccount, name)
}

// queueAt finds a queue by its URL.
func (s *SQSServer) queueAt(url string) (*sqsQueue, error) {
	if url == "" {
		return nil, faultf("MissingParameter", "the request must contain the parameter QueueUrl")
	}
	q := s.queues[url[strings.LastIndex(url, "/")+1:]]
	if q == nil || url != s.urlOf(q.name) {
		return nil, faultf("QueueDoesNotExist", "there is no queue at %s", url)
	}
	return q, nil
}
