package ingest

import "errors"

// Endpoint is where a source is received that shows a bearer token.
type Endpoint struct {
	Path      string `yaml:"path"`       // of the URL, such as /approvals
	TokenFile string `yaml:"token-file"` // holds the token
}

// Validate implements [Kind].
func (e *Endpoint) Validate() error {
	return errors.Join(ValidatePath(e.Path), ValidateSecret("token-file", e.TokenFile))
}

// Resolve implements [Kind].
func (e *Endpoint) Resolve(path func(string) string) { e.TokenFile = path(e.TokenFile) }

// URLPath implements [Kind].
func (e *Endpoint) URLPath() string { return e.Path }

// Receive returns a source that receives deliveries of up to maxBody bytes there.
func (e *Endpoint) Receive(in Intake, maxBody int64, parse ParseFunc) (Running, error) {
	token, err := ReadSecret(e.TokenFile)
	if err != nil {
		return Running{}, err
	}
	return Running{Handler: &Receiver{Intake: in, MaxBody: maxBody, Knows: Bearer(token), Parse: parse}}, nil
}
