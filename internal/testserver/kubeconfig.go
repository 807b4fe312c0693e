package testserver

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// kubeconfig is one cluster and one user, with nothing kept in other files.
const kubeconfig = `apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: %q, certificate-authority-data: %s}}]
users: [{name: test, user: {%s}}]
`

func writeKubeconfig(t testing.TB, url string, ca []byte, user string) string {
	t.Helper()
	return writeFile(t, filepath.Join(t.TempDir(), "kubeconfig"),
		fmt.Appendf(nil, kubeconfig, url, base64.StdEncoding.EncodeToString(ca), user))
}

// AuditWebhook writes the file that Options.AuditWebhookKubeconfig names: where
// the API server sends its audit events, the certificate it trusts there, and
// the token it shows. Over plain http it would show none.
func AuditWebhook(t testing.TB, url string, ca []byte, token string) string {
	t.Helper()
	return writeKubeconfig(t, url, ca, fmt.Sprintf("token: %q", token))
}

// KubeconfigFor writes a kubeconfig for anybody, and returns its path: the API
// server believes the name and the groups. Rights are given by RBAC alone, so
// a user without "system:masters" needs a binding first.
func (s *APIServer) KubeconfigFor(user string, groups ...string) string {
	s.t.Helper()
	p := s.authority.client(user, groups...)
	return writeKubeconfig(s.t, s.URL, s.CA, fmt.Sprintf("client-certificate-data: %s, client-key-data: %s",
		base64.StdEncoding.EncodeToString(p.cert), base64.StdEncoding.EncodeToString(p.key)))
}

func writeFile(t testing.TB, path string, content []byte) string {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
