package demo_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/internal/demo"
	"sidedoor/rules"
	"sidedoor/rules/judge"
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

// bench is what a week is judged with.
type bench struct {
	silences []demo.Silence
	policy   *rules.Policy
	matcher  *rules.Matcher
	beats    map[event.Digest]*demo.Beat // by event
	last     map[string]*judgement       // by verdict
}

func newBench(t *testing.T, sc *demo.Scenario) *bench {
	t.Helper()
	policy, faults := rules.Load(pack.FS(), sc.Policy())
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	matcher, faults := policy.Compile(rules.Defaults{})
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	return &bench{policy: policy, matcher: matcher, silences: sc.Silences(), beats: map[event.Digest]*demo.Beat{}, last: map[string]*judgement{}}
}

// earliest is when the oldest event of a delivery may have occurred.
func (b *bench) earliest(d demo.Delivery) time.Time {
	for _, s := range b.silences {
		if d.Source == s.Source && d.At.Equal(s.Until) {
			return s.From.Add(-15 * time.Minute)
		}
	}
	return d.At.Add(-15 * time.Minute)
}

// match turns a delivery into matches; newest is when its last event occurred.
func (b *bench) match(t *testing.T, d demo.Delivery) (matches []event.Match, newest time.Time) {
	t.Helper()
	events := batch(t, d)
	for _, e := range events.Events {
		if e.Occurred.IsZero() && slices.Contains([]string{"branch_protection_rule", "meta", "membership"}, d.Kind) {
			continue // these do not say when they happened
		}
		if e.Occurred.IsZero() || e.Occurred.After(d.At) || e.Occurred.Before(b.earliest(d)) {
			t.Errorf("%s %s: occurred %s, delivered %s", d.Source, d.Kind, e.Occurred, d.At)
		}
		if e.Occurred.After(newest) {
			newest = e.Occurred
		}
	}
	matches, dead := b.matcher.Match(events)
	for _, x := range dead {
		t.Errorf("%s of %s: %s", d.Source, d.At, x.Reason)
	}
	for _, m := range matches {
		b.beats[m.Event.Key()] = d.Beat
	}
	return matches, newest
}

// note keeps a verdict and what it was before.
func (b *bench) note(r event.Record) error {
	if v, ok := r.Body.(*event.Verdict); ok {
		if b.last[v.ID] == nil {
			b.last[v.ID] = &judgement{beat: b.beats[v.Event.Key()]}
		}
		b.last[v.ID].verdict = v
		b.last[v.ID].history = append(b.last[v.ID].history, v.Verdict)
	}
	return nil
}

func (b *bench) judgements() []judgement {
	out := make([]judgement, 0, len(b.last))
	for _, id := range slices.Sorted(maps.Keys(b.last)) {
		out = append(out, *b.last[id])
	}
	return out
}

// judgedOffline runs the whole week through the pack in the order in which
// things happened.
func judgedOffline(t *testing.T, sc *demo.Scenario) []judgement {
	t.Helper()
	b := newBench(t, sc)
	sorter := offline.NewSorter(t.TempDir(), 0)
	defer sorter.Close()
	ends := map[string]time.Time{}
	for _, d := range sc.Deliveries() {
		matches, newest := b.match(t, d)
		if name := sources[d.Source].Source; newest.After(ends[name]) {
			ends[name] = newest
		}
		for _, m := range matches {
			if err := sorter.Add(m); err != nil {
				t.Fatal(err)
			}
		}
	}
	cfg := offline.Config{Policy: b.policy.Announce(time.Time{}, "test", infos()), Ends: ends}
	if err := sorter.Run(t.Context(), cfg, b.note); err != nil {
		t.Fatal(err)
	}
	return b.judgements()
}

// judgedOnArrival runs the week through the pack in the order of its
// deliveries, a year later: so the timer of every grace is due at once, and a
// source is complete up to its newest event.
func judgedOnArrival(t *testing.T, sc *demo.Scenario) []judgement {
	t.Helper()
	b, j := newBench(t, sc), judge.New(judge.Config{})
	_, end := sc.Period()
	now := end.AddDate(1, 0, 0)
	var apply func(event.Input)
	apply = func(in event.Input) {
		in.Time = now
		records, timers := j.Apply(in)
		for _, r := range records {
			if err := b.note(r); err != nil {
				t.Fatal(err)
			}
		}
		for _, timer := range timers {
			if !timer.Due.After(now) {
				apply(event.Input{Timer: &timer})
			}
		}
	}
	policy := b.policy.Announce(time.Time{}, "test", infos())
	apply(event.Input{Policy: &policy})
	for _, d := range sc.Deliveries() {
		matches, newest := b.match(t, d)
		for _, m := range matches {
			apply(event.Input{Match: &m})
		}
		apply(event.Input{Mark: &event.Mark{Source: sources[d.Source].Source, Through: newest}})
	}
	return b.judgements()
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
