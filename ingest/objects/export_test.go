package objects

import "time"

// Hurry makes a reader wait no longer than a test does.
func (r *Reader) Hurry(visibility, retry time.Duration) {
	r.visibility, r.firstRetry = visibility, retry
}

// Announces returns what a message announces, as bucket and key.
func Announces(body []byte) (keys []string, test bool, event string, err error) {
	n, err := parseNotice(body)
	for _, p := range n.objects {
		keys = append(keys, p.bucket+" "+p.key)
	}
	if len(keys) == 0 && !n.test && err == nil {
		event = n.detailType + string(n.detail)
	}
	return keys, n.test, event, err
}
