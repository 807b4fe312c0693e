package kubernetes_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sidedoor/event"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/kubernetes"
	"sidedoor/internal/testserver"
	"sidedoor/stream"
)

// everything is a policy that has the bodies of all that the tests do, and
// nothing of what the API server asks of itself.
const everything = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": [
  {"level": "None", "users": ["system:apiserver"]},
  {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*"]},
  {"level": "RequestResponse"}]}`

// listener is the source as the program serves it: over TLS, asking for a client
// certificate. It can be away for a while, on the same port.
type listener struct {
	t       *testing.T
	handler http.Handler
	cert    tls.Certificate
	addr    string
	server  *http.Server
	ended   chan error
}

func (l *listener) start() {
	l.t.Helper()
	if l.addr == "" {
		l.addr = "127.0.0.1:0"
	}
	inner, err := (&net.ListenConfig{}).Listen(l.t.Context(), "tcp", l.addr)
	if err != nil {
		l.t.Fatal(err)
	}
	l.addr = inner.Addr().String()
	l.server = &http.Server{Handler: l.handler, TLSConfig: &tls.Config{
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert, Certificates: []tls.Certificate{l.cert},
	}}
	l.ended = make(chan error, 1)
	go func() { l.ended <- l.server.ServeTLS(inner, "", "") }()
}

// stop breaks off every request.
func (l *listener) stop() {
	_ = l.server.Close() // a crash would not be tidier
	<-l.ended
}

// webhookConfig is the kubeconfig of a webhook that shows a certificate and a token.
func webhookConfig(t *testing.T, url string, server *ingesttest.Authority, client tls.Certificate, token string) string {
	t.Helper()
	ca, err := os.ReadFile(server.File(t))
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := ingesttest.Files(t, client)
	path := filepath.Join(t.TempDir(), "webhook.yaml")
	text := fmt.Sprintf(`{"apiVersion": "v1", "kind": "Config", "current-context": "c",
"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
"clusters": [{"name": "c", "cluster": {"server": %q, "certificate-authority-data": %q}}],
"users": [{"name": "u", "user": {"client-certificate": %q, "client-key": %q, "token": %q}}]}`,
		url, base64.StdEncoding.EncodeToString(ca), certFile, keyFile, token)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// caller makes requests of an API server.
type caller struct {
	t   *testing.T
	api *testserver.APIServer
}

func (c caller) do(method, path, body string, headers map[string]string, want int) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.api.URL+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	resp, err := c.api.Client().Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != want {
		c.t.Fatalf("%s %s: %s %s, %v", method, path, resp.Status, answer, err)
	}
}

func object(kind, name, more string) string {
	return fmt.Sprintf(`{"apiVersion":"v1","kind":%q,"metadata":{"name":%q}%s}`, kind, name, more)
}

// work does what an attacker would rather not have on record.
func (c caller) work() {
	c.t.Helper()
	in := "/api/v1/namespaces/payments"
	c.do(http.MethodPost, "/api/v1/namespaces", object("Namespace", "payments", ""), nil, 201)
	c.do(http.MethodPost, in+"/configmaps", object("ConfigMap", "settings", `,"data":{"a":"b"}`), nil, 201)
	c.do(http.MethodPost, in+"/secrets", object("Secret", "db", `,"stringData":{"p":"hunter2"}`), nil, 201)
	c.do(http.MethodGet, in+"/secrets/db", "", map[string]string{"Impersonate-User": "eve", "Impersonate-Group": "system:masters"}, 200)
	c.do(http.MethodGet, in+"/secrets", "", nil, 200)
	c.do(http.MethodPost, in+"/configmaps?fieldManager=kubectl-create", object("ConfigMap", "first", `,"data":{"a":"b"}`), map[string]string{"Audit-ID": "reused", "User-Agent": "kubectl/v1.37.2"}, 201)
	c.do(http.MethodPost, in+"/configmaps", object("ConfigMap", "second", ""), map[string]string{"Audit-ID": "reused"}, 201)
	c.do(http.MethodDelete, in+"/configmaps/nothing", "", nil, 404)
}

// away is how many requests there are while nobody listens.
const away = 60

func TestARealAPIServerIsSeenWholeByItsWebhookAndByItsLog(t *testing.T) {
	ours, serving := ingesttest.NewAuthority(t, "clusters"), ingesttest.NewAuthority(t, "sidedoor")
	config := &kubernetes.Config{
		Path: "/kubernetes/prod", ClientCAFile: ours.File(t), ClientNames: []string{"prod-apiserver"}, TokenFile: ingesttest.Secret(t, token),
	}
	s := openStream(t, t.TempDir())
	defer s.Close(context.WithoutCancel(t.Context()))
	running, err := config.Open(intakeOf(s, config))
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{t: t, handler: running.Handler, cert: serving.Server(t, "sidedoor")}
	l.start()
	defer func() { l.stop() }()
	api := testserver.KubeAPI(t, testserver.Options{
		AuditPolicy:            everything,
		AuditWebhookKubeconfig: webhookConfig(t, "https://"+l.addr+config.Path, serving, ours.Client(t, "prod-apiserver"), token),
		// Small files are rotated while the test goes on; retries come sooner than
		// after 10 s, and go on for long enough.
		Flags: []string{"--audit-log-maxsize=1", "--audit-log-compress", "--audit-webhook-initial-backoff=2s", "--audit-webhook-batch-max-size=20"},
	})
	logged := followLog(t, api)
	c := caller{t: t, api: api}
	c.work()
	until(t, func() bool { events, _ := arrived(t, s); return len(events) > 8 })

	l.stop()
	for n := range away { // with what is written twice, more than the log file may have
		c.do(http.MethodPost, "/api/v1/namespaces/payments/configmaps", object("ConfigMap", fmt.Sprint("while-away-", n), `,"data":{"a":"`+strings.Repeat("x", 12_000)+`"}`), nil, 201)
	}
	l.start()
	for n := range 20 {
		c.do(http.MethodGet, fmt.Sprint("/api/v1/namespaces/payments/configmaps/while-away-", n), "", nil, 200)
	}
	want := writtenTo(t, api, 8+away+20)
	until(t, func() bool { return len(idsOn(t, s)) >= len(want) && len(idsOn(t, logged)) >= len(want) })
	if names, _ := filepath.Glob(strings.TrimSuffix(api.AuditLog, ".log") + "-*"); len(names) == 0 {
		t.Error("the log file was not rotated")
	}
	for name, on := range map[string]*stream.Stream{"webhook": s, "log": logged} {
		if got := idsOn(t, on); !maps.Equal(got, want) {
			t.Errorf("%s: got %v\nwant %v", name, got, want)
		}
		checkWork(t, name, on)
		nothingDead(t, on)
	}
}

// followLog follows the API server's own log file.
func followLog(t *testing.T, api *testserver.APIServer) *stream.Stream {
	t.Helper()
	s := openStream(t, t.TempDir())
	config := &kubernetes.Config{LogFile: api.AuditLog}
	running, err := config.Open(intakeOf(s, config))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.WithoutCancel(t.Context())) })
	ingesttest.Run(t, running.Run)
	return s
}

// writtenTo counts the events in the API server's log files by ID, when those of
// the test are there.
func writtenTo(t *testing.T, api *testserver.APIServer, atLeast int) map[string]int {
	t.Helper()
	all := map[string]int{}
	until(t, func() bool {
		clear(all)
		names, err := filepath.Glob(strings.TrimSuffix(api.AuditLog, ".log") + "*.log*")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range names {
			if strings.HasSuffix(name, ".gz") && slices.Contains(names, strings.TrimSuffix(name, ".gz")) {
				continue // in the making
			}
			for _, line := range linesOf(t, name) {
				var e struct{ AuditID, Stage string }
				if err := json.Unmarshal(line, &e); err != nil {
					t.Fatalf("%s: %s: %v", name, line, err)
				}
				all[e.AuditID+"/"+e.Stage]++
				n++
			}
		}
		return n >= atLeast
	})
	return all
}

func linesOf(t *testing.T, name string) (lines [][]byte) {
	t.Helper()
	f, err := os.Open(name)
	if os.IsNotExist(err) {
		return nil // rotated or compressed since
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := unzipped(name, f)
	if err != nil {
		return nil
	}
	scanner := bufio.NewScanner(content)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		lines = append(lines, []byte(scanner.Text()))
	}
	return lines
}

func unzipped(name string, f io.Reader) (io.Reader, error) {
	if strings.HasSuffix(name, ".gz") {
		return gzip.NewReader(f)
	}
	return f, nil
}

// checkWork looks for what the caller did, with all that rules need of it.
func checkWork(t *testing.T, name string, s *stream.Stream) {
	t.Helper()
	events, _ := arrived(t, s)
	reused := map[event.Digest]bool{}
	found := map[string]bool{}
	for _, e := range events {
		text := string(e.Raw)
		if strings.Contains(text, "hunter2") || strings.Contains(text, base64.StdEncoding.EncodeToString([]byte("hunter2"))) {
			t.Errorf("%s: a secret is stored: %s", name, text)
		}
		if e.Occurred.IsZero() {
			t.Errorf("%s: no time: %s", name, text)
		}
		if e.ID == "reused/ResponseComplete" {
			reused[e.Original] = true
		}
		for _, part := range []string{
			`"impersonatedUser":{"username":"eve"`, `"manager":"kubectl-create"`, `fieldManager=kubectl-create`, `"userAgent":"kubectl/v1.37.2"`,
			`"sourceIPs":["127.0.0.1"]`, `"code":404`, `"requestObject":{"redacted":"[redacted]"}`, `"responseObject":{"kind":"ConfigMap"`,
		} {
			found[part] = found[part] || strings.Contains(text, part)
		}
	}
	if len(reused) != 2 {
		t.Errorf("%s: %d events with the ID that was used twice", name, len(reused))
	}
	for part, there := range found {
		if !there {
			t.Errorf("%s: no event has %s", name, part)
		}
	}
}

func nothingDead(t *testing.T, s *stream.Stream) {
	t.Helper()
	err := s.DeadAfter(t.Context(), 0, func(_ uint64, d event.Dead) error {
		t.Errorf("dead letter: %s %s", d.Cause, d.Reason)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
