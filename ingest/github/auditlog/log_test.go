package auditlog_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"

	"sidedoor/ingest"
	"sidedoor/ingest/github/auditlog"
	"sidedoor/ingest/github/githubtest"
	"sidedoor/ingest/ingesttest"
)

var start = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

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

// rig is a GitHub and a log of it.
type rig struct {
	*clock
	*ingesttest.Recorder
	t      *testing.T
	github *githubtest.Server
	cfg    auditlog.Config
	in     ingest.Intake
	fetch  auditlog.Fetch
}

func newRig(t *testing.T) *rig {
	t.Helper()
	x := &rig{clock: &clock{t: start}, Recorder: &ingesttest.Recorder{}, t: t}
	x.github = githubtest.New(t, x.now)
	x.cfg = auditlog.Config{Organization: "acme", API: x.github.URL, TokenFile: ingesttest.Secret(t, githubtest.Token)}
	if err := x.cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	x.in = x.Intake(ingesttest.Source(&x.cfg, "audit", "acme"), x.now)
	x.restart()
	return x
}

func (x *rig) restart() {
	x.t.Helper()
	fetch, err := auditlog.Open(&x.cfg, x.in)
	if err != nil {
		x.t.Fatal(err)
	}
	x.fetch = fetch
}

// log enters an entry that can be seen after a while.
func (x *rig) log(id string, at time.Time, after time.Duration) {
	x.github.Log(at, at.Add(after), fmt.Sprintf(`{"@timestamp":%d,"_document_id":%q,"action":"repo.destroy","actor":"alice <a&b>"}`, at.UnixMilli(), id))
}

func (x *rig) poll() {
	x.t.Helper()
	if _, err := x.fetch(x.t.Context()); err != nil {
		x.t.Fatal(err)
	}
}

// ids are those of all events, in the order in which they came.
func (x *rig) ids() string {
	var ids []string
	for _, e := range x.Events() {
		ids = append(ids, e.ID)
	}
	return strings.Join(ids, " ")
}

func TestEveryEntryIsReadOnceHoweverLateItComes(t *testing.T) {
	x := newRig(t)
	for i := range 250 {
		x.log(fmt.Sprintf("d%03d", i), start.Add(time.Duration(i)*time.Second), 0)
	}
	x.log("late", start.Add(time.Second), 8*time.Minute)
	x.advance(5 * time.Minute)
	x.poll()
	if n := len(x.Events()); n != 250 {
		t.Fatalf("%d events", n)
	}
	asked := x.github.Asked()
	if len(asked) != 3 || asked[0] != "GET /orgs/acme/audit-log" {
		t.Errorf("asked %v", asked)
	}
	x.poll()
	if n := len(x.Batches()); n != 3 {
		t.Errorf("%d batches after nothing new", n)
	}
	x.advance(4 * time.Minute)
	x.log("new", x.now().Add(-time.Second), 0)
	x.restart()
	x.poll()
	if n := len(x.Events()); n != 252 || !strings.HasSuffix(x.ids(), " late new") {
		t.Errorf("%d events: %s", n, x.ids())
	}
	if raw := string(x.Events()[0].Raw); !strings.Contains(raw, "alice <a&b>") {
		t.Errorf("the entry is not as it came: %s", raw)
	}
}

func TestAnEntryOfTheFutureHidesNone(t *testing.T) {
	x := newRig(t)
	x.github.Log(start.AddDate(1, 0, 0), start, fmt.Sprintf(`{"@timestamp":%d,"action":"repo.create"}`, start.AddDate(1, 0, 0).UnixMilli()))
	x.poll()
	x.advance(time.Hour)
	x.log("d1", start.Add(30*time.Minute), 0)
	x.poll()
	if x.ids() != " d1" {
		t.Errorf("events: %q", x.ids())
	}
}

// What comes behind it may have to wait, and the monitor be started anew.
func TestAnEntryWithoutATimeHidesNone(t *testing.T) {
	x := newRig(t)
	x.poll()
	x.github.Log(start, start, `{"action":"repo.create"}`)
	for i := range 150 {
		x.log(fmt.Sprint("d", i), start.Add(time.Second), 0)
	}
	x.advance(5 * time.Hour) // while we were down
	x.github.Fail(nil, githubtest.Status(502, "Server Error"))
	if _, err := x.fetch(t.Context()); err == nil {
		t.Fatal("the second page: no error")
	}
	x.restart()
	x.poll()
	if n := len(x.Events()); n != 151 {
		t.Errorf("%d events", n)
	}
}

func TestAnEntryThatCannotBeReadCostsItselfOnly(t *testing.T) {
	x := newRig(t)
	x.github.Log(start, start, `{"no":"action"}`)
	x.log("d1", start, 0)
	x.poll()
	x.poll() // and is told once
	if dead := x.Dead(); x.ids() != "d1" || len(dead) != 1 || dead[0].Cause != "malformed" || !strings.Contains(dead[0].Reason, "/orgs/acme/audit-log entry 0") {
		t.Errorf("events %q, buried %+v", x.ids(), dead)
	}
}

