package api

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sidedoor/ingest"
)

// unsaid is for how long GitHub wants to be left alone when it does not say.
const unsaid = time.Minute

// refused is the error of an answer that is no success. If GitHub says when to come
// again, or that there were too many requests, it holds a
// [backoff.RetryAfterError].
func refused(path string, resp *http.Response, now time.Time) error {
	e := &Error{Path: path, Status: resp.StatusCode, Message: message(resp.Body)}
	wait, limited := waitFor(resp, e.Message, now)
	if !limited {
		return e
	}
	return fmt.Errorf("%w (%w)", e, &backoff.RetryAfterError{Duration: wait})
}

// waitFor is for how long to wait after an answer, if it says so. The limit per
// hour is told by what remains of it and when it begins anew, secondary limits by
// Retry-After, or by words alone.
func waitFor(resp *http.Response, message string, now time.Time) (time.Duration, bool) {
	h, status := resp.Header, resp.StatusCode
	if status != http.StatusForbidden && status != http.StatusTooManyRequests && status < 500 {
		return 0, false
	}
	if after, said := ingest.RetryAfter(h, now); said {
		return after, true
	}
	if h.Get("X-Ratelimit-Remaining") == "0" {
		if s, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
			return ingest.BoundWait(time.Unix(s, 0).Sub(now) + time.Second), true
		}
		return unsaid, true
	}
	return unsaid, status == http.StatusTooManyRequests || (status == http.StatusForbidden && strings.Contains(strings.ToLower(message), "rate limit"))
}
