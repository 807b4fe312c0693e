package testserver_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"sidedoor/internal/testserver"
)

// auditEvent is as much of an audit event as these tests look at.
type auditEvent struct {
	Verb      string
	User      struct{ Username string }
	ObjectRef struct{ Resource, Name string }
}

// receiver is an audit webhook that keeps what it is sent.
func receiver(t *testing.T, token string) (kubeconfig string, events chan auditEvent) {
	t.Helper()
	events = make(chan auditEvent, 10000)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+token {
			t.Errorf("the webhook was shown %q", got)
		}
		var list struct{ Items []auditEvent }
		if err := json.NewDecoder(r.Body).Decode(&list); err != nil {
			t.Error(err)
		}
		for _, e := range list.Items {
			events <- e
		}
	}))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return testserver.AuditWebhook(t, server.URL, ca, token), events
}

func status(t *testing.T, api *testserver.APIServer, method, path, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, api.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := api.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

func TestAnAPIServerKeepsWhatItIsToldAndTellsItsAuditors(t *testing.T) {
	webhook, events := receiver(t, "secret")
	api := testserver.KubeAPI(t, testserver.Options{AuditWebhookKubeconfig: webhook})
	const namespaces = "/api/v1/namespaces"
	body := `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"payments"}}`
	if got := status(t, api, http.MethodPost, namespaces, body); got != http.StatusCreated {
		t.Fatalf("creating a namespace: %d", got)
	}
	for e := range events {
		if e.Verb == "create" && e.ObjectRef.Name == "payments" && e.User.Username == "admin" {
			break
		}
	}
	if log, err := os.ReadFile(api.AuditLog); err != nil || !strings.Contains(string(log), `"name":"payments"`) {
		t.Errorf("the audit log does not tell of the namespace (%v)", err)
	}

	api.Stop()
	if resp, err := api.Client().Get(api.URL + "/readyz"); err == nil {
		resp.Body.Close()
		t.Error("it answers although it was stopped")
	}
	api.Restart()
	if got := status(t, api, http.MethodGet, namespaces+"/payments", ""); got != http.StatusOK {
		t.Errorf("the namespace after the restart: %d", got)
	}
	testRights(t, api)
}

// testRights has somebody without rights try what the administrator may do.
func testRights(t *testing.T, api *testserver.APIServer) {
	t.Helper()
	client := clientOf(t, api.KubeconfigFor("anna", "developers"), api)
	resp, err := client.Get(api.URL + "/api/v1/namespaces")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusForbidden || !strings.Contains(string(answer), `User \"anna\"`) {
		t.Errorf("got %s %s, %v", resp.Status, answer, err)
	}
}

func TestAPolicyThatIsNoneFailsWithTheLastLinesOfTheLog(t *testing.T) {
	failed := inner(t, func(t testing.TB) {
		testserver.KubeAPI(t, testserver.Options{AuditPolicy: "kind: Nonsense"})
	})
	if !strings.Contains(failed, "kube-apiserver ended before it was ready") || !strings.Contains(failed, "audit") {
		t.Errorf("the test failed with: %s", failed)
	}
}

// clientOf reads a kubeconfig as any program does.
func clientOf(t *testing.T, path string, api *testserver.APIServer) *http.Client {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Clusters []struct {
			Cluster struct {
				Server string
				CA     string `yaml:"certificate-authority-data"`
			}
		}
		Users []struct {
			User struct {
				Cert string `yaml:"client-certificate-data"`
				Key  string `yaml:"client-key-data"`
			}
		}
	}
	if err := yaml.Unmarshal(content, &config); err != nil {
		t.Fatal(err)
	}
	if got := config.Clusters[0].Cluster.Server; got != api.URL {
		t.Errorf("the kubeconfig leads to %s, not to %s", got, api.URL)
	}
	user := config.Users[0].User
	cert, err := tls.X509KeyPair(decoded(t, user.Cert), decoded(t, user.Key))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(decoded(t, config.Clusters[0].Cluster.CA))
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{cert}}}}
}

func decoded(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
