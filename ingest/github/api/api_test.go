package api

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

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
