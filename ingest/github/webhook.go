package github

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/github/reconcile"
)

// maxBody is GitHub's own bound on a payload.
const maxBody = 25 << 20

// answerWithin is within what a delivery is answered: GitHub hangs up after ten
// seconds, and would not learn why.
const answerWithin = 9 * time.Second

// Config is one webhook: of an organisation, a repository or an App. Each has a
// source of its own, since GitHub sends an event to all of them under one GUID.
type Config struct {
	Path string `yaml:"path"` // of the URL, such as /github
	// SecretFile holds the webhook's secret or, while it is changed, the new one
	// and the old one on a line each.
	SecretFile string `yaml:"secret-file"`
	// Reconcile, if it is there, compares what arrives with what GitHub sent.
	Reconcile *reconcile.Config `yaml:"reconcile"`
}

// Validate says what is wrong.
func (c *Config) Validate() error {
	faults := []error{ingest.ValidatePath(c.Path), ingest.ValidateSecret("secret-file", c.SecretFile)}
	if c.Reconcile != nil {
		faults = append(faults, c.Reconcile.Validate())
	}
	return errors.Join(faults...)
}

// Resolve implements [ingest.Kind].
func (c *Config) Resolve(path func(string) string) {
	c.SecretFile = path(c.SecretFile)
	if c.Reconcile != nil {
		c.Reconcile.Resolve(path)
	}
}

// lateness is by how much a delivery may be later than what it tells, where its
// absence is noticed: silence then counts as quiet.
const lateness = time.Minute

// Defaults implements [ingest.Kind].
func (c *Config) Defaults() ingest.Source {
	s := ingest.Source{Product: Product, Service: ServiceWebhook}
	if c.Reconcile != nil {
		s.Lateness = lateness
	}
	return s
}

// URLPath implements [ingest.Kind].
func (c *Config) URLPath() string { return c.Path }

// Open implements [ingest.Kind].
func (c *Config) Open(in ingest.Intake) (ingest.Running, error) {
	secrets, err := ingest.ReadSecrets(c.SecretFile)
	if err != nil {
		return ingest.Running{}, err
	}
	running := ingest.Running{Handler: inTime(&ingest.Receiver{
		Intake: in, MaxBody: maxBody, Knows: hasSignature, Authentic: signed(secrets), Parse: parse,
	})}
	if c.Reconcile == nil {
		return running, nil
	}
	r, err := reconcile.New(*c.Reconcile, in)
	if err != nil {
		return ingest.Running{}, err
	}
	running.Run = r.Run
	return running, nil
}

// inTime has a delivery that cannot be stored in time refused, while GitHub still
// listens.
func inTime(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), answerWithin)
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}
