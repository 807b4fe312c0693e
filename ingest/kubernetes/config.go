package kubernetes

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"sidedoor/ingest"
)

// Config is where one cluster's audit events come from: exactly one of Path,
// LogFile and EKS is set.
type Config struct {
	Path         string   `yaml:"path"`           // of the URL, such as /kubernetes/prod-eu
	TokenFile    string   `yaml:"token-file"`     // holds the bearer token
	ClientCAFile string   `yaml:"client-ca-file"` // who signs the API server's client certificate
	ClientNames  []string `yaml:"client-names"`   // common names that it may have; none: any

	LogFile string `yaml:"log-file"` // the API server's audit log

	EKS *EKS `yaml:"eks"` // what CloudWatch Logs puts into S3
}

// Validate implements [ingest.Kind].
func (c *Config) Validate() error {
	var ways []string
	for key, set := range map[string]bool{"path": c.Path != "", "log-file": c.LogFile != "", "eks": c.EKS != nil} {
		if set {
			ways = append(ways, key)
		}
	}
	switch {
	case len(ways) != 1:
		return fmt.Errorf("kubernetes: it has to have exactly one of path (the API server's webhook), log-file (its audit log) and eks (audit logs in S3), and has %d", len(ways))
	case c.Path != "":
		return errors.Join(ingest.ValidatePath(c.Path), c.validateClients())
	case c.EKS != nil:
		return errors.Join(c.EKS.validate(), c.validateWithoutClients(ways[0]))
	}
	return c.validateWithoutClients(ways[0])
}

// validateClients looks at how the webhook's sender is known.
func (c *Config) validateClients() error {
	if c.TokenFile == "" && c.ClientCAFile == "" {
		return errors.New("token-file and client-ca-file are missing: at least one has to say who may send, or anybody could write the audit log")
	}
	if len(c.ClientNames) > 0 && c.ClientCAFile == "" {
		return errors.New("client-names: without client-ca-file nobody has signed the names")
	}
	return nil
}

// validateWithoutClients refuses what is for the webhook alone.
func (c *Config) validateWithoutClients(way string) error {
	var extra []string
	for _, k := range []struct {
		key string
		set bool
	}{{"token-file", c.TokenFile != ""}, {"client-ca-file", c.ClientCAFile != ""}, {"client-names", len(c.ClientNames) > 0}} {
		if k.set {
			extra = append(extra, k.key)
		}
	}
	if len(extra) > 0 {
		return fmt.Errorf("%s: belongs to path, not to %s", strings.Join(extra, ", "), way)
	}
	return nil
}

// Resolve implements [ingest.Kind].
func (c *Config) Resolve(path func(string) string) {
	c.TokenFile, c.ClientCAFile, c.LogFile = path(c.TokenFile), path(c.ClientCAFile), path(c.LogFile)
}

// How late events come, where nothing is broken.
const (
	// webhookLateness: a batch waits for up to 30 s until it is sent.
	webhookLateness = time.Minute
	// logLateness: the API server writes an event when its stage is over.
	logLateness = 5 * time.Second
	// eksLateness: Firehose gathers for up to 15 minutes.
	eksLateness = 16 * time.Minute
)

// Defaults implements [ingest.Kind].
func (c *Config) Defaults() ingest.Source {
	src := ingest.Source{Product: Product, Service: Service, Lateness: webhookLateness}
	switch {
	case c.LogFile != "":
		src.Lateness = logLateness
	case c.EKS != nil:
		src.Lateness = eksLateness
	}
	return src
}

// URLPath implements [ingest.Kind].
func (c *Config) URLPath() string { return c.Path }

// WantsClientCertificate says whether the server has to serve TLS for it.
func (c *Config) WantsClientCertificate() bool { return c.ClientCAFile != "" }

// Open implements [ingest.Kind].
func (c *Config) Open(in ingest.Intake) (ingest.Running, error) {
	switch {
	case c.LogFile != "":
		return c.openLog(in)
	case c.EKS != nil:
		return c.EKS.open(in)
	}
	return c.openWebhook(in)
}

// knows says who may send, by all that the configuration asks of a sender.
func (c *Config) knows(in ingest.Intake) (func(*http.Request) error, error) {
	var files []string
	for _, f := range []string{c.TokenFile, c.ClientCAFile} {
		if f != "" {
			files = append(files, f)
		}
	}
	return ingest.Renewed(in.Log, files, func() (func(*http.Request) error, error) {
		var all []func(*http.Request) error
		if c.ClientCAFile != "" {
			authorities, err := ingest.ReadAuthorities(c.ClientCAFile)
			if err != nil {
				return nil, err
			}
			all = append(all, ingest.ClientCertificate(authorities, c.ClientNames))
		}
		if c.TokenFile != "" {
			token, err := ingest.ReadSecret(c.TokenFile)
			if err != nil {
				return nil, err
			}
			all = append(all, ingest.Bearer(token))
		}
		return ingest.All(all...), nil
	})
}
