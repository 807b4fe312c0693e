// Package githubtest is a GitHub for tests: it posts webhooks as GitHub does, and
// answers those parts of its REST API that sources ask for, as GitHub's
// documentation describes them. What it is asked has to be right: a path, header or
// cursor that GitHub would not take is a fault of the test.
package githubtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Token is what the API wants.
const Token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"

// Server is one GitHub with the organisation "acme", its repository "acme/shop", and
// an App.
type Server struct {
	*httptest.Server
	// Now is its clock.
	Now func() time.Time
	// Hook is where webhooks are posted to, and Secret what signs them.
	Hook   string
	Secret string

	t       testing.TB
	posting sync.WaitGroup
	mu      sync.Mutex
	// faults are what the next requests to the API get instead of an answer.
	faults   []http.HandlerFunc
	attempts []attempt // the oldest first
	entries  []entry
	asked    []string // method and path of each request that was answered
	events   int
	appKey   []byte
}

// New starts a server. It ends with the test.
func New(t testing.TB, now func() time.Time) *Server {
	t.Helper()
	s := &Server{Now: now, t: t, Secret: "It's a Secret to Everybody"}
	mux := http.NewServeMux()
	for _, hook := range []string{"/orgs/acme/hooks/7", "/repos/acme/shop/hooks/7", "/app/hook"} {
		mux.HandleFunc("GET "+hook+"/deliveries", s.listDeliveries)
		mux.HandleFunc("POST "+hook+"/deliveries/{id}/attempts", s.redeliver)
	}
	for _, log := range []string{"/orgs/acme/audit-log", "/enterprises/acme-inc/audit-log"} {
		mux.HandleFunc("GET "+log, s.listEntries)
	}
	s.Server = httptest.NewServer(s.checked(mux))
	t.Cleanup(func() { s.posting.Wait(); s.Close() })
	return s
}

// Fail has the next requests to the API go wrong, one after the other.
func (s *Server) Fail(how ...http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, how...)
}

// Asked returns what the API was asked for.
func (s *Server) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

// checked looks at what every request has to have.
func (s *Server) checked(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v := r.Header.Get("X-Github-Api-Version"); v != "2022-11-28" {
			s.t.Errorf("%s: the version of the API is %q", r.URL, v)
		}
		if r.Header.Get("Accept") != "application/vnd.github+json" || r.Header.Get("User-Agent") == "" {
			s.t.Errorf("%s: headers %v", r.URL, r.Header)
		}
		s.mu.Lock()
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
		var fault http.HandlerFunc
		if len(s.faults) > 0 {
			fault, s.faults = s.faults[0], s.faults[1:]
		}
		s.mu.Unlock()
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		switch {
		case fault != nil:
			fault(w, r)
		case !bearer, strings.HasPrefix(r.URL.Path, "/app/") && !s.isApp(token), !strings.HasPrefix(r.URL.Path, "/app/") && token != Token:
			refuse(w, http.StatusUnauthorized, "Bad credentials")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// refuse answers as GitHub does when something is wrong.
func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message, "documentation_url": "https://docs.github.com/rest"})
}
