package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/evidence"
	"sidedoor/ingest/monitor"
	"sidedoor/rules/judge"
	"sidedoor/stream"
)

// site is an installation in a folder of its own, run as a process.
type site struct {
	t       *testing.T
	dir     string
	addr    string
	process *exec.Cmd
	log     *os.File

	mu   sync.Mutex
	told map[string]int // alert messages by webhook-id
}

const siteSecret = "0123456789abcdef0123456789abcdef"

func newSite(t *testing.T) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), told: map[string]int{}}
	receiver := httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(receiver.Close)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	l.Close()
	s.write("secret", siteSecret)
	s.write("sidedoor.yaml", fmt.Sprintf(`name: site
listen: %s
seal: 100ms
judge: {grace: 1s, limit: 1m}
sources:
  - {name: trail, coverage: clock, lateness: 1ms, cloudtrail: {folder: trail}}
  - {name: cluster, scope: prod, coverage: clock, kubernetes: {path: /k, token-file: secret}}
  - {name: github, coverage: clock, github: {path: /g, secret-file: secret}}
  - {name: approvals, coverage: clock, approvals: {path: /a, token-file: secret}}
alerting: {group-wait: 100ms}
receivers:
  - {name: siem, webhook: {url: %q, secret-file: secret}}
`, s.addr, receiver.URL))
	if s.log, err = os.Create(filepath.Join(s.dir, "log")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			b, _ := os.ReadFile(s.log.Name())
			t.Logf("the process said:\n%s", b[max(0, len(b)-4000):])
		}
	})
	return s
}

func (s *site) receive(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(body) > 0 {
		s.told[r.Header.Get("webhook-id")]++
	}
	w.WriteHeader(http.StatusOK)
}

