package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/evidence"
	"sidedoor/ingest/monitor"
	"sidedoor/stream"
)

// kills is how often monitors are killed, and killed at once how many of them: a
// start keeps one core busy.
const (
	kills = 200
	sites = 2
)

// sent are the acts of which a sender was told that they were taken, or that it
// put into the folder.
type sent struct {
	mu   sync.Mutex
	acts []string
}

func (s *sent) add(acts ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.acts = append(s.acts, acts...)
}

// TestTwoHundredKillsLoseNothingAndJudgeNothingTwice kills the monitor at any
// moment, also while it starts, and lets senders break off at any byte, while
// they repeat what they were not told was taken, as the API server does, and
// somebody at GitHub who redelivers.
func TestTwoHundredKillsLoseNothingAndJudgeNothingTwice(t *testing.T) {
	n := kills / sites
	if testing.Short() || slower {
		n = 10
	}
	for i := range sites {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			killedOften(t, n)
		})
	}
}

// killedOften kills one monitor so often.
func killedOften(t *testing.T, n int) {
	s := newSite(t)
	var all sent
	ctx, end := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	for _, send := range []func(context.Context, int, *sent){s.sendAudit, s.sendPush, s.putLog} {
		senders.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				send(t.Context(), i, &all) // to its end, however often that takes
				time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
			}
		})
	}
	for i := range n {
		s.start()
		if i%2 == 0 {
			s.awaitUp()
			time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		} else {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
		}
		s.kill()
	}
	s.start()
	end()
	senders.Wait()
	t.Logf("%d acts in %d kills", len(all.acts), n)
	s.settled(len(all.acts))
	s.stop()
	s.checkOnce(all.acts)
	if _, err := evidence.VerifyAny(filepath.Join(s.dir, "data"), evidence.VerifyOptions{}); err != nil {
		t.Errorf("the ledger does not verify: %v", err)
	}
	s.checkReplay()
}

