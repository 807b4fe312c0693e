package gitlab_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/gitlab"
	"sidedoor/ingest/ingesttest"
)

// instance answers as GitLab's audit events API does: the newest first, in pages
// with a keyset link.
type instance struct {
	t      *testing.T
	server *httptest.Server

	mu     sync.Mutex
	times  []time.Time // of the events, by id
	asked  int
	answer func(w http.ResponseWriter, ask int) bool // that it answered itself
}

func newInstance(t *testing.T) *instance {
	t.Helper()
	g := &instance{t: t}
	g.server = httptest.NewServer(g)
	t.Cleanup(g.server.Close)
	return g
}

func (g *instance) happen(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.times = append(g.times, at)
}

func (g *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	if r.URL.EscapedPath() != "/api/v4/groups/acme%2Fplatform/audit_events" || r.Header.Get("PRIVATE-TOKEN") != token {
		http.Error(w, "404 Not found", http.StatusNotFound)
		return
	}
	if g.answer != nil && g.answer(w, g.asked) {
		return
	}
	q := r.URL.Query()
	from, err1 := time.Parse(time.RFC3339, q.Get("created_after"))
	to, err2 := time.Parse(time.RFC3339, q.Get("created_before"))
	if err1 != nil || err2 != nil || to.Sub(from) > 30*24*time.Hour || q.Get("per_page") != "100" || q.Get("pagination") != "keyset" {
		http.Error(w, "400 Bad request", http.StatusBadRequest)
		return
	}
	below := len(g.times)
	if c := q.Get("cursor"); c != "" {
		below, _ = strconv.Atoi(c)
	}
	page := []map[string]any{}
	for id := below - 1; id >= 0 && len(page) < 100; id-- {
		below = id
		if at := g.times[id]; !at.Before(from) && !at.After(to) {
			page = append(page, map[string]any{
				"id": id, "author_id": 1, "entity_id": 2, "entity_type": "Group", "created_at": at, "details": map[string]any{"custom_message": "x"},
			})
		}
	}
	if len(page) == 100 && below > 0 {
		q.Set("cursor", strconv.Itoa(below))
		w.Header().Set("Link", fmt.Sprintf(`<%s%s?%s>; rel="next", <%s/x>; rel="first"`, g.server.URL, r.URL.EscapedPath(), q.Encode(), g.server.URL))
	}
	_ = json.NewEncoder(w).Encode(page)
}

func (g *instance) config(t *testing.T) *gitlab.AuditConfig {
	return &gitlab.AuditConfig{API: g.server.URL, Group: "acme/platform", TokenFile: ingesttest.Secret(t, token), Every: 5 * time.Second}
}

func ids(sink *ingesttest.Recorder) []int {
	var all []int
	for _, e := range sink.Events() {
		id, _ := strconv.Atoi(e.ID)
		all = append(all, id)
	}
	slices.Sort(all)
	return all
}

// eventually waits for what another goroutine brings about.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 2000 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("it does not come about: %s", what)
}

func upTo(n int) []int {
	var all []int
	for i := range n {
		all = append(all, i)
	}
	return all
}

// clock is a clock that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestAuditEventsAreReadPageByPageAndNoneTwiceOverARestart(t *testing.T) {
	g, c := newInstance(t), &clock{at: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	k, sink := g.config(t), &ingesttest.Recorder{}
	run := func(want int) {
		t.Helper()
		running, err := k.Open(sink.Intake(ingesttest.Source(k, "gitlab-audit", "acme"), c.now))
		if err != nil {
			t.Fatal(err)
		}
		stop := ingesttest.Run(t, running.Run)
		eventually(t, fmt.Sprint(want, " events"), func() bool { return len(sink.Events()) >= want })
		stop()
		if got := ids(sink); !slices.Equal(got, upTo(want)) {
			t.Fatalf("stored %v", got)
		}
	}
	for i := range 250 {
		g.happen(c.now().Add(-time.Duration(250-i) * time.Second / 2))
	}
	run(250)
	for range 10 { // while we are down
		c.move(24 * time.Hour)
		g.happen(c.now().Add(-time.Minute))
	}
	run(260)
	// One that appears late, among those of a time that was read.
	g.happen(c.now().Add(-3 * time.Minute))
	c.move(time.Minute)
	run(261)
}

func TestAnAPIThatAsksToWaitIsGivenTime(t *testing.T) {
	g := newInstance(t)
	for i := range 3 {
		g.happen(time.Now().Add(-time.Duration(i) * time.Second))
	}
	g.answer = func(w http.ResponseWriter, ask int) bool {
		switch ask {
		case 1:
			w.Header().Set("Retry-After", "1")
			http.Error(w, "", http.StatusTooManyRequests)
		case 2:
			_, _ = w.Write([]byte(`{"message":"no array"}`))
		default:
			return false
		}
		return true
	}
	k := g.config(t)
	running, sink := ingesttest.Open(t, k, "gitlab-audit", "acme")
	ingesttest.Run(t, running.Run)
	eventually(t, "the events", func() bool { return len(sink.Events()) == 3 })
}

