package demo_test

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidedoor/alerting"
	"sidedoor/alerting/slack"
	"sidedoor/alerting/webhook"
	"sidedoor/event"
	"sidedoor/internal/demo"
)

const receiverSecret = "a secret of more than twenty-four bytes"

// receive runs a receiver and returns it with what it is told.
func receive(t *testing.T) (*demo.Receiver, chan demo.Told) {
	t.Helper()
	told := make(chan demo.Told, 8)
	r, err := demo.Listen(t.Context(), receiverSecret, func(m demo.Told) { told <- m })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r, told
}

func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func alert() alerting.Message {
	return alerting.Message{Alert: event.Alert{
		ID: "0123456789abcdef", Revision: 1, State: event.Bypass, Sentence: "lena changed <checkout>", Control: "CHG-03", Occurrences: 1,
		Rule: event.RuleRef{Name: "k8s-direct-change", Level: event.High}, Actor: event.Party{Name: "lena", Person: "lena"},
	}}
}

func TestTheReceiverHearsWhatIsPostedToSlack(t *testing.T) {
	r, told := receive(t)
	c, err := slack.New(slack.Config{URLFile: secretFile(t, r.SlackURL())}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), alert()); err != nil {
		t.Fatal(err)
	}
	if m := <-told; m.Channel != "slack" || !strings.Contains(m.Text, "lena changed <checkout>") {
		t.Errorf("told %+v", m)
	}
}

func TestTheReceiverHearsSignedWebhooks(t *testing.T) {
	r, told := receive(t)
	c, err := webhook.New(webhook.Config{URL: r.WebhookURL(), SecretFile: secretFile(t, receiverSecret)}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Send(t.Context(), alert()); err != nil {
		t.Fatal(err)
	}
	m := <-told
	if m.Channel != "webhook" || m.ID != "0123456789abcdef.1" || m.Alert.Sentence != "lena changed <checkout>" {
		t.Errorf("told %+v", m)
	}
}

func TestTheReceiverBelievesNoWrongSignature(t *testing.T) {
	r, told := receive(t)
	c, err := webhook.New(webhook.Config{URL: r.WebhookURL(), SecretFile: secretFile(t, receiverSecret+"!")}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if result, err := c.Send(t.Context(), alert()); err == nil || result.Status != http.StatusUnauthorized {
		t.Errorf("got %+v, %v; want 401", result, err)
	}
	if len(told) != 0 {
		t.Errorf("told %+v", <-told)
	}
}

func TestTheReceiverRefusesWhatIsNoMessage(t *testing.T) {
	r, told := receive(t)
	for _, body := range []string{"", "{", `{"text":""}`} {
		resp, err := http.Post(r.SlackURL(), "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if err := resp.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%q is answered %s", body, resp.Status)
		}
	}
	if len(told) != 0 {
		t.Errorf("told %+v", <-told)
	}
}