func (s *site) write(name, content string) {
	s.t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(path+".part", []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) read(name string) string {
	s.t.Helper()
	b, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func (s *site) start() {
	s.process = exec.Command("sidedoor", "run", "--config", filepath.Join(s.dir, "sidedoor.yaml"))
	s.process.Stderr = s.log
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *site) kill() {
	if s.process != nil {
		_ = s.process.Process.Kill()
		_ = s.process.Wait()
		s.process = nil
	}
}

// stop ends the process as an operator would.
func (s *site) stop() {
	s.t.Helper()
	if err := s.process.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	if err := s.process.Wait(); err != nil {
		s.t.Errorf("an orderly stop ends with %v", err)
	}
	s.process = nil
}

// send posts until the delivery is taken, as senders do: it may be taken many
// times.
func (s *site) send(path, contentType string, body []byte, header http.Header) {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, bytes.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header = header.Clone()
		req.Header.Set("Content-Type", contentType)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusAccepted {
				return
			}
			if resp.StatusCode < 500 {
				s.t.Fatalf("%s: %s", path, resp.Status)
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s is not taken: %v", path, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

var bearer = http.Header{"Authorization": {"Bearer " + siteSecret}}

// deliver sends delivery i of the story: one act, and for every other one an
// approval before it.
func (s *site) deliver(i int, begin time.Time) {
	at := begin.Add(time.Duration(i) * time.Millisecond).UTC().Format(time.RFC3339Nano)
	who := fmt.Sprintf("person-%d", i)
	if i%2 == 1 {
		until := begin.Add(time.Hour).UTC().Format(time.RFC3339)
		grant := fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"s","type":"dev.sidedoor.break-glass","time":%q,"data":{"actor":%q,"scope":"prod","until":%q,"reference":"BG-%d"}}`,
			i, begin.Add(-time.Minute).UTC().Format(time.RFC3339), who, until, i)
		s.send("/a", "application/cloudevents+json", []byte(grant), bearer)
	}
	switch i % 3 {
	case 0, 1:
		list := fmt.Sprintf(`{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"a-%d","stage":"ResponseComplete","stageTimestamp":%q,"verb":"patch","user":{"username":%q},"objectRef":{"resource":"deployments","namespace":"shop","name":"d-%d"},"responseStatus":{"code":200}}]}`,
			i, at, who, i)
		s.send("/k", "application/json", []byte(list), bearer)
	case 2:
		body := fmt.Appendf(nil, `{"ref":"refs/heads/main","before":"x","after":"sha-%d","repository":{"full_name":"acme/r%d","pushed_at":%d},"sender":{"login":%q},"commits":[]}`,
			i, i, begin.Unix(), who)
		m := hmac.New(sha256.New, []byte(siteSecret))
		m.Write(body)
		s.send("/g", "application/json", body, http.Header{
			"X-Github-Event": {"push"}, "X-Github-Delivery": {fmt.Sprintf("guid-%d", i)},
			"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(m.Sum(nil))},
		})
	}
}

// expected is the verdict on the act of delivery i.
func expected(i int) event.State {
	if i%2 == 1 && i%3 != 2 {
		return event.Approved
	}
	return event.Bypass
}

// records returns all records of a site that does not run.
func (s *site) records() []event.Record {
	s.t.Helper()
	in := s.open()
	defer in.Close(context.Background())
	var out []event.Record
	err := in.ReadRecords(s.t.Context(), 0, func(_ uint64, raw []byte) error {
		r, err := event.ParseRecord(raw)
		out = append(out, r)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func (s *site) open() *stream.Stream {
	s.t.Helper()
	in, err := stream.Attach(s.t.Context(), stream.Config{Dir: filepath.Join(s.dir, "data")})
	if err != nil {
		s.t.Fatal(err)
	}
	return in
}

// settled waits until n acts are judged, beside those on the monitor itself.
func (s *site) settled(n int) {
	s.t.Helper()
	deadline := time.Now().Add(90 * time.Second)
	for {
		judged := map[string]bool{}
		for _, r := range s.records() {
			if v, ok := r.Body.(*event.Verdict); ok && v.Event.Source != monitor.Source {
				judged[v.ID] = true
			}
		}
		if len(judged) >= n {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%d of %d acts are judged", len(judged), n)
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func TestAMonitorKilledAtAnyMomentLosesNothingAndCountsNothingTwice(t *testing.T) {
	s := newSite(t)
	const acts = 60
	begin := time.Now().Add(-time.Second)
	s.start()
	next, kills := make(chan int), make(chan struct{})
	go func() { // kills and restarts while the story is told
		defer close(kills)
		for range next {
			s.kill()
			s.start()
		}
	}()
	for i := range acts {
		if i > 0 && i%12 == 0 {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			next <- i
		}
		s.deliver(i, begin)
		if i%5 == 0 && i > 10 { // everything may come again, at any time
			s.deliver(rand.IntN(i), begin)
		}
	}
	close(next)
	<-kills
	s.settled(acts)
	time.Sleep(time.Duration(rand.IntN(500)) * time.Millisecond)
	s.kill()
	s.start()
	for i := range acts {
		s.deliver(i, begin)
	}
	s.settled(acts)
	time.Sleep(2 * time.Second) // for alerts on their way
	s.stop()

	s.checkVerdicts(acts)
	if _, err := evidence.VerifyAny(filepath.Join(s.dir, "data"), evidence.VerifyOptions{}); err != nil {
		t.Errorf("the ledger does not verify: %v", err)
	}
	s.checkReplay()
}

// checkVerdicts wants one verdict for each act, one alert occurrence for each
// bypass, and somebody told of each alert.
func (s *site) checkVerdicts(acts int) {
	final, alerts, delivered := map[string]*event.Verdict{}, map[string]*event.Alert{}, map[string]bool{}
	for _, r := range s.records() {
		switch b := r.Body.(type) {
		case *event.Verdict:
			final[b.ID] = b
		case *event.Alert:
			alerts[b.ID] = b
		case *event.Delivery:
			if b.Outcome == event.Delivered {
				delivered[b.Alert] = true
			}
		}
	}
	want, got := map[string]event.State{}, map[string]event.State{}
	bypasses := 0
	for i := range acts {
		want[fmt.Sprintf("person-%d", i)] = expected(i)
		if expected(i) == event.Bypass {
			bypasses++
		}
	}
	for _, v := range final {
		if _, twice := got[v.Actor.Name]; twice {
			s.t.Errorf("%s is judged twice", v.Actor.Name)
		}
		got[v.Actor.Name] = v.Verdict
	}
	for who, state := range want {
		if got[who] != state {
			s.t.Errorf("%s: %s, want %s", who, got[who], state)
		}
	}
	occurrences := 0
	for _, a := range alerts {
		if a.State == event.Bypass {
			occurrences += a.Occurrences
			if !delivered[a.ID] {
				s.t.Errorf("nobody was told of %s", a.Sentence)
			}
		}
	}
	if len(final) != acts || occurrences != bypasses {
		s.t.Errorf("%d verdicts and %d occurrences in alerts, want %d and %d", len(final), occurrences, acts, bypasses)
	}
}

// checkReplay folds the stream again, twice, and wants the very records that
// the monitor made, through all its deaths.
func (s *site) checkReplay() {
	in := s.open()
	defer in.Close(context.Background())
	var live [][]byte
	err := in.ReadRecords(s.t.Context(), 0, func(_ uint64, raw []byte) error {
		var h struct{ Type event.Type }
		if err := json.Unmarshal(raw, &h); err != nil {
			return err
		}
		if h.Type == event.TypeVerdict || h.Type == event.TypeAlert || h.Type == event.TypeRuleSet {
			live = append(live, bytes.Clone(raw))
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for range 2 {
		var again [][]byte
		seen := map[string]bool{}
		j := judge.New(judge.Config{})
		err := in.Inputs(s.t.Context(), 0, func(_ uint64, input event.Input) error {
			records, _ := j.Apply(input)
			for _, r := range records {
				raw, err := r.Encode()
				if err != nil {
					return err
				}
				if key := string(r.Type) + r.ID; !seen[key] {
					seen[key] = true
					again = append(again, raw)
				}
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if !slices.EqualFunc(again, live, bytes.Equal) {
			s.t.Errorf("folding the stream again gives %d records, not the %d that were made%s", len(again), len(live), difference(again, live))
		}
	}
}

func difference(a, b [][]byte) string {
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("; the first to differ is\n%s\n%s", a[i], b[i])
		}
	}
	return ""
}

func TestWhatIsRefusedIsAnsweredCountedAndKept(t *testing.T) {
	s := newSite(t)
	s.start()
	s.deliver(0, time.Now()) // waits until it is up
	for _, c := range []struct {
		path, body string
		header     http.Header
		status     int
		answer     string
	}{
		{"/k", `{}`, nil, 401, "a bearer token is missing"},
		{"/k", `{}`, http.Header{"Authorization": {"Bearer wrong"}}, 401, "the bearer token is wrong"},
		{"/k", `{"kind":"Pod"}`, bearer, 400, "want an EventList"},
		{"/k", `{"kind":`, bearer, 400, "not valid JSON"},
		{"/g", `{}`, http.Header{"X-Github-Event": {"push"}}, 401, "X-Hub-Signature-256 is missing"},
		{"/g", `{}`, http.Header{"X-Github-Event": {"push"}, "X-Hub-Signature-256": {"sha256=00"}}, 401, "the signature is wrong"},
		{"/a", `{"specversion":"1.0"}`, bearer, 400, "no CloudEvent"},
		{"/a", strings.Repeat(" ", 5<<20), bearer, 413, "larger than"},
	} {
		req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		if c.header != nil {
			req.Header = c.header.Clone()
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || !strings.Contains(string(answer), c.answer) {
			t.Errorf("%s %.30q: %d %s, want %d %s", c.path, c.body, resp.StatusCode, answer, c.status, c.answer)
		}
	}
	resp, err := http.Get("http://" + s.addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	metrics, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	for _, want := range []string{
		`sidedoor_ingest_dead_letters_total{cause="unauthenticated",source="cluster"} 2`,
		`sidedoor_ingest_dead_letters_total{cause="malformed",source="cluster"} 2`,
		`sidedoor_ingest_dead_letters_total{cause="oversized",source="approvals"} 1`,
	} {
		if !strings.Contains(string(metrics), want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	s.stop()
	dead := 0
	in := s.open()
	defer in.Close(context.Background())
	if err := in.ReadDead(t.Context(), func(_, _, _ string, _ time.Time, _ []byte) error { dead++; return nil }); err != nil {
		t.Fatal(err)
	}
	if dead != 8 {
		t.Errorf("%d dead letters are kept, want 8", dead)
	}
}
