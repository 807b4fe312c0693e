package auditlog_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/github/auditlog"
	"sidedoor/ingest/ingesttest"
)

const token = "5b0e2f0c-2d0b-4f0a-9b39-6a3d0f1c9d11"

func collector(t testing.TB) (*httptest.Server, *ingesttest.Recorder) {
	t.Helper()
	h, sink := ingesttest.Handler(t, &auditlog.Config{Path: "/services/collector", TokenFile: ingesttest.Secret(t, token)}, "audit", "acme")
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s, sink
}

// send posts a body as GitHub does, and returns the answer.
func send(t testing.TB, s *httptest.Server, body []byte, headers ...string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/services/collector", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Splunk "+token)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || !json.Valid(b) {
		t.Fatalf("%v %s", err, b)
	}
	return resp.StatusCode, strings.TrimSpace(string(b))
}

func packed(body string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(body))
	z.Close()
	return b.Bytes()
}

const two = `{"time":1794819600.000,"host":"github.com","source":"github","sourcetype":"_json","event":{"@timestamp":1794819600000,"_document_id":"d1","action":"repo.destroy","actor":"alice"}}` +
	`{"event":"{\"@timestamp\":1794819601000,\"_document_id\":\"d2\",\"action\":\"org.add_member\",\"actor\":\"bob\"}"}`

func TestWhatIsPostedToTheCollectorIsStored(t *testing.T) {
	for name, send := range map[string]func(t *testing.T, s *httptest.Server) (int, string){
		"as it is": func(t *testing.T, s *httptest.Server) (int, string) { return send(t, s, []byte(two)) },
		"on two lines": func(t *testing.T, s *httptest.Server) (int, string) {
			return send(t, s, []byte(strings.Replace(two, "}{", "}\r\n{", 1)))
		},
		"packed": func(t *testing.T, s *httptest.Server) (int, string) {
			return send(t, s, packed(two), "Content-Encoding", "gzip")
		},
		"by a bearer": func(t *testing.T, s *httptest.Server) (int, string) {
			return send(t, s, []byte(two), "Authorization", "bearer "+token)
		},
		"as bare lines": func(t *testing.T, s *httptest.Server) (int, string) {
			return send(t, s, []byte(`{"_document_id":"d1","action":"a.b","created_at":"2026-11-16T09:00:00Z"}`+"\n"+`{"_document_id":"d2","action":"a.b","at_sign_timestamp":"2026-11-16 09:00:01.000"}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, sink := collector(t)
			if status, answer := send(t, s); status != http.StatusOK || answer != `{"text":"Success","code":0}` {
				t.Errorf("%d %s", status, answer)
			}
			e := sink.Events()
			if len(e) != 2 || e[0].ID != "d1" || e[1].ID != "d2" || !e[0].Occurred.Equal(start) || !e[1].Occurred.Equal(start.Add(time.Second)) {
				t.Fatalf("stored %+v", e)
			}
			if len(sink.Dead()) != 0 {
				t.Errorf("buried %+v", sink.Dead())
			}
		})
	}
}

func TestTheCollectorAnswersAsSplunksDoes(t *testing.T) {
	s, sink := collector(t)
	for _, path := range []string{"/services/collector/health", "/services/collector/health/1.0", "/services/collector"} {
		resp, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK || !strings.Contains(string(b), `"code":17`) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, b)
		}
	}
	for _, c := range []struct {
		name, body string
		headers    []string
		status     int
		code       string
		dead       int
	}{
		{"a test", `{"event":"ping"}`, nil, http.StatusOK, `"code":0`, 0},
		{"nothing", ``, nil, http.StatusBadRequest, `"code":5`, 0},
		{"a wrong token", two, []string{"Authorization", "Splunk wrong"}, http.StatusUnauthorized, `"code":4`, 1},
		{"no token", two, []string{"Authorization", ""}, http.StatusUnauthorized, `"code":4`, 1},
		{"only a part that can be read", `{"event":{"action":"a.b","_document_id":"d9"}}{"event":{"no":"action"}}`, nil, http.StatusOK, `"code":0`, 1},
		{"no JSON", `hello`, nil, http.StatusOK, `"code":0`, 1},
		{"no gzip", `hello`, []string{"Content-Encoding", "gzip"}, http.StatusBadRequest, `"code":6`, 1},
		{"what nobody unpacks", `hello`, []string{"Content-Encoding", "br"}, http.StatusUnsupportedMediaType, `"code":6`, 1},
		{"spaces", ` `, nil, http.StatusBadRequest, `"code":6`, 1},
	} {
		before := len(sink.Dead())
		status, answer := send(t, s, []byte(c.body), c.headers...)
		if status != c.status || !strings.Contains(answer, c.code) || len(sink.Dead())-before != c.dead {
			t.Errorf("%s: %d %s, %d dead letters", c.name, status, answer, len(sink.Dead())-before)
		}
	}
	if e := sink.Events(); len(e) != 1 || e[0].ID != "d9" {
		t.Errorf("stored %+v", e)
	}
	sink.FailWith(errors.New("the disk is full"))
	if status, answer := send(t, s, []byte(two)); status != http.StatusServiceUnavailable || answer != `{"text":"Server is busy","code":9}` {
		t.Errorf("%d %s", status, answer)
	}
}

func TestABodyThatUnpacksToTooMuchIsRefused(t *testing.T) {
	s, sink := collector(t)
	bomb := packed(strings.Repeat(" ", 65<<20))
	if status, answer := send(t, s, bomb, "Content-Encoding", "gzip"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", status, answer)
	}
	if dead := sink.Dead(); len(dead) != 1 || dead[0].Cause != "oversized" {
		t.Errorf("%d dead letters", len(dead))
	}
}

func FuzzADelivery(f *testing.F) {
	f.Add([]byte(two), "")
	f.Add(packed(two), "gzip")
	f.Add([]byte(`{"event":"ping"}{"event":`), "")
	f.Add([]byte(`[{"event":{"action":"a.b"}}]`), "")
	sink := &ingesttest.Recorder{}
	in := sink.Intake(ingest.Source{Name: "audit", Product: "github", Service: "audit"}, time.Now)
	f.Fuzz(func(t *testing.T, body []byte, encoding string) {
		events, _, err := auditlog.ParseDelivery(in, ingest.Delivery{Header: http.Header{"Content-Encoding": {encoding}}, Body: body})
		for _, e := range events {
			if !json.Valid(e.Raw) || err != nil {
				t.Errorf("%q beside %v", e.Raw, err)
			}
		}
	})
}

func FuzzAPage(f *testing.F) {
	f.Add([]byte(`[{"@timestamp":1794819600000,"_document_id":"d1","action":"repo.destroy"},{}]`))
	f.Add([]byte(`{"message":"Not Found"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, dead, err := auditlog.ParsePage(body)
		if err != nil && len(events)+len(dead) > 0 {
			t.Errorf("%d events beside %v", len(events), err)
		}
	})
}