func TestATokenIsShownToNobodyElse(t *testing.T) {
	shown := false
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		shown = shown || r.Header.Get("PRIVATE-TOKEN") != ""
	}))
	defer other.Close()
	g := newInstance(t)
	g.answer = func(w http.ResponseWriter, ask int) bool {
		if ask == 1 {
			w.Header().Set("Link", "<"+other.URL+`/api/v4/groups/acme%2Fplatform/audit_events?page=2>; rel="next"`)
			_, _ = w.Write([]byte("[]"))
		} else {
			http.Redirect(w, &http.Request{Method: http.MethodGet}, other.URL, http.StatusFound)
		}
		return true
	}
	k := g.config(t)
	for range 2 {
		err := k.Backfill(t.Context(), (&ingesttest.Recorder{}).Intake(ingesttest.Source(k, "x", ""), time.Now),
			ingest.Period{From: time.Now().Add(-time.Hour), To: time.Now()}, func(ingest.Progress) {})
		if err == nil {
			t.Error("no error")
		}
	}
	if shown {
		t.Error("another host saw the token")
	}
}

func TestABackfillTakesUpWhereItWas(t *testing.T) {
	g, begin := newInstance(t), time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	for i := range 30 {
		g.happen(begin.AddDate(0, 0, i).Add(time.Hour))
	}
	fail := true
	g.answer = func(w http.ResponseWriter, ask int) bool {
		if fail && ask == 3 {
			http.Error(w, "", http.StatusBadGateway)
			return true
		}
		return false
	}
	k, sink := g.config(t), &ingesttest.Recorder{}
	in := sink.Intake(ingesttest.Source(k, "gitlab-audit", "acme"), time.Now)
	period := ingest.Period{From: begin, To: begin.AddDate(0, 0, 30)}
	var last ingest.Progress
	fill := func() error { return k.Backfill(t.Context(), in, period, func(p ingest.Progress) { last = p }) }
	if err := fill(); err == nil {
		t.Fatal("a server that fails: no error")
	}
	fail = false
	before := g.asked
	if err := fill(); err != nil {
		t.Fatal(err)
	}
	if got := ids(sink); !slices.Equal(got, upTo(30)) || last.Done != 5 || last.Total != 5 || g.asked-before != 3 {
		t.Errorf("stored %v, %+v, asked %d times", got, last, g.asked-before)
	}
}

// The period need not be over, and the same command is to bring the rest of it.
func TestABackfillOfAPeriodThatIsNotOverIsDoneAgain(t *testing.T) {
	g, c := newInstance(t), &clock{at: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	k, sink := g.config(t), &ingesttest.Recorder{}
	in := sink.Intake(ingesttest.Source(k, "gitlab-audit", "acme"), c.now)
	period := ingest.Period{From: c.now().Add(-time.Hour), To: c.now().Add(time.Hour)}
	for n := range 3 {
		g.happen(c.now().Add(-time.Minute))
		if err := k.Backfill(t.Context(), in, period, func(ingest.Progress) {}); err != nil {
			t.Fatal(err)
		}
		if got := slices.Compact(ids(sink)); !slices.Equal(got, upTo(n+1)) { // a page that has grown is another batch
			t.Errorf("stored %v", got)
		}
		c.move(30 * time.Minute)
	}
}

func TestAnEntryThatCannotBeReadIsBuriedOnce(t *testing.T) {
	g, c := newInstance(t), &clock{at: time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)}
	g.answer = func(w http.ResponseWriter, _ int) bool {
		_, _ = w.Write([]byte(`[{"no":"audit event"}]`))
		return true
	}
	k, sink := g.config(t), &ingesttest.Recorder{}
	for asked := range 3 {
		running, err := k.Open(sink.Intake(ingesttest.Source(k, "gitlab-audit", "acme"), c.now))
		if err != nil {
			t.Fatal(err)
		}
		stop := ingesttest.Run(t, running.Run)
		eventually(t, "an answer", func() bool {
			g.mu.Lock()
			defer g.mu.Unlock()
			return g.asked > asked && len(sink.Dead()) > 0
		})
		stop()
	}
	if n := len(sink.Dead()); n != 1 {
		t.Errorf("%d dead letters", n)
	}
}

func TestATokenThatWasReplacedIsRead(t *testing.T) {
	g := newInstance(t)
	g.happen(time.Now().Add(-time.Minute))
	k, sink := g.config(t), &ingesttest.Recorder{}
	if err := os.WriteFile(k.TokenFile, []byte("one-that-has-expired"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := sink.Intake(ingesttest.Source(k, "gitlab-audit", "acme"), time.Now)
	running, err := k.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(k.TokenFile, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, running.Run)
	eventually(t, "the event", func() bool { return len(sink.Events()) == 1 })
}

func TestAnAPIThatSaysThereIsNothingNewCoversTheTime(t *testing.T) {
	g := newInstance(t)
	k, sink := g.config(t), &ingesttest.Recorder{}
	in := sink.Intake(ingesttest.Source(k, "gitlab-audit", "acme"), time.Now)
	running, err := k.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	ingesttest.Run(t, running.Run)
	ingesttest.Run(t, in.Coverage.Run)
	eventually(t, "a mark", func() bool { return len(sink.Through()) > 0 })
}
