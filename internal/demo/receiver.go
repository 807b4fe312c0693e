package demo

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"sidedoor/event"
)

// Told is a message that reached somebody.
type Told struct {
	Channel string       // slack or webhook
	Text    string       // slack: the message in one line
	ID      string       // webhook: of the message
	Alert   *event.Alert // webhook
	Body    []byte
}

// Receiver stands in for Slack and for a team's own alert endpoint, on the
// loopback interface.
type Receiver struct {
	listener net.Listener
	server   *http.Server
	secret   string
	told     func(Told)
	mu       sync.Mutex // one message at a time
}

// Paths of the receiver. Slack's real ones hold a secret in that form.
const (
	slackPath   = "/services/T00000000/B00000000/demo"
	webhookPath = "/alerts"
)

// Listen opens a receiver on a free port. It calls told for each message, one
// at a time. secret is the text that signs what comes to [Receiver.WebhookURL].
func Listen(ctx context.Context, secret string, told func(Told)) (*Receiver, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("demo receiver: %w", err)
	}
	r := &Receiver{listener: l, secret: secret, told: told}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+slackPath, r.slack)
	mux.HandleFunc("POST "+webhookPath, r.webhook)
	r.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return r, nil
}

// SlackURL is where Slack messages are posted.
func (r *Receiver) SlackURL() string { return "http://" + r.listener.Addr().String() + slackPath }

// WebhookURL is where signed webhooks are posted.
func (r *Receiver) WebhookURL() string { return "http://" + r.listener.Addr().String() + webhookPath }

// Run receives until ctx ends.
func (r *Receiver) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { _ = r.server.Close() }) // nobody waits for its answers then
	defer stop()
	if err := r.server.Serve(r.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("demo receiver: %w", err)
	}
	return nil
}

// maxMessage bounds a message; an alert's record is smaller than that.
const maxMessage = 1 << 20

func (r *Receiver) slack(w http.ResponseWriter, req *http.Request) {
	var message struct {
		Text string `json:"text"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxMessage))
	if err != nil || json.Unmarshal(body, &message) != nil || message.Text == "" {
		http.Error(w, "invalid_payload", http.StatusBadRequest) // as Slack says it
		return
	}
	r.tell(Told{Channel: "slack", Text: html.UnescapeString(message.Text), Body: body})
	_, _ = io.WriteString(w, "ok") // the sender may be gone
}

func (r *Receiver) webhook(w http.ResponseWriter, req *http.Request) {
	var message struct {
		ID    string       `json:"id"`
		Alert *event.Alert `json:"alert"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxMessage))
	switch {
	case err != nil:
		http.Error(w, "the body could not be read", http.StatusBadRequest)
	case !r.signed(req.Header, body):
		http.Error(w, "the signature is wrong", http.StatusUnauthorized)
	case json.Unmarshal(body, &message) != nil || message.Alert == nil:
		http.Error(w, "the body holds no alert", http.StatusBadRequest)
	default:
		r.tell(Told{Channel: "webhook", ID: message.ID, Alert: message.Alert, Body: body})
		w.WriteHeader(http.StatusNoContent)
	}
}

// signed checks the signature of Standard Webhooks 1.0.0.
func (r *Receiver) signed(h http.Header, body []byte) bool {
	mac := hmac.New(sha256.New, []byte(r.secret))
	fmt.Fprintf(mac, "%s.%s.%s", h.Get("webhook-id"), h.Get("webhook-timestamp"), body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for got := range strings.FieldsSeq(h.Get("webhook-signature")) {
		if hmac.Equal([]byte(got), []byte(want)) {
			return true
		}
	}
	return false
}

func (r *Receiver) tell(t Told) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told(t)
}
