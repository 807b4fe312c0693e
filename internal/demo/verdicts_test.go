package demo_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/internal/demo"
	"sidedoor/rules"
	"sidedoor/rules/judge/offline"
	"sidedoor/rules/pack"
)

// sources are the sources of the demo as its configuration names them.
var sources = map[string]event.Envelope{
	demo.SourceCloudTrail: {Source: "cloudtrail", Product: "aws", Service: "cloudtrail", Scope: "111122223333"},
	demo.SourceKubernetes: {Source: "kubernetes", Product: "kubernetes", Service: "audit", Scope: "prod-eu"},
	demo.SourceGitHub:     {Source: "github", Product: "github", Service: "webhook", Scope: "kestrel-parcels"},
	demo.SourceApprovals:  {Source: "approvals", Product: "approvals", Service: "cloudevents"},
}

// judgement is what the judge said last of one act.
type judgement struct {
	beat    *demo.Beat
	verdict *event.Verdict
	history []event.State
}

// judged runs the whole week through the pack, offline.
func judged(t *testing.T, sc *demo.Scenario) []judgement {
	t.Helper()
	policy, faults := rules.Load(pack.FS(), sc.Policy())
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	matcher, faults := policy.Compile(rules.Defaults{})
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	sorter := offline.NewSorter(t.TempDir(), 0)
	defer sorter.Close()
	ends, beats := map[string]time.Time{}, map[string]*demo.Beat{}
	for _, d := range sc.Deliveries() {
		b := batch(t, d)
		for _, e := range b.Events {
			if e.Occurred.IsZero() || e.Occurred.After(d.At) || e.Occurred.Before(d.At.Add(-15*time.Minute)) {
				t.Errorf("%s %s: occurred %s, delivered %s", d.Source, d.Kind, e.Occurred, d.At)
			}
			if e.Occurred.After(ends[b.Source]) {
				ends[b.Source] = e.Occurred
			}
		}
		matches, dead := matcher.Match(b)
		for _, x := range dead {
			t.Errorf("%s of %s: %s", d.Source, d.At, x.Reason)
		}
		for _, m := range matches {
			beats[m.ID()] = d.Beat
			if err := sorter.Add(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	last := map[string]*judgement{}
	err := sorter.Run(t.Context(), offline.Config{Policy: policy.Announce(time.Time{}, "test", infos()), Ends: ends}, func(r event.Record) error {
		if v, ok := r.Body.(*event.Verdict); ok {
			if last[v.ID] == nil {
				last[v.ID] = &judgement{beat: beats[v.ID]}
			}
			last[v.ID].verdict = v
			last[v.ID].history = append(last[v.ID].history, v.Verdict)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var out []judgement
	for _, id := range slices.Sorted(maps.Keys(last)) {
		out = append(out, *last[id])
	}
	return out
}

func infos() []rules.SourceInfo {
	var out []rules.SourceInfo
	for _, name := range slices.Sorted(maps.Keys(sources)) {
		s := sources[name]
		out = append(out, rules.SourceInfo{Name: s.Source, Product: s.Product, Service: s.Service})
	}
	return out
}

// batch is what ingest makes of a delivery.
func batch(t *testing.T, d demo.Delivery) event.Batch {
	t.Helper()
	b := event.Batch{Envelope: sources[d.Source]}
	b.Received = d.At
	for i, raw := range records(t, d) {
		e, err := logfile.Identify(b.Product, b.Service, d.Kind, raw)
		if err != nil {
			t.Fatalf("%s of %s: %v", d.Source, d.At, err)
		}
		e.Index, e.Kind = i, d.Kind
		b.Events = append(b.Events, e)
	}
	return b
}

func TestEveryBeatIsJudgedAsTheStoryTells(t *testing.T) {
	sc := load(t)
	got := map[string]int{}
	for _, j := range judged(t, sc) {
		if j.beat != nil {
			got[fact(*j.beat, j.verdict.Rule.Name, j.verdict.Actor.Person, j.history)]++
		}
	}
	want := map[string]int{}
	for _, b := range sc.Beats() {
		for _, e := range b.Expect {
			history := []event.State{e.Verdict}
			if e.Becomes != "" {
				history = append(history, e.Becomes)
			}
			want[fact(b, e.Rule, e.Actor, history)] += max(e.Acts, 1)
		}
	}
	for f, n := range want {
		if got[f] != n {
			t.Errorf("want %d, got %d: %s", n, got[f], f)
		}
	}
	for f, n := range got {
		if want[f] == 0 {
			t.Errorf("the story does not tell: %d: %s", n, f)
		}
	}
}

func fact(b demo.Beat, rule, actor string, history []event.State) string {
	return fmt.Sprintf("%s %q: %s by %s is %v", b.At.Format("Mon 15:04"), b.Title, rule, actor, history)
}

func TestNothingInTheNormalWeekIsABypass(t *testing.T) {
	approved := map[string]int{}
	for _, j := range judged(t, load(t)) {
		if j.beat != nil {
			continue
		}
		v := j.verdict
		if v.Verdict != event.Approved {
			t.Errorf("%s: %s by %s on %s is %s: %s", v.Event.At().Format("Mon 15:04"), v.Rule.Name, v.Actor.Name, v.Resource, v.Verdict, v.Reason)
		}
		approved[v.Rule.Name]++
	}
	t.Logf("approved: %v", approved)
	// The normal week has acts, and they come in by the front door.
	for _, rule := range []string{
		"aws-privileged-role-assumed", "k8s-exec", "k8s-direct-change", "github-direct-push", "github-unreviewed-merge",
		"github-unapproved-deployment", "github-unreviewed-deployment", "github-workflow-changed",
	} {
		if approved[rule] == 0 {
			t.Errorf("no act of rule %s is approved", rule)
		}
	}
}
