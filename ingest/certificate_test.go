package ingest_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
)

// known asks a TLS server, as the program's own is configured, whether it knows
// a client.
func known(t *testing.T, knows func(*http.Request) error, certificates ...tls.Certificate) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := knows(r); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	}))
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	defer server.Close()
	client := server.Client()
	transport, ok := client.Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	transport.TLSClientConfig.Certificates = certificates
	resp, err := client.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b := make([]byte, 1000)
	n, _ := resp.Body.Read(b)
	return string(b[:n])
}

func TestAClientIsKnownByACertificateOfTheSourcesOwnAuthority(t *testing.T) {
	ours, theirs := ingesttest.NewAuthority(t, "ours"), ingesttest.NewAuthority(t, "theirs")
	between := ours.Intermediate(t, "between")
	webhook := ours.Client(t, "webhook")
	for _, c := range []struct {
		name  string
		names []string
		shown []tls.Certificate
		want  string // in the refusal; empty: none
	}{
		{"any name", nil, []tls.Certificate{webhook}, ""},
		{"its name", []string{"other", "webhook"}, []tls.Certificate{webhook}, ""},
		{"another name", []string{"other"}, []tls.Certificate{webhook}, `common name "webhook" is none of other`},
		{"no certificate", nil, nil, "is missing"},
		{"another authority", []string{"webhook"}, []tls.Certificate{theirs.Client(t, "webhook")}, "not accepted"},
		{"an intermediate that it brings along", nil, []tls.Certificate{between.Client(t, "webhook")}, ""},
		{"an intermediate that it does not bring along", nil, []tls.Certificate{between.ClientAlone(t, "webhook")}, "not accepted"},
		{"a certificate for servers", nil, []tls.Certificate{ours.Server(t, "webhook")}, "not accepted"},
		{"an expired one", nil, []tls.Certificate{ours.Expired(t, "webhook")}, "expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := known(t, ingest.ClientCertificate(ours.Pool(), c.names), c.shown...)
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestARequestOutsideOfTLSShowsNoCertificate(t *testing.T) {
	if err := ingest.ClientCertificate(x509.NewCertPool(), nil)(httptest.NewRequest(http.MethodPost, "/", nil)); err == nil {
		t.Error("it is known")
	}
}

func TestAFileWithoutCertificatesIsNoAuthority(t *testing.T) {
	path := ingesttest.Secret(t, "not PEM")
	if _, err := ingest.ReadAuthorities(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v", err)
	}
	if _, err := ingest.ReadAuthorities("/absent"); err == nil {
		t.Error("an absent file: no error")
	}
}

func TestATokenThatIsRotatedCountsWithoutARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	version := time.Now()
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		version = version.Add(time.Second)
		if err := os.Chtimes(path, version, version); err != nil {
			t.Fatal(err)
		}
	}
	const first, second = "first-0123456789abcdef", "second-0123456789abcdef"
	write(first)
	knows, err := ingest.Renewed(ingesttest.Log(), []string{path}, func() (func(*http.Request) error, error) {
		token, err := ingest.ReadSecret(path)
		return ingest.Bearer(token), err
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(when, token string, want bool) {
		t.Helper()
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		if got := knows(req) == nil; got != want {
			t.Errorf("%s, %s: known %v", when, token, got)
		}
	}
	check("at first", first, true)
	write("short")
	check("while the file is no secret", first, true)
	write(second)
	check("rotated", first, false)
	check("rotated", second, true)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	check("gone", second, true)
}

// A permission that is mended changes neither the size nor the time of a file.
func TestASecretThatCouldNotBeReadIsTriedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	readable, current := true, "first-0123456789abcdef"
	knows, err := ingest.Renewed(ingesttest.Log(), []string{path}, func() (func(*http.Request) error, error) {
		if !readable {
			return nil, os.ErrPermission
		}
		return ingest.Bearer(current), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	known := func(token string) bool {
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		return knows(req) == nil
	}
	if err := os.WriteFile(path, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	leaked := current
	readable, current = false, "second-0123456789abcdef"
	if !known(leaked) {
		t.Error("the old one does not count while the new one cannot be read")
	}
	readable = true
	if known(leaked) || !known(current) {
		t.Error("the old one counts on")
	}
}