// awaitUp waits until the process answers.
func (s *site) awaitUp() {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		resp, err := http.Get("http://" + s.addr + "/healthz")
		if err == nil {
			resp.Body.Close()
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("it does not start: %v", err)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// checkOnce wants each act once on the stream, and one verdict on each.
func (s *site) checkOnce(acts []string) {
	s.t.Helper()
	stored, judged := map[string]int{}, map[string]map[string]bool{}
	in := s.open()
	defer in.Close(context.Background())
	repeats := 0
	err := in.ReadArrivals(s.t.Context(), 0, func(a stream.Arrival) error {
		if a.Repeat != nil {
			repeats++
		}
		if a.Batch != nil && a.Batch.Source != monitor.Source {
			for _, e := range a.Batch.Events {
				stored[whose(e.Raw)]++
			}
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	err = in.ReadRecords(s.t.Context(), 0, func(_ uint64, raw []byte) error {
		r, err := event.ParseRecord(raw)
		if v, ok := r.Body.(*event.Verdict); ok && v.Event.Source != monitor.Source {
			who := whose([]byte(v.Actor.Name))
			if judged[who] == nil {
				judged[who] = map[string]bool{}
			}
			judged[who][v.ID] = true
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	lost, twice := 0, 0
	for _, act := range acts {
		if n := stored[act]; n != 1 {
			s.t.Errorf("%s is on the stream %d times", act, n)
			lost++
		}
		if n := len(judged[act]); n != 1 {
			s.t.Errorf("%s is judged %d times", act, n)
			twice++
		}
		if lost+twice > 20 {
			s.t.FailNow()
		}
	}
	if len(stored) != len(acts) {
		s.t.Errorf("%d acts are on the stream, of %d that were sent", len(stored), len(acts))
	}
	s.t.Logf("%d deliveries came again", repeats)
}

// whose is the name of who acted, by which the test tells events apart.
func whose(raw []byte) string {
	_, behind, _ := bytes.Cut(raw, []byte("person-"))
	name, _, _ := bytes.Cut(behind, []byte(`"`))
	return "person-" + string(name)
}

// sendAudit posts a batch of audit events, each an act.
func (s *site) sendAudit(ctx context.Context, i int, all *sent) {
	var items, acts []string
	for j := range 1 + rand.IntN(5) {
		who := fmt.Sprintf("person-k%d.%d", i, j)
		acts = append(acts, who)
		items = append(items, fmt.Sprintf(`{"auditID":"a-%s","stage":"ResponseComplete","stageTimestamp":%q,"verb":"patch","user":{"username":%q},"objectRef":{"resource":"deployments","namespace":"shop","name":"d"},"responseStatus":{"code":200}}`,
			who, time.Now().UTC().Format(time.RFC3339Nano), who))
	}
	body := `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[` + strings.Join(items, ",") + `]}`
	s.until(ctx, "/k", body, bearer)
	all.add(acts...)
}

// sendPush posts a push to GitHub, which is an act.
func (s *site) sendPush(ctx context.Context, i int, all *sent) {
	who := fmt.Sprintf("person-g%d", i)
	body := fmt.Sprintf(`{"ref":"refs/heads/main","before":"x","after":"sha-%d","repository":{"full_name":"acme/r%d","pushed_at":%d},"sender":{"login":%q},"commits":[]}`,
		i, i, time.Now().Unix(), who)
	m := hmac.New(sha256.New, []byte(siteSecret))
	m.Write([]byte(body))
	s.until(ctx, "/g", body, http.Header{
		"X-Github-Event": {"push"}, "X-Github-Delivery": {fmt.Sprintf("guid-%d", i)},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(m.Sum(nil))},
	})
	all.add(who)
}

// putLog puts a log file into the folder, whose records are acts.
func (s *site) putLog(_ context.Context, i int, all *sent) {
	if i%4 > 0 {
		return // fewer of these: each is read with several requests
	}
	var records, acts []string
	for j := range 1 + rand.IntN(3) {
		who := fmt.Sprintf("person-c%d.%d", i, j)
		acts = append(acts, who)
		records = append(records, fmt.Sprintf(`{"eventVersion":"1.11","eventID":"e-%s","eventTime":%q,"eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","requestParameters":{"name":"t"},"userIdentity":{"type":"IAMUser","userName":%q,"arn":"arn:aws:iam::111122223333:user/%s"},"recipientAccountId":"111122223333"}`,
			who, time.Now().UTC().Format(time.RFC3339), who, who))
	}
	s.write(fmt.Sprintf("trail/%d.json", i), `{"Records":[`+strings.Join(records, ",")+`]}`)
	all.add(acts...)
}

// until sends a delivery until its sender is told that it was taken. It breaks off
// itself, too.
func (s *site) until(ctx context.Context, path, body string, header http.Header) {
	for ctx.Err() == nil {
		if s.attempt(path, body, header) {
			return
		}
		time.Sleep(time.Duration(5+rand.IntN(30)) * time.Millisecond)
	}
}

// attempt sends a delivery once, over a connection of its own, and reports whether
// it was taken. One in six is broken off at some byte, or before the answer.
func (s *site) attempt(path, body string, header http.Header) bool {
	c, err := net.DialTimeout("tcp", s.addr, 5*time.Second)
	if err != nil {
		return false
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(30 * time.Second))
	var request bytes.Buffer
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		s.t.Error(err)
		return false
	}
	req.Header = header.Clone()
	if err := req.Write(&request); err != nil {
		s.t.Error(err)
		return false
	}
	raw := request.Bytes()
	if rand.IntN(6) == 0 {
		_, _ = c.Write(raw[:rand.IntN(len(raw)+1)])
		return false
	}
	if _, err := c.Write(raw); err != nil {
		return false
	}
	answer := make([]byte, 12)
	if _, err := io.ReadFull(c, answer); err != nil {
		return false
	}
	switch status := string(answer[9:]); status {
	case "202":
		return true
	case "503", "429", "408":
		return false
	default:
		s.t.Error(errors.New(path + " is answered " + status))
		return true
	}
}
