package slack

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 256

// answer is a transport that remembers the answer: slack-go keeps neither the
// reason that Slack gives nor a Retry-After that is a date.
type answer struct {
	next   http.RoundTripper
	status int
	header http.Header
	body   []byte
}

// RoundTrip implements [http.RoundTripper].
func (a *answer) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	// A body that is cut off is good enough: the status is what counts.
	a.body, _ = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	a.status, a.header = resp.StatusCode, resp.Header
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(a.body))
	return resp, nil
}

// slackReason is how Slack says why: no_service, invalid_payload,
// channel_is_archived. Anything else may be a page that quotes the URL.
var slackReason = regexp.MustCompile(`^[a-z]+(_[a-z]+)+$`)

func (a *answer) reason() string {
	text := bytes.TrimSpace(a.body)
	if len(text) > 64 || !slackReason.Match(text) {
		return ""
	}
	return ", " + string(text)
}
