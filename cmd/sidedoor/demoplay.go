package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"sidedoor/event"
	"sidedoor/internal/demo"
)

// toldLog keeps what reached the receivers, which hear it at any time.
type toldLog struct {
	mu    sync.Mutex
	fresh []demo.Told
	count map[string]int // by channel
}

func (t *toldLog) add(m demo.Told) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.count == nil {
		t.count = map[string]int{}
	}
	t.count[m.Channel]++
	t.fresh = append(t.fresh, m)
}

// take returns what is new.
func (t *toldLog) take() []demo.Told {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.fresh
	t.fresh = nil
	return out
}

// waitTold bounds how long the story waits for somebody to be told; it is told
// late then, and not less truly.
const waitTold = 3 * time.Second

// wait waits until there is something new in Slack.
func (t *toldLog) wait(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, waitTold)
	defer cancel()
	for ctx.Err() == nil {
		t.mu.Lock()
		heard := slices.ContainsFunc(t.fresh, func(m demo.Told) bool { return m.Channel == "slack" })
		t.mu.Unlock()
		if heard {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (t *toldLog) counts() map[string]int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.count)
}

// play sends the week and tells the story as it happens.
func (d *demonstration) play(ctx context.Context) error {
	begin, end := d.scenario.Period()
	deliveries := d.scenario.Deliveries()
	events := 0
	for _, del := range deliveries {
		events += del.Events
	}
	d.chapter("A week at %s, %s to %s", d.scenario.Company.Name, begin.Format("Mon 2 Jan"), end.Format("Mon 2 Jan 2006"))
	fmt.Fprintf(d.out, "%d events in %d deliveries; %d times something happens that has to be judged.\n", events, len(deliveries), len(d.scenario.Beats()))
	day := ""
	err := d.scenario.Play(ctx, d.endpoints(), demo.Hooks{
		Sending: func(del demo.Delivery) { d.clock.Store(del.At.UnixMicro()) },
		BeforeBeat: func(_ context.Context, b demo.Beat) error {
			if now := b.At.Format("Monday"); now != day {
				day = now
				d.chapter("%s", day)
			}
			fmt.Fprintf(d.out, "%s  %s\n       %s\n", b.At.Format("15:04"), b.Title, b.Telling)
			return nil
		},
		Silence: d.silence,
		AfterBeat: func(ctx context.Context, b demo.Beat) error {
			if err := d.heardAgain(ctx, b); err != nil {
				return err
			}
			return d.await(ctx, b)
		},
	})
	if err != nil {
		return err
	}
	return d.settle(ctx)
}

// beatTimeout bounds the wait for a beat's verdicts.
const beatTimeout = 30 * time.Second

// await waits until everything that a beat leads to is judged, and tells it.
func (d *demonstration) await(ctx context.Context, b demo.Beat) error {
	if len(b.Expect) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		verdicts, err := d.latest(ctx)
		if err != nil {
			return err
		}
		var of []*event.Verdict
		for _, v := range verdicts {
			if at := v.Event.At(); !at.Before(b.At.Add(-time.Minute)) && !at.After(b.Until.Add(time.Minute)) {
				of = append(of, v)
			}
		}
		if missing := unmet(b, of, first); missing == "" {
			d.caught(ctx, b, of)
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("beat %q: %s did not come about", b.Title, unmet(b, of, first))
		}
	}
}

// first is the verdict that a beat leads to at once.
func first(e demo.Expect) event.State { return e.Verdict }

// unmet says which expectation of a beat has no verdict yet.
func unmet(b demo.Beat, verdicts []*event.Verdict, expected func(demo.Expect) event.State) string {
	for _, e := range b.Expect {
		want := expected(e)
		n := 0
		for _, v := range verdicts {
			told := v.Verdict == want || v.Verdict == e.Final()
			decided := e.Why == "" || v.Verdict != e.Final() || demo.Decided(v) == e.Why
			if v.Rule.Name == e.Rule && v.Actor.Person == e.Actor && told && decided {
				n++
			}
		}
		if n < max(e.Acts, 1) {
			return strings.TrimSpace(fmt.Sprintf("%s of %s by %s %s", want, e.Rule, e.Actor, e.Why))
		}
	}
	return ""
}

