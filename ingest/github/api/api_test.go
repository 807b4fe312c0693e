package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTheNextPageIsTakenFromItsLink(t *testing.T) {
	for header, want := range map[string]string{
		`<https://api.github.com/orgs/a/hooks/1/deliveries?per_page=100&cursor=v1_42>; rel="next"`:             "cursor=v1_42&per_page=100",
		`<https://h/x?page=1>; rel="prev", <https://h/x?page=3>; rel="next", <https://h/x?page=9>; rel="last"`: "page=3",
		`<https://elsewhere.example.com/x?phrase=created:%3E=2026,b&after=MS4%3D>; rel="next"`:                 "after=MS4%3D&phrase=created%3A%3E%3D2026%2Cb",
		`<https://h/x?page=1>; rel="first"`: "", ``: "", `<`: "", `<https://h/x>; rel="next"`: "", `<:%>; rel="next"`: "",
	} {
		if got := next([]string{header}).Encode(); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

func TestATokenIsNotTakenToAnotherHost(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked with %q", r.Header.Get("Authorization"))
	}))
	defer other.Close()
	home := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/renamed":
			http.Redirect(w, r, "/home", http.StatusMovedPermanently)
		case "/home":
			_, _ = w.Write([]byte(r.Header.Get("Authorization")))
		default:
			http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
		}
	}))
	defer home.Close()
	c := New(home.URL+"/", func() (string, error) { return "token", nil }, time.Now)
	if _, err := c.Get(t.Context(), "/away", nil); err == nil || !strings.Contains(err.Error(), "another host") {
		t.Errorf("got %v", err)
	}
	if p, err := c.Get(t.Context(), "/renamed", url.Values{"a": {"b"}}); err != nil || string(p.Body) != "Bearer token" {
		t.Errorf("a renamed organisation: %q %v", p.Body, err)
	}
	if _, err := c.Get(t.Context(), "/loop", nil); err == nil {
		t.Error("it is followed for ever")
	}
}

func TestOnlyAKeyOfAnAppIsTaken(t *testing.T) {
	for text, want := range map[string]string{
		"hello": "no PEM file",
		"-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n":                                                     "no private key",
		"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n": "keys are RSA",
	} {
		if _, err := parseKey([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}

func FuzzLink(f *testing.F) {
	f.Add(`<https://h/x?page=1>; rel="prev", <https://h/x?page=3>; rel="next"`)
	f.Add(`<<>>; rel="next"`)
	f.Fuzz(func(_ *testing.T, header string) { next([]string{header}) })
}
