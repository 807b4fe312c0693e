package reconcile_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/github/githubtest"
	"sidedoor/ingest/github/reconcile"
	"sidedoor/ingest/ingesttest"
)

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

func TestWhatIsKnownToBeMissingIsReportedThoughItsHourIsForgotten(t *testing.T) {
	x := newRig(t)
	lost := x.github.Emit("push", body(1), githubtest.Lost)
	x.github.Emit("push", body(2), githubtest.Delivered)
	x.github.Hook = "http://127.0.0.1:1"
	x.advance(10 * time.Minute)
	x.r.Hurry(300 * time.Millisecond)
	if err := x.pass(); !errors.Is(err, ingest.ErrNothing) {
		t.Fatal(err)
	}
	x.advance(80 * time.Hour)
	x.restart()
	if err := x.pass(); err != nil {
		t.Fatal(err)
	}
	_, p, _ := x.arrived(start)
	if p.Verdict != event.Missing || len(p.Faults) != 2 || !strings.HasPrefix(p.Faults[0], lost) ||
		p.Faults[1] != "the rest of the hour was not compared: GitHub lists deliveries for three days only" {
		t.Errorf("%+v", p)
	}
	if _, _, proofs := x.arrived(start.Add(2 * time.Hour)); proofs != 0 {
		t.Error("an hour of which nothing is known has a proof")
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
	x.advance(69 * time.Hour)
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
