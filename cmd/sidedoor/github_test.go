package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/github/githubtest"
	"sidedoor/stream"
)

// Everything that GitHub has comes in by its own way: a delivery that was lost while
// the monitor was down, an entry that is posted, and one that is asked for.
func TestWhatGitHubSentWhileTheMonitorWasDownIsRecovered(t *testing.T) {
	s := newSite(t)
	// A delivery may be on its way for a minute before it is missed.
	hub := githubtest.New(t, func() time.Time { return time.Now().Add(-2 * time.Minute) })
	hub.Secret, hub.Hook = siteSecret, "http://"+s.addr+"/hook"
	s.write("token", githubtest.Token)
	s.write("sidedoor.yaml", fmt.Sprintf(`name: site
listen: %s
sources:
  - {name: hook, scope: acme, github: {path: /hook, secret-file: secret, reconcile: {organization: acme, hook-id: 7, token-file: token, api: %[2]q}}}
  - {name: posted, scope: acme, github-audit: {path: /services/collector, token-file: secret}}
  - {name: asked, scope: acme, github-audit: {organization: acme, token-file: token, api: %[2]q}}
`, s.addr, hub.URL))
	lost := hub.Emit("push", `{"ref":"refs/heads/main","pusher":{"name":"alice"}}`, githubtest.Lost)
	now := time.Now()
	hub.Log(now, now.Add(-time.Hour), fmt.Sprintf(`{"@timestamp":%d,"_document_id":"d-asked","action":"repo.destroy","actor":"alice"}`, now.UnixMilli()))
	s.start()
	s.post("/services/collector/event/1.0", fmt.Sprintf(`{"event":{"@timestamp":%d,"_document_id":"d-posted","action":"repo.destroy","actor":"bob"}}`, now.UnixMilli()))

	in := s.open()
	defer in.Close(t.Context())
	want := []string{"asked d-asked", "hook " + lost, "posted d-posted"}
	for give := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		got, proofs := came(t, in)
		if slices.Equal(got, want) && proofs > 0 {
			break
		}
		if time.Now().After(give) {
			t.Fatalf("came %q, %d proofs; want %q", got, proofs, want)
		}
	}
	s.stop()
}

// came returns the sources and IDs of all events, and how many proofs there are that
// an hour is complete.
func came(t *testing.T, in *stream.Stream) (events []string, proofs int) {
	t.Helper()
	err := in.ReadArrivals(t.Context(), 0, func(a stream.Arrival) error {
		if a.Batch != nil && a.Batch.Source != "sidedoor" {
			for _, e := range a.Batch.Events {
				events = append(events, a.Batch.Source+" "+e.ID)
			}
		}
		if a.Proof != nil && a.Proof.Source == "hook" && a.Proof.Verdict == event.Complete {
			proofs++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(events)
	return events, proofs
}

// post posts to a collector until it is there.
func (s *site) post(path, body string) {
	s.t.Helper()
	for give := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, bytes.NewReader([]byte(body)))
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Splunk "+siteSecret)
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			answer, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK {
				s.t.Fatalf("%s %s", resp.Status, answer)
			}
			return
		}
		if time.Now().After(give) {
			s.t.Fatal(err)
		}
	}
}