// caught tells what was found.
func (d *demonstration) caught(ctx context.Context, b demo.Beat, verdicts []*event.Verdict) {
	told := map[string]bool{}
	alarming := false
	for _, v := range verdicts {
		expected := slices.ContainsFunc(b.Expect, func(e demo.Expect) bool {
			// What is approved beside the point is not worth a line.
			worth := v.Verdict != event.Approved || e.Verdict == event.Approved && (e == b.Expect[0] || e.Why != "")
			return e.Rule == v.Rule.Name && e.Actor == v.Actor.Person && worth
		})
		line := fmt.Sprintf("       %s %s: %s\n", sign(v.Verdict), outcome(v), printable(v.Reason))
		if expected && !told[line] {
			told[line] = true
			alarming = alarming || v.Verdict != event.Approved
			fmt.Fprint(d.out, line)
		}
	}
	if alarming {
		d.told.wait(ctx)
	}
	d.heard()
}

// heard tells who was told meanwhile.
func (d *demonstration) heard() {
	for _, m := range d.told.take() {
		if m.Channel == "slack" {
			fmt.Fprintf(d.out, "       → Slack: %s\n", printable(m.Text))
		}
	}
}

// outcome says what a verdict is and what the approval that came nearest was
// worth, where that is not the same.
func outcome(v *event.Verdict) string {
	why := demo.Decided(v)
	if why == "" || why == event.Covers {
		return string(v.Verdict)
	}
	return fmt.Sprintf("%s, %s", v.Verdict, why)
}

func sign(s event.State) string {
	switch s {
	case event.Approved:
		return "✓"
	case event.Undetermined:
		return "?"
	}
	return "✗"
}

// latest returns the latest revision of each verdict, in the order in which
// the first was made.
func (d *demonstration) latest(ctx context.Context) ([]*event.Verdict, error) {
	var order []string
	byID := map[string]*event.Verdict{}
	err := d.pipeline.stream.ReadRecords(ctx, 0, func(_ uint64, raw []byte) error {
		r, err := event.ParseRecord(raw)
		if err != nil {
			return err
		}
		if v, ok := r.Body.(*event.Verdict); ok {
			if byID[v.ID] == nil {
				order = append(order, v.ID)
			}
			byID[v.ID] = v
		}
		return nil
	})
	out := make([]*event.Verdict, len(order))
	for i, id := range order {
		out[i] = byID[id]
	}
	return out, err
}

// settle waits until nothing is on its way any more: all stages are done, and
// nobody is being told.
func (d *demonstration) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*beatTimeout)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	quiet, before := 0, ""
	for quiet < 6 {
		positions, err := d.pipeline.stream.Positions(ctx)
		if err != nil {
			return err
		}
		pending, last := uint64(0), &strings.Builder{}
		for _, p := range positions {
			pending += p.Pending
			fmt.Fprint(last, p.Last, " ")
		}
		quiet++
		if pending > 0 || last.String() != before {
			quiet = 0
		}
		before = last.String()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the pipeline does not come to rest: %d messages are on their way", pending)
		}
	}
	d.heard()
	return nil
}

// verdicts compares what was found with the story, and fails if they differ.
func (d *demonstration) verdicts(ctx context.Context) error {
	all, err := d.latest(ctx)
	if err != nil {
		return err
	}
	counts := map[event.State]int{}
	for _, v := range all {
		counts[v.Verdict]++
	}
	for _, b := range d.scenario.Beats() {
		var of []*event.Verdict
		for _, v := range all {
			if at := v.Event.At(); !at.Before(b.At.Add(-time.Minute)) && !at.After(b.Until.Add(time.Minute)) {
				of = append(of, v)
			}
		}
		if missing := unmet(b, of, demo.Expect.Final); missing != "" {
			return fmt.Errorf("beat %q: %s is missing", b.Title, missing)
		}
	}
	told := d.told.counts()
	d.chapter("What the week came to")
	fmt.Fprintf(d.out, "%d acts were judged: %d approved, %d approved late, %d bypass, %d undetermined.\n",
		len(all), counts[event.Approved], counts[event.ApprovedLate], counts[event.Bypass], counts[event.Undetermined])
	fmt.Fprintf(d.out, "%d messages went to Slack and %d to the SIEM; everything else came in by the front door.\n", told["slack"], told["webhook"])
	return nil
}
