package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/github"
	"sidedoor/ingest/github/githubtest"
	"sidedoor/ingest/github/reconcile"
	"sidedoor/ingest/ingesttest"
	"sidedoor/stream"
)

// clock is a clock that is set.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// rig is a GitHub, our endpoint, and a stream.
type rig struct {
	*clock
	t      testing.TB
	github *githubtest.Server
	stream *stream.Stream
	in     ingest.Intake
	cfg    reconcile.Config
	r      *reconcile.Reconciler
}

var start = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

func newRig(t testing.TB) *rig {
	t.Helper()
	x := &rig{clock: &clock{t: start}, t: t}
	x.github = githubtest.New(t, x.now)
	s, err := stream.Open(t.Context(), stream.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	x.stream = s
	src := ingest.Source{Name: "github", Product: "github", Service: "webhook", Scope: "acme"}
	x.in = ingest.Intake{
		Source: src, Sink: s, Bookmarks: s, Arrivals: s, Coverage: ingest.NewCoverage(src, s, x.now),
		Metrics: ingest.NewMetrics(prometheus.NewRegistry()), Now: x.now, Log: ingesttest.Log(),
	}
	x.cfg = reconcile.Config{Organization: "acme", HookID: 7, TokenFile: ingesttest.Secret(t, githubtest.Token), API: x.github.URL}
	hook := &github.Config{Path: "/github", SecretFile: ingesttest.Secret(t, x.github.Secret), Reconcile: &x.cfg}
	running, err := hook.Open(x.in)
	if err != nil || running.Run == nil {
		t.Fatal(running, err)
	}
	endpoint := httptest.NewServer(running.Handler)
	t.Cleanup(endpoint.Close)
	x.github.Hook = endpoint.URL + "/github"
	x.restart()
	return x
}

// restart forgets all that is not kept.
func (x *rig) restart() {
	x.t.Helper()
	r, err := reconcile.New(x.cfg, x.in)
	if err != nil {
		x.t.Fatal(err)
	}
	x.r = r
}

func (x *rig) pass() error {
	_, err := x.r.Pass(x.t.Context())
	return err
}

// arrived returns the GUIDs on the stream, and what proof was given of an hour last.
func (x *rig) arrived(hour time.Time) (guids map[string]bool, last event.Proof, proofs int) {
	x.t.Helper()
	guids = map[string]bool{}
	err := x.stream.ReadArrivals(x.t.Context(), 0, func(a stream.Arrival) error {
		if a.Batch != nil {
			guids[a.Batch.Events[0].ID] = true
		}
		if a.Proof != nil && a.Proof.From.Equal(hour) {
			last, proofs = *a.Proof, proofs+1
		}
		return nil
	})
	if err != nil {
		x.t.Fatal(err)
	}
	return guids, last, proofs
}

func body(i int) string {
	return fmt.Sprintf(`{"ref":"refs/heads/main","before":"0","after":"%d","commits":[],"pusher":{"name":"alice"},"repository":{"pushed_at":1794819600}}`, i)
}

func TestOfAThousandDeliveriesThoseThatAreLostAreRecovered(t *testing.T) {
	x := newRig(t)
	sent := map[string]bool{}
	for i := range 1000 {
		how := githubtest.Delivered
		if i%20 == 7 {
			how = githubtest.Lost
		}
		sent[x.github.Emit("push", body(i), how)] = true
		x.advance(3 * time.Second)
	}
	x.advance(2 * time.Minute)
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	guids, _, proofs := x.arrived(start)
	for guid := range sent {
		if !guids[guid] {
			t.Errorf("%s is not on the stream", guid)
		}
	}
	if proofs != 0 {
		t.Error("an hour has a proof before it is over")
	}
	x.advance(time.Hour)
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	_, p, proofs := x.arrived(start)
	if proofs != 1 || p.Kind != event.DeliveryList || p.Part != "hook/7" || p.Verdict != event.Complete || p.Items != 1000 || p.Recovered != 50 ||
		!p.To.Equal(start.Add(time.Hour)) || len(p.Faults) != 0 {
		t.Errorf("%d proofs, the last %+v", proofs, p)
	}
}

func TestWhatGitHubCannotRedeliverIsReported(t *testing.T) {
	x := newRig(t)
	gone := x.github.Emit("push", body(1), githubtest.Lost)
	x.github.Emit("push", body(2), githubtest.Delivered)
	x.github.Delete(gone)
	x.advance(70 * time.Minute)
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	_, p, _ := x.arrived(start)
	want := gone + " push 2026-11-16T09:00:00Z: status 502, not redelivered: GitHub refuses with status 422"
	if p.Verdict != event.Missing || p.Items != 2 || len(p.Faults) != 1 || p.Faults[0] != want {
		t.Errorf("proof %+v", p)
	}
}

func TestAnEndpointThatIsDownForDaysLosesWhatGitHubForgets(t *testing.T) {
	x := newRig(t)
	up := x.github.Hook
	lost := x.github.Emit("push", body(1), githubtest.Lost)
	x.github.Hook = "http://127.0.0.1:1" // redeliveries fail as well
	for range 4 {
		x.advance(70 * time.Minute)
		x.r.Hurry(300 * time.Millisecond)
		if err := x.pass(); err != nil && !errors.Is(err, ingest.ErrNothing) {
			t.Fatal(err)
		}
		x.restart()
	}
	_, p, _ := x.arrived(start)
	if p.Verdict != event.Missing || len(p.Faults) != 1 || !strings.Contains(p.Faults[0], "status 502, not redelivered, asked for ") {
		t.Fatalf("while it may still come: %+v", p)
	}
	x.github.Hook = up
	late := x.github.Emit("push", body(2), githubtest.Lost)
	x.advance(redeliverable)
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	_, p, _ = x.arrived(start)
	if p.Verdict != event.Missing || len(p.Faults) != 1 || !strings.Contains(p.Faults[0], lost+" push 2026-11-16T09:00:00Z: status 502, not redelivered, and too old for it now") {
		t.Errorf("in the end: %+v", p)
	}
	if guids, _, _ := x.arrived(start); guids[lost] || guids[late] {
		t.Errorf("GitHub redelivers what is older than three days: %v", guids)
	}
}

const redeliverable = 72 * time.Hour

// timeless is a context for a pass that would wait for what cannot come.
func timeless(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

func TestAReportIsTakenBackWhenTheEventArrivesAfterAll(t *testing.T) {
	x := newRig(t)
	up := x.github.Hook
	lost := x.github.Emit("push", body(1), githubtest.Lost)
	x.github.Hook = "http://127.0.0.1:1"
	x.advance(4 * time.Hour)
	x.r.Hurry(300 * time.Millisecond)
	if err := x.pass(); !errors.Is(err, ingest.ErrNothing) {
		t.Errorf("with something missing: %v", err)
	}
	if _, p, _ := x.arrived(start); p.Verdict != event.Missing {
		t.Errorf("first: %+v", p)
	}
	x.restart()
	x.github.Fail(nil, githubtest.Status(http.StatusInternalServerError, "Server Error"))
	if err := x.pass(); err == nil || !strings.Contains(err.Error(), "status 500") {
		t.Errorf("an API that fails: %v", err)
	}
	x.github.Hook = up
	x.advance(time.Hour)
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	guids, p, _ := x.arrived(start)
	if !guids[lost] || p.Verdict != event.Complete || p.Recovered != 1 || p.Items != 1 || len(p.Faults) != 0 {
		t.Errorf("%v %+v", guids, p)
	}
}

func TestADeliveryThatSomebodyElseTookIsAFinding(t *testing.T) {
	x := newRig(t)
	stolen := x.github.Emit("push", body(1), githubtest.Swallowed)
	kept := x.github.Emit("push", body(2), githubtest.Swallowed)
	x.github.Delete(kept)
	x.advance(70 * time.Minute)
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	guids, p, _ := x.arrived(start)
	if !guids[stolen] || p.Verdict != event.Missing || p.Recovered != 1 || len(p.Faults) != 2 ||
		!strings.HasPrefix(p.Faults[0], kept+" push 2026-11-16T09:00:00Z: status 200, though not from here, not redelivered") ||
		p.Faults[1] != stolen+" push 2026-11-16T09:00:00Z: status 200, though not from here; redelivered since" {
		t.Errorf("%v %+v", guids, p)
	}
}

func TestADeliveryThatGitHubDidNotSendIsAFinding(t *testing.T) {
	x := newRig(t)
	x.github.Emit("push", body(1), githubtest.Delivered)
	forged := x.github.Emit("pull_request_review", `{"action":"submitted","review":{},"pull_request":{}}`, githubtest.Unlisted)
	x.advance(70 * time.Minute)
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	_, p, _ := x.arrived(start)
	if p.Verdict != event.Altered || p.Items != 1 || len(p.Faults) != 1 || p.Faults[0] != `"`+forged+`" arrived 2026-11-16T09:00:00Z and GitHub did not send it` {
		t.Errorf("%+v", p)
	}
}

func TestARestartAtAnyPointChangesNothing(t *testing.T) {
	x := newRig(t)
	for i := range 60 {
		how := githubtest.Delivered
		if i%10 == 3 {
			how = githubtest.Lost
		}
		x.github.Emit("push", body(i), how)
		x.advance(3 * time.Minute)
		if i%3 == 0 {
			x.restart()
			if err := x.pass(); err != nil && !errors.Is(err, ingest.ErrNothing) {
				t.Fatal(err)
			}
		}
	}
	x.advance(time.Hour)
	x.restart()
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	items, recovered := 0, 0
	for h := range 3 {
		_, p, proofs := x.arrived(start.Add(time.Duration(h) * time.Hour))
		if proofs != 1 || p.Verdict != event.Complete {
			t.Errorf("hour %d has %d proofs, the last %+v", h, proofs, p)
		}
		items, recovered = items+p.Items, recovered+p.Recovered
	}
	if items != 60 || recovered != 6 {
		t.Errorf("%d deliveries, %d recovered", items, recovered)
	}
}

func TestWhatGoesWrongWithTheAPIIsTriedAgainWhenGitHubSays(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault http.HandlerFunc
		after time.Duration // 0: as the back-off has it
		says  string
	}{
		{"the limit per hour", githubtest.HourlyLimit(start.Add(20 * time.Minute)), 20*time.Minute + time.Second, "API rate limit exceeded"},
		{"a secondary limit", githubtest.SecondaryLimit(http.StatusForbidden, "90"), 90 * time.Second, "secondary rate limit"},
		{"a secondary limit with a date", githubtest.SecondaryLimit(http.StatusTooManyRequests, start.Add(2*time.Minute).Format(http.TimeFormat)), 2 * time.Minute, "secondary rate limit"},
		{"a secondary limit that says no time", githubtest.SecondaryLimit(http.StatusForbidden, ""), time.Minute, "secondary rate limit"},
		{"too many requests without a word", githubtest.Status(http.StatusTooManyRequests, ""), time.Minute, "429"},
		{"for ever", githubtest.SecondaryLimit(http.StatusTooManyRequests, "99999999"), 2 * time.Hour, "429"},
		{"a server that fails", githubtest.Status(http.StatusBadGateway, "Server Error"), 0, "status 502"},
		{"a token without rights", githubtest.Status(http.StatusNotFound, "Not Found"), 0, "docs/sources.md names the scopes"},
		{"a wrong token", githubtest.Status(http.StatusUnauthorized, "Bad credentials"), 0, "not expired?"},
		{"a connection that breaks off", githubtest.HangUp, 0, "breaks off"},
		{"no JSON", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, 0, "list of deliveries"},
		{"a list with a hole", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`[{"id":1}]`)) }, 0, "number 0 has no GUID"},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newRig(t)
			x.github.Emit("push", body(1), githubtest.Lost)
			x.advance(2 * time.Minute)
			x.clock.t = start.Add(0) // the limits are told by the clock
			x.github.Fail(c.fault)
			err := x.pass()
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), githubtest.Token) {
				t.Fatalf("got %v", err)
			}
			asked, ok := errors.AsType[*backoff.RetryAfterError](err)
			if ok != (c.after != 0) || (ok && asked.Duration != c.after) {
				t.Errorf("to be tried again after %v", asked)
			}
			x.advance(2 * time.Minute)
			if err := x.pass(); err != nil {
				t.Errorf("the next time: %v", err)
			}
			if guids, _, _ := x.arrived(start); len(guids) != 1 {
				t.Errorf("on the stream: %v", guids)
			}
		})
	}
}

