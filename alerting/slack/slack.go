package slack

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	slackgo "github.com/slack-go/slack"

	"sidedoor/alerting"
)

// Config says which Slack channel.
type Config struct {
	// URLFile names the file that holds the incoming webhook's URL. Required.
	URLFile string `yaml:"url-file"`
}

// Validate reports every fault.
func (c Config) Validate() error {
	if c.URLFile == "" {
		return errors.New("url-file: is missing; it names the file that holds the incoming webhook's URL")
	}
	return nil
}

// Channel is a Slack channel behind an incoming webhook.
type Channel struct {
	url     string
	secrets []string // parts of url that no error may hold
	now     func() time.Time
}

var _ alerting.Channel = (*Channel)(nil)

// New reads the URL. now is for a Retry-After that is a date.
func New(cfg Config, now func() time.Time) (*Channel, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	secret, err := alerting.ReadSecret(cfg.URLFile)
	if err != nil {
		return nil, fmt.Errorf("url-file: %w", err)
	}
	u, err := alerting.ParseEndpoint(secret)
	if err != nil {
		return nil, fmt.Errorf("url-file %s: the URL %w", cfg.URLFile, err)
	}
	return &Channel{url: secret, secrets: alerting.SecretsOf(u), now: now}, nil
}

// Name implements [alerting.Channel].
func (*Channel) Name() string { return "slack" }

// Send implements [alerting.Channel]. Slack gives no ID for a message that
// came through a webhook.
func (c *Channel) Send(ctx context.Context, m alerting.Message) (alerting.Result, error) {
	seen := &answer{next: http.DefaultTransport}
	client := &http.Client{Transport: seen, CheckRedirect: alerting.RefuseRedirect}
	err := slackgo.PostWebhookCustomHTTPContext(ctx, c.url, client, render(m))
	result := alerting.Result{Status: seen.status}
	if seen.status == 0 {
		if err == nil {
			err = errors.New("no answer")
		}
		return result, fmt.Errorf("slack: %w", alerting.Hide(err, c.secrets...))
	}
	if err := alerting.CheckAnswer(seen.status, seen.header, c.now()); err != nil {
		return result, fmt.Errorf("slack: %w%s", err, seen.reason())
	}
	return result, nil
}
