package gitlab

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
)

// maxBody is GitLab's own bound on a payload.
const maxBody = 25 << 20

// Config is a webhook of projects or groups, or a system hook. It shows a token,
// or signs what it sends, or both.
type Config struct {
	Path string `yaml:"path"` // of the URL, such as /gitlab
	// TokenFile holds the webhook's secret token, and SigningSecretFile its
	// signing token, as GitLab shows it: whsec_…
	TokenFile         string `yaml:"token-file"`
	SigningSecretFile string `yaml:"signing-secret-file"`
}

// Validate implements [ingest.Kind].
func (c *Config) Validate() error {
	err := ingest.ValidatePath(c.Path)
	if c.TokenFile == "" && c.SigningSecretFile == "" {
		err = errors.Join(err, errors.New("token-file and signing-secret-file are missing: name the file with the webhook's secret token or with its signing token"))
	}
	return err
}

// Resolve implements [ingest.Kind].
func (c *Config) Resolve(path func(string) string) {
	c.TokenFile, c.SigningSecretFile = path(c.TokenFile), path(c.SigningSecretFile)
}

// Defaults implements [ingest.Kind].
func (c *Config) Defaults() ingest.Source {
	return ingest.Source{Product: Product, Service: ServiceWebhook}
}

// URLPath implements [ingest.Kind].
func (c *Config) URLPath() string { return c.Path }

// Open implements [ingest.Kind].
func (c *Config) Open(in ingest.Intake) (ingest.Running, error) {
	r := &ingest.Receiver{Intake: in, MaxBody: maxBody, Parse: parse, Knows: anybody}
	if c.TokenFile != "" {
		token, err := ingest.ReadSecret(c.TokenFile)
		if err != nil {
			return ingest.Running{}, err
		}
		r.Knows = shows(token)
	}
	if c.SigningSecretFile != "" {
		key, err := readKey(c.SigningSecretFile)
		if err != nil {
			return ingest.Running{}, err
		}
		if c.TokenFile == "" {
			r.Knows = hasSignature
		}
		r.Authentic = signed(key, in.Now)
	}
	return ingest.Running{Handler: r}, nil
}

func anybody(*http.Request) error { return nil }

// shows wants the header X-Gitlab-Token to be the secret token.
func shows(token string) func(*http.Request) error {
	return func(r *http.Request) error {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Gitlab-Token")), []byte(token)) != 1 {
			return errors.New("the header X-Gitlab-Token is missing or wrong; is the webhook's secret token the one in token-file?")
		}
		return nil
	}
}

// Headers of the Standard Webhooks specification, which GitLab's signing tokens
// follow (standardwebhooks.com, "Signature scheme").
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp" // seconds since 1970
	headerSignature = "Webhook-Signature" // one or more of v1,<base64>, separated by spaces
	keyPrefix       = "whsec_"
)

// maxAge is by how much a signature's time may differ from ours.
const maxAge = 5 * time.Minute

func readKey(path string) ([]byte, error) {
	text, err := ingest.ReadSecret(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(text, keyPrefix))
	if err != nil || len(key) < 16 {
		return nil, fmt.Errorf("secret %s: it is no signing token: those are %s and base64", path, keyPrefix)
	}
	return key, nil
}

func hasSignature(r *http.Request) error {
	for _, name := range []string{headerID, headerTimestamp, headerSignature} {
		if r.Header.Get(name) == "" {
			return fmt.Errorf("the header %s is missing; set a signing token on the webhook", strings.ToLower(name))
		}
	}
	return nil
}

// signed wants one of the signatures to be that of the id, the time and the body,
// and the time to be now.
func signed(key []byte, now func() time.Time) func(http.Header, []byte) error {
	return func(h http.Header, body []byte) error {
		seconds, err := strconv.ParseInt(h.Get(headerTimestamp), 10, 64)
		if err != nil || now().Sub(time.Unix(seconds, 0)).Abs() > maxAge {
			return fmt.Errorf("the header %s is not within %v of now", strings.ToLower(headerTimestamp), maxAge)
		}
		want := Sign(key, h.Get(headerID), h.Get(headerTimestamp), body)
		ok := 0
		for s := range strings.FieldsSeq(h.Get(headerSignature)) {
			sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "v1,"))
			if err == nil && strings.HasPrefix(s, "v1,") {
				ok |= subtle.ConstantTimeCompare(sum, want)
			}
		}
		if ok != 1 {
			return errors.New("the signature is wrong; is the webhook's signing token the one in signing-secret-file?")
		}
		return nil
	}
}

// Sign returns the HMAC-SHA256 that signs a delivery.
func Sign(key []byte, id, timestamp string, body []byte) []byte {
	m := hmac.New(sha256.New, key)
	fmt.Fprintf(m, "%s.%s.", id, timestamp)
	m.Write(body)
	return m.Sum(nil)
}

// maxKey bounds an Idempotency-Key in bytes.
const maxKey = 200

func parse(d ingest.Delivery) ([]event.Event, []event.Dead, error) {
	// It stays over repetitions, as X-Gitlab-Webhook-UUID does not; older
	// versions send none.
	key := d.Header.Get("Idempotency-Key")
	if key == "" {
		key = d.Header.Get("X-Gitlab-Event-Uuid")
	}
	if len(key) > maxKey {
		return nil, nil, fmt.Errorf("gitlab: the header Idempotency-Key is longer than %d bytes", maxKey)
	}
	e, err := IdentifyWebhook(key, d.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("%w; a webhook with a custom template cannot be read", err)
	}
	return []event.Event{e}, nil, nil
}
