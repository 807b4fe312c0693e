package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
	"unicode"

	"sidedoor/alerting"
	"sidedoor/event"
)

// Config says where to post.
type Config struct {
	// URL is https, or http to this machine. Required.
	URL string `yaml:"url"`
	// SecretFile names the file that holds the signing secret: "whsec_" and
	// base64, as Standard Webhooks writes it, or at least 24 bytes of any text.
	// Required.
	SecretFile string `yaml:"secret-file"`
}

// Validate reports every fault.
func (c Config) Validate() error {
	var faults []error
	if _, err := alerting.ParseEndpoint(c.URL); err != nil {
		faults = append(faults, fmt.Errorf("url: %w", err))
	}
	if c.SecretFile == "" {
		faults = append(faults, errors.New("secret-file: is missing; it names the file that holds the signing secret"))
	}
	return errors.Join(faults...)
}

// Channel is an endpoint.
type Channel struct {
	url     string
	key     []byte
	secrets []string // that no error may hold
	client  *http.Client
	now     func() time.Time
}

var _ alerting.Channel = (*Channel)(nil)

// New reads the secret. now is the clock of the timestamps.
func New(cfg Config, now func() time.Time) (*Channel, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	u, err := alerting.ParseEndpoint(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	secret, err := alerting.ReadSecret(cfg.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("secret-file: %w", err)
	}
	key, err := signingKey(secret)
	if err != nil {
		return nil, fmt.Errorf("secret-file %s: %w", cfg.SecretFile, err)
	}
	return &Channel{
		url: cfg.URL, key: key, secrets: append(alerting.SecretsOf(u), secret), now: now,
		client: &http.Client{CheckRedirect: alerting.RefuseRedirect},
	}, nil
}

// Name implements [alerting.Channel].
func (*Channel) Name() string { return "webhook" }

// payload is the body.
type payload struct {
	ID       string      `json:"id"`
	Type     string      `json:"type"`
	Revision int         `json:"revision"`
	Severity string      `json:"severity"`
	Changed  string      `json:"changed"`
	Decide   string      `json:"decide"`
	Alert    event.Alert `json:"alert"`
}

// Send implements [alerting.Channel]. The remote ID is the answer's
// X-Request-Id, if it has one.
func (c *Channel) Send(ctx context.Context, m alerting.Message) (alerting.Result, error) {
	body, err := json.Marshal(payload{
		ID: m.ID(), Type: "sidedoor.alert", Revision: m.Alert.Revision, Severity: m.Severity(),
		Changed: m.Changed(), Decide: m.Decide(), Alert: m.Alert,
	})
	if err != nil {
		return alerting.Result{}, fmt.Errorf("webhook: %w: %w", alerting.ErrRejected, err)
	}
	req, err := c.request(ctx, m.ID(), body)
	if err != nil {
		return alerting.Result{}, fmt.Errorf("webhook: %w", alerting.Hide(err, c.secrets...))
	}
	resp, err := c.client.Do(req) //nolint:bodyclose // drain closes it
	if err != nil {
		return alerting.Result{}, fmt.Errorf("webhook: %w", alerting.Hide(err, c.secrets...))
	}
	drain(resp.Body)
	result := alerting.Result{Status: resp.StatusCode, RemoteID: printable(resp.Header.Get("X-Request-Id"))}
	if err := alerting.CheckAnswer(resp.StatusCode, resp.Header, c.now()); err != nil {
		return result, fmt.Errorf("webhook: %w", err)
	}
	return result, nil
}

func (c *Channel) request(ctx context.Context, id string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "sidedoor")
	sign(req.Header, c.key, id, c.now(), body)
	return req, nil
}

// maxDrain is how much of an answer is read so that the connection can be used
// again, in bytes; what a receiver says beyond it costs it the connection.
const maxDrain = 16 << 10

func drain(body io.ReadCloser) {
	_, _ = io.Copy(io.Discard, io.LimitReader(body, maxDrain)) // the status is what counts
	_ = body.Close()
}

// printable returns s if it can stand in a record, and else nothing.
func printable(s string) string {
	for _, r := range s {
		if r > unicode.MaxASCII || !unicode.IsPrint(r) {
			return ""
		}
	}
	return s
}
