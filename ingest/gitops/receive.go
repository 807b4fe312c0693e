package gitops

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest"
)

// maxBody bounds a delivery in bytes. An object of Kubernetes has at most some
// 1.5 MB, and an event much less.
const maxBody = 4 << 20

// senders is by what the sender of a notification is known; both, if both are
// there.
type senders struct{ tokenFile, secretFile string }

// receive takes in notifications, one event each.
func receive(in ingest.Intake, from senders, identify func([]byte) (event.Event, error)) (ingest.Running, error) {
	r := &ingest.Receiver{
		Intake: in, MaxBody: maxBody, Knows: func(*http.Request) error { return nil },
		Parse: func(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
			e, err := identify(d.Body)
			if err != nil {
				return nil, nil, err
			}
			return []event.Event{e}, nil, nil
		},
	}
	if from.tokenFile != "" {
		token, err := ingest.ReadSecret(from.tokenFile)
		if err != nil {
			return ingest.Running{}, err
		}
		r.Knows = ingest.Bearer(token)
	}
	if from.secretFile != "" {
		secret, err := ingest.ReadSecret(from.secretFile)
		if err != nil {
			return ingest.Running{}, err
		}
		r.Authentic = signed([]byte(secret))
	}
	return ingest.Running{Handler: r}, nil
}

// signed wants the signature of a provider of type generic-hmac: X-Signature:
// sha256=<hex>, over the body.
func signed(secret []byte) func(http.Header, []byte) error {
	return func(h http.Header, body []byte) error {
		got := h.Get("X-Signature")
		if got == "" {
			return errors.New("the header X-Signature is missing: the provider has to be of type generic-hmac, with a secretRef")
		}
		digits, ok := strings.CutPrefix(got, "sha256=")
		sum, err := hex.DecodeString(digits)
		if !ok || err != nil {
			return errors.New("the header X-Signature is not of the form sha256=<hex>")
		}
		mac := hmac.New(sha256.New, secret)
		mac.Write(body)
		if !hmac.Equal(sum, mac.Sum(nil)) {
			return errors.New("the signature is wrong: the provider's secret is another than that of signing-secret-file")
		}
		return nil
	}
}
