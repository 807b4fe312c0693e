package approvals

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"sidedoor/ingest"
)

// ServiceNow is a REST message that a business rule sends for a change, with a
// bearer token or a name and password.
type ServiceNow struct {
	Path      string `yaml:"path"`       // of the URL, such as /servicenow
	TokenFile string `yaml:"token-file"` // holds the bearer token
	BasicFile string `yaml:"basic-file"` // holds name:password
}

// Validate implements [ingest.Kind].
func (c *ServiceNow) Validate() error {
	err := ingest.ValidatePath(c.Path)
	if (c.TokenFile == "") == (c.BasicFile == "") {
		err = errors.Join(err, errors.New("it has to have either token-file, with a bearer token, or basic-file, with name:password"))
	}
	return err
}

// Resolve implements [ingest.Kind].
func (c *ServiceNow) Resolve(path func(string) string) {
	c.TokenFile, c.BasicFile = path(c.TokenFile), path(c.BasicFile)
}

// URLPath implements [ingest.Kind].
func (c *ServiceNow) URLPath() string { return c.Path }

// Defaults implements [ingest.Kind].
func (c *ServiceNow) Defaults() ingest.Source { return Feeds["servicenow"].source() }

// Open implements [ingest.Kind].
func (c *ServiceNow) Open(in ingest.Intake) (ingest.Running, error) {
	if c.TokenFile != "" {
		token, err := ingest.ReadSecret(c.TokenFile)
		if err != nil {
			return ingest.Running{}, err
		}
		return ingest.Running{Handler: Feeds["servicenow"].receive(in, ingest.Bearer(token))}, nil
	}
	pair, err := ingest.ReadSecret(c.BasicFile)
	if err != nil {
		return ingest.Running{}, err
	}
	name, password, ok := strings.Cut(pair, ":")
	if !ok || name == "" || password == "" {
		return ingest.Running{}, fmt.Errorf("secret %s: it is not name:password", c.BasicFile)
	}
	return ingest.Running{Handler: Feeds["servicenow"].receive(in, basic(name, password))}, nil
}

// basic wants a name and password (RFC 7617).
func basic(name, password string) func(*http.Request) error {
	return func(r *http.Request) error {
		n, p, ok := r.BasicAuth()
		if !ok {
			return errors.New("the header Authorization: Basic is missing")
		}
		right := subtle.ConstantTimeCompare([]byte(n), []byte(name)) & subtle.ConstantTimeCompare([]byte(p), []byte(password))
		if right != 1 {
			return errors.New("the name or password is wrong")
		}
		return nil
	}
}

// Team is AWS TEAM's table of requests: an EventBridge Pipe posts its stream's
// records to an API destination that shows a bearer token.
type Team struct {
	ingest.Endpoint `yaml:",inline"`
}

// Defaults implements [ingest.Kind].
func (c *Team) Defaults() ingest.Source { return Feeds["team"].source() }

// Open implements [ingest.Kind].
func (c *Team) Open(in ingest.Intake) (ingest.Running, error) {
	return c.Receive(in, maxBody, Feeds["team"].parse)
}

// Teleport is what Teleport's event handler posts of the audit log, with a bearer
// token.
type Teleport struct {
	ingest.Endpoint `yaml:",inline"`
}

// Defaults implements [ingest.Kind].
func (c *Teleport) Defaults() ingest.Source { return Feeds["teleport"].source() }

// Open implements [ingest.Kind].
func (c *Teleport) Open(in ingest.Intake) (ingest.Running, error) {
	return c.Receive(in, maxBody, Feeds["teleport"].parse)
}