func TestAnAPIThatHangsIsLeftWithTheContext(t *testing.T) {
	x := newRig(t)
	x.github.Fail(githubtest.Hang)
	if _, err := x.r.Pass(timeless(t)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestTheHooksOfARepositoryAndOfAnAppAreReconciled(t *testing.T) {
	for part, cfg := range map[string]reconcile.Config{
		"hook/7":    {Repository: "acme/shop", HookID: 7},
		"app/12345": {AppID: githubtest.AppID},
	} {
		t.Run(part, func(t *testing.T) {
			x := newRig(t)
			cfg.API = x.github.URL
			if cfg.AppID != "" {
				cfg.KeyFile = x.github.AppKey()
			} else {
				cfg.TokenFile = ingesttest.Secret(t, githubtest.Token)
			}
			x.cfg = cfg
			x.restart()
			lost := x.github.Emit("push", body(1), githubtest.Lost)
			x.advance(70 * time.Minute)
			if err := x.pass(); err != nil {
				t.Fatal(err)
			}
			guids, p, _ := x.arrived(start)
			if !guids[lost] || p.Part != part || p.Verdict != event.Complete || p.Recovered != 1 {
				t.Errorf("%v %+v", guids, p)
			}
		})
	}
}

func TestTheFirstTimeThePastThreeDaysAreRecovered(t *testing.T) {
	x := newRig(t)
	old := x.github.Emit("push", body(1), githubtest.Lost)
	x.advance(71 * time.Hour)
	x.github.Emit("push", body(2), githubtest.Delivered)
	x.advance(2 * time.Minute)
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	if guids, _, _ := x.arrived(start); !guids[old] {
		t.Errorf("on the stream: %v", guids)
	}
}

func TestOnlySoManyAreAskedForAtOnce(t *testing.T) {
	x := newRig(t)
	for i := range 100 {
		x.github.Emit("push", body(i), githubtest.Lost)
	}
	for _, want := range []int{80, 100} {
		x.advance(10 * time.Minute)
		if err := x.pass(); err != nil && !errors.Is(err, ingest.ErrNothing) {
			t.Fatal(err)
		}
		if guids, _, _ := x.arrived(start); len(guids) != want {
			t.Errorf("%d arrived, want %d", len(guids), want)
		}
	}
}

func TestAConfigurationThatCannotWorkIsRefused(t *testing.T) {
	good := reconcile.Config{Organization: "acme", HookID: 7, TokenFile: "t"}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
	for want, c := range map[string]reconcile.Config{
		"exactly one of organization, repository, app-id": {Organization: "a", Repository: "a/b"},
		"is no organisation's name":                       {Organization: "a/../b", HookID: 7, TokenFile: "t"},
		"is not of the form owner/name":                   {Repository: "shop", HookID: 7, TokenFile: "t"},
		"hook-id is missing":                              {Organization: "acme", TokenFile: "t"},
		"token-file is missing":                           {Organization: "acme", HookID: 7},
		"key-file is missing":                             {AppID: "1"},
		"leave out hook-id and token-file":                {AppID: "1", KeyFile: "k", HookID: 7},
		"key-file goes with app-id":                       {Organization: "acme", HookID: 7, TokenFile: "t", KeyFile: "k"},
		"every: 1s is not between 1m0s and 1h0m0s":        {Organization: "acme", HookID: 7, TokenFile: "t", Every: time.Second},
		"would travel in the clear":                       {Organization: "acme", HookID: 7, TokenFile: "t", API: "http://ghe.example.com/api/v3"},
		"is not the address of an API":                    {Organization: "acme", HookID: 7, TokenFile: "t", API: "ghe"},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", c, err, want)
		}
	}
}

func FuzzAListOfDeliveries(f *testing.F) {
	f.Add([]byte(`[{"id":12345678,"guid":"0b989ba4-242f-11e5-81e1-c7b6966d2516","delivered_at":"2019-06-03T00:57:16Z","redelivery":false,"duration":0.27,"status":"OK","status_code":200,"event":"issues","action":"opened","installation_id":123,"repository_id":456}]`))
	f.Add([]byte(`[{"id":1,"guid":"a","delivered_at":null,"action":null}]`))
	f.Add([]byte(`{"message":"Not Found"}`))
	f.Fuzz(func(t *testing.T, page []byte) {
		if n, err := reconcile.Parse(page); err != nil && n != 0 {
			t.Errorf("%d deliveries beside %v", n, err)
		}
	})
}
