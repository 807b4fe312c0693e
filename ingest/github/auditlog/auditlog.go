// Package auditlog reads the audit log of a GitHub organisation or enterprise: by
// GitHub's API, or as GitHub streams it, over HTTPS or into S3.
//
// GitHub delivers at least once, and an entry may be late. Entries are told apart by
// _document_id and content; those that come again are left out where that is cheap,
// and else are repeats on the stream.
//
// Sources: GitHub documentation, "Using the audit log API for your enterprise",
// "Streaming the audit log for your enterprise"; Splunk documentation, "HTTP Event
// Collector REST API endpoints".
package auditlog

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/github"
	"sidedoor/ingest/github/api"
	"sidedoor/ingest/objects"
)

// Config is one audit log, and the one way in which it comes: asked for by the API
// (Organization or Enterprise), posted to Path, or put into a bucket.
type Config struct {
	Organization string `yaml:"organization"`
	Enterprise   string `yaml:"enterprise"`
	API          string `yaml:"api"` // default: that of github.com

	Path string `yaml:"path"` // of the URL, such as /services/collector

	// TokenFile holds the API's token, or that with which GitHub posts.
	TokenFile string `yaml:"token-file"`

	// Every is that of the API, too; default 1m there.
	objects.Config `yaml:",inline"`
}

var _ ingest.Backfiller = (*Config)(nil)

const (
	// defaultEvery is how often the API is asked: it takes 1,750 questions an hour.
	defaultEvery = time.Minute
	leastEvery   = 10 * time.Second
)

// login is what an organisation or enterprise may be called.
var login = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

func (c *Config) byAPI() bool { return c.Organization != "" || c.Enterprise != "" }

func (c *Config) byObjects() bool { return c.Queue != "" || c.Bucket != "" }

// Validate implements [ingest.Kind].
func (c *Config) Validate() error {
	ways := 0
	for _, set := range []bool{c.byAPI(), c.Path != "", c.byObjects()} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		return errors.New("it comes in exactly one way: organization or enterprise (GitHub's API is asked), path (GitHub posts it), or queue and bucket (GitHub puts it into S3)")
	}
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.byObjects() {
		faults = append(faults, c.Config.Validate())
		if c.TokenFile != "" {
			fault("token-file: a bucket is read with AWS's credentials; leave it out")
		}
	} else {
		faults = append(faults, ingest.ValidateSecret("token-file", c.TokenFile))
		if aws := (objects.Config{Every: c.Every}); c.Config != aws {
			fault("prefix, region, profile, role-arn and endpoint go with queue and bucket")
		}
	}
	if c.Path != "" {
		faults = append(faults, ingest.ValidatePath(c.Path))
	}
	if c.byAPI() {
		faults = append(faults, c.validateAPI())
	} else if c.API != "" {
		fault("api: it goes with organization or enterprise")
	}
	return errors.Join(faults...)
}

func (c *Config) validateAPI() error {
	var faults []error
	if c.Organization != "" && c.Enterprise != "" {
		faults = append(faults, errors.New("organization, enterprise: an enterprise's log has those of its organisations; leave out one"))
	}
	for key, name := range map[string]string{"organization": c.Organization, "enterprise": c.Enterprise} {
		if name != "" && !login.MatchString(name) {
			faults = append(faults, fmt.Errorf("%s: %q is no name such as acme", key, name))
		}
	}
	if c.Every != 0 && c.Every < leastEvery {
		faults = append(faults, fmt.Errorf("every: %v is less than %v, and GitHub takes 1,750 questions an hour", c.Every, leastEvery))
	}
	return errors.Join(append(faults, api.ValidateBase(c.API))...)
}

// Resolve implements [ingest.Kind].
func (c *Config) Resolve(path func(string) string) { c.TokenFile = path(c.TokenFile) }

// lateness is how late an entry may come: GitHub promises nothing, and Git events
// come later than others.
const lateness = 10 * time.Minute

// Defaults implements [ingest.Kind].
func (c *Config) Defaults() ingest.Source {
	return ingest.Source{Product: github.Product, Service: github.ServiceAudit, Lateness: lateness}
}

// URLPath implements [ingest.Kind].
func (c *Config) URLPath() string { return c.Path }

// Open implements [ingest.Kind].
func (c *Config) Open(in ingest.Intake) (ingest.Running, error) {
	switch {
	case c.byObjects():
		r, err := c.objects(in)
		if err != nil {
			return ingest.Running{}, err
		}
		return ingest.Running{Run: r.Run}, nil
	case c.byAPI():
		l, err := c.log(in)
		if err != nil {
			return ingest.Running{}, err
		}
		return ingest.Running{Run: l.run}, nil
	}
	token, err := ingest.ReadSecret(c.TokenFile)
	if err != nil {
		return ingest.Running{}, err
	}
	return ingest.Running{Handler: newCollector(in, token), Below: true}, nil
}

// Backfill implements [ingest.Backfiller].
func (c *Config) Backfill(ctx context.Context, in ingest.Intake, p ingest.Period, progress func(ingest.Progress)) error {
	switch {
	case c.byAPI():
		l, err := c.log(in)
		if err != nil {
			return err
		}
		return l.backfill(ctx, p, progress)
	case c.Bucket != "":
		return c.backfillObjects(ctx, in, p, progress)
	case c.Queue != "":
		return errors.New("a queue tells what is new only: name the bucket, too")
	}
	return errors.New("GitHub posts what is new only: to have the past, configure a source with organization or enterprise and a token of the API")
}
