package gitlab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sidedoor/ingest"
)

// AuditConfig is where audit events come from: streamed to Path, or read from the
// API of an instance or of one of its groups.
type AuditConfig struct {
	Path string `yaml:"path"` // of the URL, such as /gitlab-audit
	// TokenFile holds the streaming destination's verification token or, for the
	// API, an access token with the scope read_api.
	TokenFile string        `yaml:"token-file"`
	API       string        `yaml:"api"`      // such as https://gitlab.example
	Group     string        `yaml:"group"`    // its full path or number
	Instance  bool          `yaml:"instance"` // all of the instance
	Every     time.Duration `yaml:"every"`    // default 1m
}

const (
	defaultEvery = time.Minute
	leastEvery   = 5 * time.Second
)

// Validate implements [ingest.Kind].
func (c *AuditConfig) Validate() error {
	err := ingest.ValidateSecret("token-file", c.TokenFile)
	if (c.Path == "") == (c.API == "") {
		return errors.Join(err, errors.New("it has to have either path, to have audit events streamed there, or api, to read them"))
	}
	if c.Path != "" {
		if c.Group != "" || c.Instance || c.Every != 0 {
			err = errors.Join(err, errors.New("group, instance and every go with api"))
		}
		return errors.Join(err, ingest.ValidatePath(c.Path))
	}
	err = errors.Join(err, ingest.ValidateURL("api", c.API))
	if (c.Group == "") == !c.Instance {
		err = errors.Join(err, errors.New("api: say whose events: either group, or instance: true"))
	}
	if c.Every != 0 && c.Every < leastEvery {
		err = errors.Join(err, fmt.Errorf("every: %v is less than %v", c.Every, leastEvery))
	}
	return err
}

// Resolve implements [ingest.Kind].
func (c *AuditConfig) Resolve(path func(string) string) { c.TokenFile = path(c.TokenFile) }

// Defaults implements [ingest.Kind].
func (c *AuditConfig) Defaults() ingest.Source {
	return ingest.Source{Product: Product, Service: ServiceAudit}
}

// URLPath implements [ingest.Kind].
func (c *AuditConfig) URLPath() string { return c.Path }

// Open implements [ingest.Kind].
func (c *AuditConfig) Open(in ingest.Intake) (ingest.Running, error) {
	if c.Path != "" {
		return c.stream(in)
	}
	p, err := c.poller(in)
	if err != nil {
		return ingest.Running{}, err
	}
	every := c.Every
	if every == 0 {
		every = defaultEvery
	}
	return ingest.Running{Run: func(ctx context.Context) error { return in.Poll(ctx, every, p.poll) }}, nil
}

// Backfill implements [ingest.Backfiller].
func (c *AuditConfig) Backfill(ctx context.Context, in ingest.Intake, p ingest.Period, progress func(ingest.Progress)) error {
	if c.API == "" {
		return errors.New("audit events that are streamed cannot be had again; configure api for a back-fill")
	}
	reader, err := c.poller(in)
	if err != nil {
		return err
	}
	return reader.backfill(ctx, p, progress)
}
