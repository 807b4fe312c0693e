package githubtest

import (
	"net/http"
	"strconv"
	"time"
)

// Status answers with a status and GitHub's words for it.
func Status(code int, message string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { refuse(w, code, message) }
}

// HourlyLimit says that the requests of the hour are used up, until a time.
func HourlyLimit(reset time.Time) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ratelimit-Limit", "5000")
		w.Header().Set("X-Ratelimit-Remaining", "0")
		w.Header().Set("X-Ratelimit-Reset", strconv.FormatInt(reset.Unix(), 10))
		refuse(w, http.StatusForbidden, "API rate limit exceeded for user ID 1.")
	}
}

// SecondaryLimit says that there were too many requests at once; after is the value
// of Retry-After, if it is not empty.
func SecondaryLimit(status int, after string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if after != "" {
			w.Header().Set("Retry-After", after)
		}
		refuse(w, status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	}
}

// HangUp begins an answer, and closes the connection.
func HangUp(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = w.Write([]byte(`[{"id":1,`))
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}

// Hang answers nothing until the client gives up.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
