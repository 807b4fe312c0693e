package alerting

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
)

// maxSecret bounds a file that holds a secret, in bytes.
const maxSecret = 8 << 10

// ReadSecret returns the content of a file that holds one secret, without the
// white space around it.
func ReadSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it was only read
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	if b = bytes.TrimSpace(b); len(b) == 0 || len(b) > maxSecret {
		return "", fmt.Errorf("%s: holds %d bytes; a secret has 1 to %d", path, len(b), maxSecret)
	}
	return string(b), nil
}

// ParseEndpoint reads the URL of a receiver. It has to be https, or http to
// this machine. The error never holds the URL.
func ParseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" {
		return nil, errors.New("is not a URL such as https://alerts.example/hook") // the cause quotes the URL
	}
	ip := net.ParseIP(u.Hostname())
	local := u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, fmt.Errorf("has scheme %q; only https, and http to this machine, keep its secret", u.Scheme)
	}
	return u, nil
}

// Hide returns an error of an HTTP client without the URL that it quotes, and
// without the secrets.
func Hide(err error, secrets ...string) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	text := err.Error()
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[secret]")
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text) // the cause is hidden on purpose
}

// RefuseRedirect is for [http.Client.CheckRedirect]: the redirect itself
// becomes the answer. Else a receiver could send the monitor's alerts, and a
// secret in the URL, to anybody.
func RefuseRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// SecretsOf returns the parts of a receiver's URL that are, or may hold, its
// secret: all but scheme and host.
func SecretsOf(u *url.URL) []string {
	secrets := []string{u.String(), u.RequestURI(), u.RawQuery, u.Path}
	if u.User != nil {
		password, _ := u.User.Password()
		secrets = append(secrets, u.User.String(), password)
	}
	for part := range strings.SplitSeq(u.Path, "/") {
		if len(part) >= 8 { // shorter ones are words such as "hook", and hide everything
			secrets = append(secrets, part)
		}
	}
	return slices.DeleteFunc(secrets, func(s string) bool { return s == "/" })
}
