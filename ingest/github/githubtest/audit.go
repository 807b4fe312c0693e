package githubtest

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// entry is an entry of the audit log, and since when it can be seen.
type entry struct {
	at, visible time.Time
	raw         string
}

// Log enters what occurred into the audit log, to be seen from a time on.
func (s *Server) Log(at, visible time.Time, raw string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, entry{at, visible, raw})
	slices.SortStableFunc(s.entries, func(a, b entry) int { return a.at.Compare(b.at) })
}

// listEntries answers with the oldest entries first.
func (s *Server) listEntries(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	size, err := strconv.Atoi(q.Get("per_page"))
	if err != nil || size < 1 || size > 100 || q.Get("order") != "asc" || q.Get("include") != "all" {
		s.t.Errorf("%s: it has to have per_page, order and include", r.URL)
		size = 30
	}
	from, to, err := period(q.Get("phrase"))
	if err != nil {
		s.t.Errorf("%s: %v", r.URL, err)
	}
	offset := 0
	if c := q.Get("after"); c != "" {
		b, bad := base64.StdEncoding.DecodeString(c)
		if offset, err = strconv.Atoi(string(b)); err != nil || bad != nil {
			s.t.Errorf("%s: no such cursor was given", r.URL)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, e := range s.entries {
		if !e.at.Before(from) && (to.IsZero() || !e.at.After(to)) && !e.visible.After(s.Now()) {
			all = append(all, e.raw)
		}
	}
	page := all[min(offset, len(all)):min(offset+size, len(all))]
	if offset+size < len(all) {
		next := url.Values{"after": {base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(offset + size)))}, "before": {""}}
		for _, k := range []string{"per_page", "order", "include", "phrase"} {
			next.Set(k, q.Get(k))
		}
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next"`, s.URL, r.URL.Path, next.Encode()))
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write([]byte("[" + strings.Join(page, ",") + "]"))
}

// period reads created:>=FROM and created:FROM..TO.
func period(phrase string) (from, to time.Time, err error) {
	text, ok := strings.CutPrefix(phrase, "created:")
	if !ok {
		return from, to, fmt.Errorf("phrase %q says no time", phrase)
	}
	begin, end, closed := strings.Cut(text, "..")
	if !closed {
		if begin, ok = strings.CutPrefix(text, ">="); !ok {
			return from, to, fmt.Errorf("phrase %q says no time", phrase)
		}
	} else if to, err = time.Parse(time.RFC3339, end); err != nil {
		return from, to, err
	}
	from, err = time.Parse(time.RFC3339, begin)
	return from, to, err
}
