package reconcile

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/github/api"
)

// Config names a webhook, and who may ask for its deliveries: the hook of an
// organisation or a repository with a token, or that of a GitHub App with the
// App's key.
type Config struct {
	Organization string `yaml:"organization"`
	Repository   string `yaml:"repository"` // owner/name
	HookID       int64  `yaml:"hook-id"`
	TokenFile    string `yaml:"token-file"` // of an organisation's or repository's hook

	AppID   string `yaml:"app-id"`   // of the App, or of its client
	KeyFile string `yaml:"key-file"` // holds the App's private key

	API   string        `yaml:"api"`   // default: that of github.com
	Every time.Duration `yaml:"every"` // default 10m
}

const (
	defaultEvery = 10 * time.Minute
	// leastEvery keeps us far from GitHub's limits per hour.
	leastEvery = time.Minute
	// mostEvery leaves time to ask for what is missing before an hour is closed.
	mostEvery = time.Hour
)

var (
	// login is what an organisation or an owner may be called, and repository a
	// repository, such as .github; neither can be a step in a path.
	login      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)
	repository = regexp.MustCompile(`^\.?[A-Za-z0-9_-][A-Za-z0-9._-]{0,98}$`)
)

// Validate says all that is wrong.
func (c *Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("reconcile: "+format, args...)) }
	set := 0
	for _, s := range []string{c.Organization, c.Repository, c.AppID} {
		if s != "" {
			set++
		}
	}
	if set != 1 {
		fault("exactly one of organization, repository, app-id says whose hook it is")
	}
	if c.Organization != "" && !login.MatchString(c.Organization) {
		fault("organization: %q is no organisation's name, such as acme", c.Organization)
	}
	if owner, name, _ := strings.Cut(c.Repository, "/"); c.Repository != "" && (!login.MatchString(owner) || !repository.MatchString(name)) {
		fault("repository: %q is not of the form owner/name", c.Repository)
	}
	if c.AppID != "" {
		if c.KeyFile == "" {
			fault("key-file is missing: name the file that holds the App's private key")
		}
		if c.HookID != 0 || c.TokenFile != "" {
			fault("an App has one hook, which is asked about with the App's key: leave out hook-id and token-file")
		}
	} else {
		if c.HookID <= 0 {
			fault("hook-id is missing: it is the number at the end of the hook's address in GitHub's settings")
		}
		if c.TokenFile == "" {
			fault("token-file is missing: name the file that holds a token which may see and redeliver the hook's deliveries")
		}
		if c.KeyFile != "" {
			fault("key-file goes with app-id")
		}
	}
	if c.Every != 0 && (c.Every < leastEvery || c.Every > mostEvery) {
		fault("every: %v is not between %v and %v", c.Every, leastEvery, mostEvery)
	}
	if err := api.ValidateBase(c.API); err != nil {
		fault("%w", err)
	}
	return errors.Join(faults...)
}

// Resolve makes the paths of files independent of where the program was started.
func (c *Config) Resolve(path func(string) string) {
	c.TokenFile, c.KeyFile = path(c.TokenFile), path(c.KeyFile)
}

// hook is where the API has the hook.
func (c *Config) hook() string {
	switch {
	case c.AppID != "":
		return "/app/hook"
	case c.Organization != "":
		return fmt.Sprintf("/orgs/%s/hooks/%d", url.PathEscape(c.Organization), c.HookID)
	}
	owner, name, _ := strings.Cut(c.Repository, "/")
	return fmt.Sprintf("/repos/%s/%s/hooks/%d", url.PathEscape(owner), url.PathEscape(name), c.HookID)
}

// part names the hook in proofs.
func (c *Config) part() string {
	if c.AppID != "" {
		return "app/" + c.AppID
	}
	return fmt.Sprintf("hook/%d", c.HookID)
}

// client returns what asks the API about the hook.
func (c *Config) client(in ingest.Intake) (*api.Client, error) {
	var credential api.Credential
	var err error
	if c.AppID != "" {
		credential, err = api.App(c.AppID, c.KeyFile, in.Now)
	} else {
		credential, err = api.Token(c.TokenFile)
	}
	if err != nil {
		return nil, fmt.Errorf("reconcile: %w", err)
	}
	return api.New(c.API, credential, in.Now), nil
}