func TestWhatGoesWrongWithTheLogIsTriedAgain(t *testing.T) {
	x := newRig(t)
	for i := range 150 {
		x.log(fmt.Sprint("d", i), start, 0)
	}
	x.github.Fail(githubtest.SecondaryLimit(http.StatusForbidden, "90"), nil, githubtest.HangUp, nil, githubtest.Status(502, "Server Error"))
	_, err := x.fetch(t.Context())
	if asked, ok := errors.AsType[*backoff.RetryAfterError](err); !ok || asked.Duration != 90*time.Second {
		t.Errorf("got %v", err)
	}
	for _, want := range []string{"breaks off", "status 502"} {
		if _, err := x.fetch(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	x.FailWith(errors.New("the disk is full"))
	if _, err := x.fetch(t.Context()); err == nil {
		t.Error("what is not stored is taken as read")
	}
	x.FailWith(nil)
	x.restart()
	x.poll()
	if n := len(x.Events()); n != 150 {
		t.Errorf("%d events", n)
	}
}

func TestAPeriodIsBackfilledAndTakenUpWhereItWasBrokenOff(t *testing.T) {
	x := newRig(t)
	x.cfg = auditlog.Config{Enterprise: "acme-inc", API: x.github.URL, TokenFile: x.cfg.TokenFile}
	x.advance(48 * time.Hour)
	for i := range 360 {
		x.log(fmt.Sprint("d", i), start.Add(time.Duration(i)*time.Minute), 0)
	}
	period := ingest.Period{From: start.Add(time.Hour), To: start.Add(5 * time.Hour)}
	var last ingest.Progress
	progress := func(p ingest.Progress) { last = p }
	x.github.Fail(nil, nil, githubtest.Status(502, "Server Error"))
	if err := x.cfg.Backfill(t.Context(), x.in, period, progress); err == nil || last.Done != 2 {
		t.Fatalf("%v %+v", err, last)
	}
	asked := len(x.github.Asked())
	if err := x.cfg.Backfill(t.Context(), x.in, period, progress); err != nil {
		t.Fatal(err)
	}
	if n := len(x.Events()); n != 240 || last.Done != 3 || last.Events != 240 || len(x.github.Asked()) != asked+1 {
		t.Errorf("%d events, %+v, asked %v", n, last, x.github.Asked()[asked:])
	}
	// Once more is all of it once more, and stores nothing.
	if err := x.cfg.Backfill(t.Context(), x.in, period, progress); err != nil || len(x.Events()) != 240 || last.Done != 3 {
		t.Errorf("%v, %d events, %+v", err, len(x.Events()), last)
	}
	for i, e := range x.Events() {
		if !period.Contains(e.Occurred) {
			t.Errorf("event %d is of %v", i, e.Occurred)
		}
	}
}

func TestABackfillWhoseCursorIsForgottenBeginsAnew(t *testing.T) {
	x := newRig(t)
	for i := range 150 {
		x.log(fmt.Sprint("d", i), start, 0)
	}
	period := ingest.Period{From: start, To: start.Add(time.Hour)}
	x.github.Fail(nil, githubtest.Status(502, ""), githubtest.Status(http.StatusUnprocessableEntity, "Invalid cursor"))
	progress := func(ingest.Progress) {}
	if err := x.cfg.Backfill(t.Context(), x.in, period, progress); err == nil {
		t.Fatal("no error")
	}
	if err := x.cfg.Backfill(t.Context(), x.in, period, progress); err != nil || len(x.Events()) != 150 {
		t.Errorf("%v, %d events", err, len(x.Events()))
	}
}

func TestTheWaysOfALogExcludeEachOther(t *testing.T) {
	for want, c := range map[string]auditlog.Config{
		"exactly one way":         {},
		"exactly one way:":        {Organization: "acme", Path: "/x", TokenFile: "t"},
		"token-file is missing":   {Organization: "acme"},
		"leave out one":           {Organization: "acme", Enterprise: "acme-inc", TokenFile: "t"},
		"is no name such as acme": {Organization: "a/b", TokenFile: "t"},
		"is not encrypted":        {Organization: "acme", TokenFile: "t", API: "http://ghe.example.com/api/v3"},
		"api: it goes with":       {Path: "/x", TokenFile: "t", API: "https://ghe.example.com/api/v3"},
		"does not begin with /":   {Path: "x", TokenFile: "t"},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %s", c, err, want)
		}
	}
	var c auditlog.Config
	c.Bucket, c.TokenFile = "acme-audit", "t"
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "with AWS's credentials") {
		t.Errorf("got %v", err)
	}
	c.TokenFile = ""
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	c = auditlog.Config{Organization: "acme", TokenFile: "t"}
	c.Region, c.Every = "eu-west-1", time.Second
	err := c.Validate()
	if err == nil || !strings.Contains(err.Error(), "region, profile") || !strings.Contains(err.Error(), "every: 1s is less than 10s") {
		t.Errorf("got %v", err)
	}
}
