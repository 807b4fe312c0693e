// Package github receives GitHub webhooks, and reads webhook deliveries and
// audit log entries.
//
// GitHub does not repeat a failed delivery by itself; package reconcile asks for
// those that did not arrive. The signature covers the body and not the headers: the
// event's name comes from a header, so a rule has to look at the body's shape, too,
// and a body that was sent before can be sent again under another GUID, which
// package reconcile finds.
//
// Formats: GitHub documentation, "Webhook events and payloads", "Validating
// webhook deliveries", "Reviewing the audit log for your organization".
package github

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Product and the Sigma services of its two kinds of events.
const (
	Product        = "github"
	ServiceWebhook = "webhook"
	ServiceAudit   = "audit"
)

const signatureHeader = "X-Hub-Signature-256"

// hasSignature wants the header X-Hub-Signature-256: sha256= and an HMAC in
// hexadecimal.
func hasSignature(r *http.Request) error {
	if !strings.HasPrefix(r.Header.Get(signatureHeader), "sha256=") {
		return errors.New("the header X-Hub-Signature-256 is missing; set a secret on the webhook")
	}
	return nil
}

// signed wants the signature to be that of the body, by one of the secrets.
func signed(secrets []string) func(http.Header, []byte) error {
	return func(h http.Header, body []byte) error {
		sum, err := hex.DecodeString(strings.TrimPrefix(h.Get(signatureHeader), "sha256="))
		good := false
		for _, secret := range secrets {
			good = hmac.Equal(sum, Sign(secret, body)) || good
		}
		if err != nil || !good {
			return errors.New("the signature is wrong; is the webhook's secret the one in secret-file?")
		}
		return nil
	}
}

// Sign returns the HMAC-SHA256 of a body.
func Sign(secret string, body []byte) []byte {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write(body)
	return m.Sum(nil)
}

// name is what an event may be called.
var name = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func parse(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
	kind, guid := d.Header.Get("X-GitHub-Event"), d.Header.Get("X-GitHub-Delivery")
	if !name.MatchString(kind) {
		return nil, nil, errors.New("github: the header X-GitHub-Event names no event")
	}
	if guid == "" || len(guid) > 100 {
		return nil, nil, errors.New("github: the header X-GitHub-Delivery is missing")
	}
	body := d.Body
	if media, _, err := mime.ParseMediaType(d.Header.Get("Content-Type")); err == nil && media == "application/x-www-form-urlencoded" {
		form, err := url.ParseQuery(string(body))
		if err != nil || form.Get("payload") == "" {
			return nil, nil, errors.New("github: the form has no payload")
		}
		body = []byte(form.Get("payload"))
	}
	e, err := IdentifyWebhook(kind, guid, body)
	if err != nil {
		return nil, nil, err
	}
	return []event.Event{e}, nil, nil
}

// IdentifyWebhook reads a delivery's time, and redacts it. guid is the
// delivery's, if it is known.
func IdentifyWebhook(kind, guid string, raw []byte) (event.Event, error) {
	if !jsonscan.Valid(raw) || !bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{")) {
		return event.Event{}, errors.New("github: the payload is no JSON object")
	}
	return event.Event{
		ID: guid, Kind: kind, Occurred: occurred(kind, raw), Original: event.DigestOf(raw), Raw: ingest.Redact(Product, raw),
	}, nil
}
