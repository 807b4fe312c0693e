package alerting

import (
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// maxRetryAfter bounds what a receiver can ask for: a typing error of theirs
// must not silence a monitor for a year.
const maxRetryAfter = time.Hour

// CheckAnswer returns nil for a status of the 200s, and else an error of the
// kinds that [Channel] speaks of: 408, 429 and the 500s are worth another try,
// everything else, redirects included, is [ErrRejected].
func CheckAnswer(status int, h http.Header, now time.Time) error {
	switch {
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusRequestTimeout, status == http.StatusTooManyRequests, status >= 500:
		err := fmt.Errorf("answered %s", statusText(status))
		if after := retryAfter(h, now); after > 0 {
			return Throttled(err, after)
		}
		return err
	}
	return fmt.Errorf("%w: answered %s", ErrRejected, statusText(status))
}

// retryAfter reads the header Retry-After, RFC 9110, section 10.2.3: seconds
// or a date.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(v, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	if at, err := http.ParseTime(v); err == nil && at.After(now) {
		return min(at.Sub(now), maxRetryAfter)
	}
	return 0
}

func statusText(status int) string {
	if text := http.StatusText(status); text != "" {
		return strconv.Itoa(status) + " " + text
	}
	return strconv.Itoa(status)
}
