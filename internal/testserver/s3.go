package testserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// S3Server is an S3 gateway over an empty folder, with versions, Object Lock
// and object metadata. It has no buckets yet. Buckets are addressed by path
// (UsePathStyle), since a loopback address has no sub-domains.
type S3Server struct {
	Endpoint  string // http://127.0.0.1:34567
	Region    string
	AccessKey string
	SecretKey string
}

// S3 starts a server that ends with the test.
func S3(t testing.TB) *S3Server {
	t.Helper()
	program := require(t, "versitygw")["versitygw"]
	s := &S3Server{Region: "eu-central-1", AccessKey: "test-" + rand.Text(), SecretKey: rand.Text()}
	dir := t.TempDir()
	folder := func(name string) string {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(p, 0o700); err != nil {
			t.Fatal(err)
		}
		return p
	}
	// The gateway refuses folders inside of its data: they would be buckets.
	// Metadata in a folder, not in extended attributes, which the file system
	// of a temporary folder need not have.
	posix := []string{"posix", "--versioning-dir", folder("versions"), "--sidecar", folder("metadata"), folder("data")}
	// A path nobody can guess tells our gateway from another on the same port.
	health := "/health-" + rand.Text()
	onFreePorts(t, 1, func(ports []string) (*process, error) {
		s.Endpoint = "http://127.0.0.1:" + ports[0]
		p := start(t, dir, program, append([]string{
			"--port", "127.0.0.1:" + ports[0], "--region", s.Region, "--health", health,
			"--access", s.AccessKey, "--secret", s.SecretKey, "--quiet",
		}, posix...)...)
		return p, p.await(func(ctx context.Context) error {
			return answers(ctx, http.DefaultClient, s.Endpoint+health)
		})
	})
	return s
}

// answers is an error unless a GET of the URL is answered with 200.
func answers(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // only read
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", url, resp.Status)
	}
	return nil
}
