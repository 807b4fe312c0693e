package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidedoor/alerting"
	"sidedoor/alerting/alertingtest"
)

// key is the bytes of the signing secret of these tests.
const key = "0123456789abcdef0123456789abcdef"

func channel(t *testing.T, url string) alerting.Channel {
	t.Helper()
	secret := "whsec_" + base64.StdEncoding.EncodeToString([]byte(key))
	c, err := New(Config{URL: url, SecretFile: file(t, secret)}, alertingtest.Now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAWebhookIsAChannel(t *testing.T) {
	alertingtest.Suite{New: channel, Check: checkRequest}.Run(t)
}

// checkRequest verifies as a receiver would, written from the specification.
func checkRequest(t *testing.T, r alertingtest.Request, m alerting.Message) {
	t.Helper()
	id, timestamp := r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp")
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(id + "." + timestamp + "." + string(r.Body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if got := r.Header.Get("webhook-signature"); got != want {
		t.Errorf("the signature is %s, want %s", got, want)
	}
	if id != "9f2c0c1d2e3f4a5b.1" || timestamp != "1794819600" {
		t.Errorf("id %s, timestamp %s", id, timestamp)
	}
	if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s of %s", r.Method, r.Header.Get("Content-Type"))
	}
	var got payload
	if err := json.Unmarshal(r.Body, &got); err != nil {
		t.Fatal(err)
	}
	if got.ID != id || got.Type != "sidedoor.alert" || got.Revision != 1 || got.Severity != "high" ||
		got.Decide != "sidedoor review decide "+m.Alert.ID || got.Alert.Resource != strings.ToValidUTF8(m.Alert.Resource, "\ufffd") {
		t.Errorf("the body is %.500s", r.Body)
	}
}

// The example of the specification's reference libraries.
func TestASignatureIsThatOfTheSpecification(t *testing.T) {
	key, err := signingKey("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	sign(h, key, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`))
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestASecretThatIsNoneIsRefusedWithoutBeingTold(t *testing.T) {
	for _, secret := range []string{"hunter2hunter2", "whsec_!!!!hunter2!!!!", "whsec_aHVudGVyMg==", ""} {
		_, err := New(Config{URL: "https://alerts.example/hook", SecretFile: file(t, secret)}, alertingtest.Now)
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "aHVud") {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func TestEveryFaultOfAConfigurationIsToldAndNoSecret(t *testing.T) {
	err := Config{URL: "http://alerts.example/?token=hunter2"}.Validate()
	if err == nil || !strings.Contains(err.Error(), "url:") || !strings.Contains(err.Error(), "secret-file") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

func TestTheReceiversRequestIDIsKeptIfItCanBePrinted(t *testing.T) {
	for sent, want := range map[string]string{"req-17": "req-17", "caf\xe9": "", "": ""} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Request-Id", sent)
		}))
		result, err := channel(t, srv.URL).Send(t.Context(), alertingtest.Message())
		srv.Close()
		if err != nil || result.RemoteID != want {
			t.Errorf("%q is kept as %q, %v", sent, result.RemoteID, err)
		}
	}
}
