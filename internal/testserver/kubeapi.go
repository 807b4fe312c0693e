package testserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"path/filepath"
	"slices"
	"testing"
)

// Options say how an API server differs from one that audits nothing.
type Options struct {
	// AuditPolicy is the text of an audit.k8s.io/v1 Policy. Empty is the
	// metadata of every request, if AuditWebhookKubeconfig is set.
	AuditPolicy string
	// AuditWebhookKubeconfig names the file that says where audit events are
	// sent; AuditWebhook writes one. Batches wait 100 ms, not 30 s.
	AuditWebhookKubeconfig string
	// Flags come last, so that they override ours.
	Flags []string
}

const everyRequest = `{"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [{"level": "Metadata"}]}`

// APIServer is a Kubernetes API server on an etcd of its own, with RBAC. There
// are no controllers and no nodes: a Deployment makes no pods, and nothing
// waits for a service account to exist.
type APIServer struct {
	URL        string // https://127.0.0.1:34567
	CA         []byte // PEM, signs the server's certificate
	Kubeconfig string // path, for the user "admin" in system:masters
	AuditLog   string // path, one event a line; empty without an audit policy

	t         testing.TB
	authority *authority
	client    *http.Client
	program   string
	dir       string
	port      string
	flags     []string
	process   *process
}

// KubeAPI starts an etcd and an API server that end with the test. That takes
// some seconds, so the tests of a package best share one.
func KubeAPI(t testing.TB, o Options) *APIServer {
	t.Helper()
	programs := require(t, "etcd", "kube-apiserver")
	a := newAuthority(t)
	s := &APIServer{CA: a.pem, t: t, authority: a, program: programs["kube-apiserver"], dir: t.TempDir()}
	s.client = s.adminClient()
	s.flags = append(s.ownFlags(startEtcd(t, programs["etcd"], s.dir)), s.auditFlags(o)...)
	s.flags = append(s.flags, o.Flags...)
	s.process = onFreePorts(t, 1, func(ports []string) (*process, error) {
		s.port, s.URL = ports[0], "https://127.0.0.1:"+ports[0]
		return s.start()
	})
	s.Kubeconfig = s.KubeconfigFor("admin", "system:masters")
	return s
}

// Client makes requests as the administrator.
func (s *APIServer) Client() *http.Client { return s.client }

// Stop ends the API server as a crash would (kill -9); its etcd goes on.
func (s *APIServer) Stop() {
	s.t.Helper()
	s.process.kill()
	s.client.CloseIdleConnections()
}

// Restart brings the API server back under the same URL, with everything it
// had stored.
func (s *APIServer) Restart() {
	s.t.Helper()
	s.Stop()
	p, err := s.start()
	s.process = p
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *APIServer) start() (*process, error) {
	s.t.Helper()
	p := start(s.t, s.dir, s.program, slices.Concat([]string{"--secure-port=" + s.port}, s.flags)...)
	return p, p.await(func(ctx context.Context) error {
		if err := answers(ctx, s.client, s.URL+"/readyz"); err != nil {
			return err
		}
		// It is ready before the first namespaces are there.
		return answers(ctx, s.client, s.URL+"/api/v1/namespaces/default")
	})
}

func (s *APIServer) adminClient() *http.Client {
	s.t.Helper()
	p := s.authority.client("admin", "system:masters")
	cert, err := tls.X509KeyPair(p.cert, p.key)
	if err != nil {
		s.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(s.authority.cert)
	transport := &http.Transport{
		ForceAttemptHTTP2: true,
		TLSClientConfig:   &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (s *APIServer) ownFlags(etcd string) []string {
	s.t.Helper()
	file := func(name string, content []byte) string {
		return writeFile(s.t, filepath.Join(s.dir, name), content)
	}
	serving, tokens := s.authority.server(), keyPEM(s.t, newKey(s.t))
	return []string{
		"--etcd-servers=" + etcd,
		"--bind-address=127.0.0.1",
		"--advertise-address=127.0.0.1",
		// It would publish the loopback address as an endpoint, which is refused.
		"--endpoint-reconciler-type=none",
		"--tls-cert-file=" + file("server.crt", serving.cert),
		"--tls-private-key-file=" + file("server.key", serving.key),
		"--client-ca-file=" + file("ca.crt", s.CA),
		"--authorization-mode=RBAC",
		"--service-cluster-ip-range=10.0.0.0/24",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + file("tokens.key", tokens),
		"--service-account-signing-key-file=" + file("tokens.key", tokens),
		// Pods would wait for service accounts that a controller makes.
		"--disable-admission-plugins=ServiceAccount",
	}
}

func (s *APIServer) auditFlags(o Options) []string {
	s.t.Helper()
	policy := o.AuditPolicy
	if policy == "" && o.AuditWebhookKubeconfig != "" {
		policy = everyRequest
	}
	if policy == "" {
		return nil
	}
	s.AuditLog = filepath.Join(s.dir, "audit.log")
	flags := []string{
		"--audit-policy-file=" + writeFile(s.t, filepath.Join(s.dir, "audit-policy.yaml"), []byte(policy)),
		"--audit-log-path=" + s.AuditLog,
	}
	if o.AuditWebhookKubeconfig != "" {
		flags = append(flags, "--audit-webhook-config-file="+o.AuditWebhookKubeconfig, "--audit-webhook-batch-max-wait=100ms")
	}
	return flags
}

// startEtcd returns the URL of an empty etcd.
func startEtcd(t testing.TB, program, dir string) string {
	t.Helper()
	var url string
	onFreePorts(t, 2, func(ports []string) (*process, error) {
		url = "http://127.0.0.1:" + ports[0]
		peers := "http://127.0.0.1:" + ports[1]
		p := start(t, dir, program,
			"--name=test", "--data-dir="+filepath.Join(dir, "etcd-"+ports[0]), "--unsafe-no-fsync",
			"--listen-client-urls="+url, "--advertise-client-urls="+url,
			"--listen-peer-urls="+peers, "--initial-advertise-peer-urls="+peers, "--initial-cluster=test="+peers)
		return p, p.await(func(ctx context.Context) error { return answers(ctx, http.DefaultClient, url+"/health") })
	})
	return url
}
