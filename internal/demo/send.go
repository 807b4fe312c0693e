package demo

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// sender hands deliveries over as their sources would.
type sender struct{ to Endpoints }

func newSender(to Endpoints) *sender {
	if to.Client == nil {
		to.Client = http.DefaultClient
	}
	return &sender{to}
}

func (s *sender) send(ctx context.Context, d Delivery) error {
	switch d.Source {
	case SourceKubernetes:
		return s.post(ctx, s.to.KubernetesURL, d.Body, http.Header{
			"Content-Type": {"application/json"}, "Authorization": {"Bearer " + s.to.KubernetesToken},
		})
	case SourceGitHub:
		return s.post(ctx, s.to.GitHubURL, d.Body, http.Header{
			"Content-Type": {"application/json"}, "User-Agent": {"GitHub-Hookshot/demo"},
			"X-Github-Event": {d.Kind}, "X-Github-Delivery": {d.GUID},
			"X-Hub-Signature-256": {signature(s.to.GitHubSecret, d.Body)},
		})
	case SourceApprovals:
		return s.post(ctx, s.to.ApprovalsURL, d.Body, http.Header{
			"Content-Type":  {"application/cloudevents+json; charset=UTF-8"},
			"Authorization": {"Bearer " + s.to.ApprovalsToken},
		})
	case SourceCloudTrail:
		return s.file(d)
	}
	return fmt.Errorf("there is no source %q", d.Source)
}

// signature is what GitHub sends as X-Hub-Signature-256.
func signature(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

// maxAnswer bounds what is shown of an answer that refuses a delivery.
const maxAnswer = 512

func (s *sender) post(ctx context.Context, url string, body []byte, header http.Header) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header = header
	resp, err := s.to.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // it was only read
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s: reading the answer: %w", url, err)
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %s: %s", url, resp.Status, bytes.TrimSpace(answer))
	}
	return nil
}

// file puts a CloudTrail file into the folder. It appears there complete: it
// is written under another name and then renamed.
func (s *sender) file(d Delivery) error {
	path := filepath.Join(s.to.CloudTrailFolder, filepath.FromSlash(d.Name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(d.Body); err != nil {
		return err
	}
	if err := zip.Close(); err != nil {
		return err
	}
	half := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".part")
	if err := os.WriteFile(half, packed.Bytes(), 0o644); err != nil {
		return err
	}
	return os.Rename(half, path)
}
