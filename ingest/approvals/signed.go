package approvals

import (
	"errors"

	"sidedoor/ingest"
)

// SignedFeed is what the configurations of feeds with signed bodies share.
type SignedFeed struct {
	Path       string `yaml:"path"`        // of the URL, such as /jira
	SecretFile string `yaml:"secret-file"` // holds the secret
}

// Validate implements [ingest.Kind].
func (c *SignedFeed) Validate() error {
	return errors.Join(ingest.ValidatePath(c.Path), ingest.ValidateSecret("secret-file", c.SecretFile))
}

// Resolve implements [ingest.Kind].
func (c *SignedFeed) Resolve(path func(string) string) { c.SecretFile = path(c.SecretFile) }

// URLPath implements [ingest.Kind].
func (c *SignedFeed) URLPath() string { return c.Path }

func (c *SignedFeed) open(f Feed, s ingest.Signature, in ingest.Intake) (ingest.Running, error) {
	secret, err := ingest.ReadSecret(c.SecretFile)
	if err != nil {
		return ingest.Running{}, err
	}
	r := f.receive(in, s.Present)
	r.Authentic = s.Of(secret)
	return ingest.Running{Handler: r}, nil
}

// Jira is a webhook that an administrator of Jira registered, with a secret.
type Jira struct {
	SignedFeed `yaml:",inline"`
}

// Defaults implements [ingest.Kind].
func (c *Jira) Defaults() ingest.Source { return Feeds["jira"].source() }

// Open implements [ingest.Kind].
func (c *Jira) Open(in ingest.Intake) (ingest.Running, error) {
	return c.open(Feeds["jira"], ingest.Signature{Header: "X-Hub-Signature", Prefix: "sha256="}, in)
}

// PagerDuty is a webhook subscription, version 3.
type PagerDuty struct {
	SignedFeed `yaml:",inline"`
}

// Defaults implements [ingest.Kind].
func (c *PagerDuty) Defaults() ingest.Source { return Feeds["pagerduty"].source() }

// Open implements [ingest.Kind].
func (c *PagerDuty) Open(in ingest.Intake) (ingest.Running, error) {
	return c.open(Feeds["pagerduty"], ingest.Signature{Header: "X-PagerDuty-Signature", Prefix: "v1="}, in)
}
