// Package api asks GitHub's REST API.
//
// It is our own client and not a library, since entries of the audit log are kept
// byte for byte, since what GitHub answers is bounded, and since it is four calls.
//
// Sources: GitHub documentation, "Getting started with the REST API", "Using
// pagination in the REST API", "Rate limits for the REST API", "Generating a JSON
// Web Token (JWT) for a GitHub App".
package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sidedoor/ingest"
)

// Public is where the API of github.com is.
const Public = "https://api.github.com"

// version is the version of the API that this client was written for.
const version = "2022-11-28"

const (
	maxPage   = 32 << 20 // a page of 100 entries has some 100 KiB
	maxReason = 64 << 10
	// patience is for how long one answer is waited.
	patience = 30 * time.Second
)

// Client asks one API as somebody.
type Client struct {
	base       string
	credential Credential
	now        func() time.Time
	http       *http.Client
}

// Credential returns the bearer token of a request.
type Credential func() (token string, err error)

// New returns a client of the API at base, or of the public one if it is empty.
func New(base string, credential Credential, now func() time.Time) *Client {
	if base == "" {
		base = Public
	}
	return &Client{
		base: strings.TrimSuffix(base, "/"), credential: credential, now: now,
		http: &http.Client{Timeout: patience, CheckRedirect: stayHome},
	}
}

// ValidateBase says whether a token can be sent to base.
func ValidateBase(base string) error {
	if base == "" {
		return nil
	}
	return ingest.ValidateURL("api", base)
}

// stayHome follows redirects, such as those of a renamed organisation, but not to
// another host.
func stayHome(req *http.Request, via []*http.Request) error {
	if first := via[0].URL; req.URL.Host != first.Host || req.URL.Scheme != first.Scheme {
		return fmt.Errorf("the API sends us to another host, %s", req.URL.Host)
	}
	if len(via) > 5 {
		return errors.New("the API sends us from one place to another")
	}
	return nil
}

// Page is one answer.
type Page struct {
	Body []byte
	Next url.Values // query of the next page; nil: there is none
}

// Get fetches one page.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (Page, error) {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	resp, err := c.do(ctx, http.MethodGet, path)
	if err != nil {
		return Page{}, err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage+1))
	if err != nil {
		return Page{}, fmt.Errorf("github %s: the answer breaks off: %w", path, err)
	}
	if len(body) > maxPage {
		return Page{}, fmt.Errorf("github %s: the answer is larger than %d bytes", path, maxPage)
	}
	return Page{Body: body, Next: ingest.NextPage(resp.Header)}, nil
}

// Post asks for something to be done that takes no words.
func (c *Client) Post(ctx context.Context, path string) error {
	resp, err := c.do(ctx, http.MethodPost, path)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// do sends a request. Whatever is no success is an error.
func (c *Client) do(ctx context.Context, method, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, nil)
	if err != nil {
		return nil, fmt.Errorf("github %s: %w", path, err)
	}
	token, err := c.credential()
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/vnd.github+json")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("User-Agent", "sidedoor")
	req.Header.Set("X-Github-Api-Version", version)
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("github %s: %w", path, err)
	}
	if resp.StatusCode/100 == 2 {
		return resp, nil
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	return nil, refused(path, resp, c.now())
}

// Error is what the API answers instead of what it was asked for.
type Error struct {
	Path    string
	Status  int
	Message string // GitHub's own
}

func (e *Error) Error() string {
	return fmt.Sprintf("github %s: status %d: %s%s", e.Path, e.Status, e.Message, remedy(e.Status))
}

// remedy says what can be done about a status.
func remedy(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "; is the token or key the right one, and not expired?"
	case http.StatusForbidden, http.StatusNotFound:
		return "; GitHub says so, too, if the token may not see it: docs/sources.md names the scopes that it needs"
	}
	return ""
}

// message is what GitHub says of an error, cut to what fits in a line.
func message(body io.Reader) string {
	var said struct {
		Message string `json:"message"`
	}
	raw, _ := io.ReadAll(io.LimitReader(body, maxReason)) // what came is enough
	if json.Unmarshal(raw, &said) != nil || said.Message == "" {
		return "no reason is given"
	}
	return fmt.Sprintf("%.200q", said.Message)
}
