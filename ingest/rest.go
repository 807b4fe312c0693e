package ingest

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ValidateURL says whether a credential can be sent to a URL of the configuration:
// by TLS, but to this machine.
func ValidateURL(key, text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return fmt.Errorf("%s: %q is no URL, such as https://…", key, text)
	case u.User != nil:
		return fmt.Errorf("%s: it holds a user's name, and credentials do not belong there", key)
	case u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("%s: %q goes on behind its path; leave that out", key, text)
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "http" && u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%s: %q is not encrypted; write https://, since http is for this machine only", key, text)
	}
	return nil
}

// longestWait bounds for how long an API can send us away: limits are per hour.
const longestWait = 2 * time.Hour

// BoundWait bounds for how long an API wants to be left alone.
func BoundWait(d time.Duration) time.Duration { return min(max(d, time.Second), longestWait) }

// RetryAfter reads the header Retry-After (RFC 9110), in seconds or a date: for how
// long to wait, within bounds, and whether it says so.
func RetryAfter(h http.Header, now time.Time) (time.Duration, bool) {
	after := h.Get("Retry-After")
	if s, err := strconv.ParseInt(after, 10, 32); err == nil {
		return BoundWait(time.Duration(s) * time.Second), true
	}
	if t, err := http.ParseTime(after); err == nil {
		return BoundWait(t.Sub(now)), true
	}
	return 0, false
}

// NextPage returns the query of the next page from Link headers (RFC 8288), or nil.
//
//	<https://api.github.com/orgs/acme/hooks/1/deliveries?per_page=100&cursor=v1_42>; rel="next"
//
// Of the address only the query is taken: the same path of the same host is asked
// again, wherever the header may point.
func NextPage(h http.Header) url.Values {
	for rest := strings.Join(h.Values("Link"), ","); ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return nil
		}
		address, params, ok := strings.Cut(after, ">")
		if !ok {
			return nil
		}
		own, _, _ := strings.Cut(params, "<")
		rest = params
		if !strings.Contains(own, `rel="next"`) {
			continue
		}
		u, err := url.Parse(address)
		if err != nil {
			return nil
		}
		if q := u.Query(); len(q) > 0 {
			return q
		}
		return nil
	}
}
