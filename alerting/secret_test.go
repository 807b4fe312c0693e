package alerting

import (
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestHideTakesSecretsOutOfAnError(t *testing.T) {
	u, err := url.Parse("https://bob:hunter2@hooks.example/services/T0/B0/Xyz0123456789?token=t0ken")
	if err != nil {
		t.Fatal(err)
	}
	secrets := SecretsOf(u)
	for _, err := range []error{
		&url.Error{Op: "Post", URL: u.String(), Err: errors.New("connection refused")},
		errors.New("bad path /services/T0/B0/Xyz0123456789"),
		errors.New("no Xyz0123456789 here"),
		errors.New("query token=t0ken"),
		errors.New("user bob:hunter2, or hunter2 alone"),
	} {
		got := Hide(err, secrets...).Error()
		for _, secret := range []string{"Xyz0123456789", "hunter2", "t0ken"} {
			if strings.Contains(got, secret) {
				t.Errorf("%q tells %q", got, secret)
			}
		}
	}
	if got := Hide(&url.Error{Op: "Post", URL: u.String(), Err: os.ErrDeadlineExceeded}, secrets...); !errors.Is(got, os.ErrDeadlineExceeded) {
		t.Errorf("an error without a secret lost its cause: %v", got)
	}
}

func TestASecretIsReadWithoutTheSpaceAroundIt(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	for content, want := range map[string]string{"s3cret \r\n": "s3cret", "\n": "", strings.Repeat("x", maxSecret+1): ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSecret(path)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%.20q is read as %.20q, %v", content, got, err)
		}
	}
}

func TestOnlyEndpointsThatKeepASecretAreTaken(t *testing.T) {
	for s, ok := range map[string]bool{
		"https://hooks.example/x": true, "http://127.0.0.1:9/x": true, "http://localhost/x": true, "http://[::1]:9/x": true,
		"http://hooks.example/x": false, "https://": false, "/x": false, "ftp://localhost/x": false, "http://127.0.0.1.evil.example/": false, "https://a b/": false,
	} {
		if _, err := ParseEndpoint(s); (err == nil) != ok {
			t.Errorf("%s: %v", s, err)
		}
	}
}
