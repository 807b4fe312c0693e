package stream_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

func TestAMarkWaitsForASlowBatchBeforeIt(t *testing.T) {
	for _, slow := range []string{"0", "3", "5"} {
		t.Run(slow, func(t *testing.T) {
			s := open(t, t.TempDir())
			for i := range 6 {
				must(t, s.PublishBatch(within(t), batch("trail", fmt.Sprint(i))))
			}
			must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received}))
			must(t, s.PublishBatch(within(t), batch("trail", "6")))

			gate := make(chan struct{})
			background(t, func(ctx context.Context) error {
				return s.Match(ctx, 4, func(b event.Batch) ([]event.Match, []event.Dead) {
					if b.Events[0].ID == slow {
						<-gate
					}
					return matchAll(b)
				})
			})
			eventually(t, "the matches of the other batches", func() bool { return len(inputs(t, s)) >= 6 })
			eventually(t, "the mark, held back", func() bool { return position(t, s, "EVENTS").Pending <= 2 })
			for range 20 { // many looks at the floor later
				if got := inputs(t, s); len(got) != 6 {
					t.Errorf("while batch %s is matched there is %v", slow, got)
					break
				}
			}
			close(gate)
			eventually(t, "the mark", func() bool { return len(inputs(t, s)) == 8 })
			got := inputs(t, s)
			if slices.Index(got, "act "+slow) != 6 || got[7] != "mark trail 09:00:00" {
				t.Errorf("the order is %v", got)
			}
			eventually(t, "all acknowledgements", func() bool { return position(t, s, "EVENTS").Pending == 0 })
		})
	}
}

// TestNoMarkOvertakesABatchInAnyOrderOfWork has two processes with four
// workers each, which finish in a random order.
func TestNoMarkOvertakesABatchInAnyOrderOfWork(t *testing.T) {
	dir := t.TempDir()
	one := open(t, dir)
	other, err := stream.Attach(within(t), config(t, dir))
	must(t, err)
	t.Cleanup(func() { shut(t, other) })

	const batches, every = 120, 5
	work := newGates(t.Context(), batches)
	go work.open()
	for _, s := range []*stream.Stream{one, other} {
		background(t, func(ctx context.Context) error { return s.Match(ctx, 4, work.match) })
	}
	for i := range batches {
		source := []string{"trail", "github"}[i%2]
		must(t, one.PublishBatch(within(t), batch(source, fmt.Sprint(i))))
		if (i+1)%every == 0 { // a mark says in its minutes and seconds how many batches are before it
			must(t, one.PublishMark(within(t), event.Mark{Source: source, Through: received.Add(time.Duration(i+1) * time.Second)}))
		}
	}
	last := fmt.Sprintf("mark github %s", received.Add(batches*time.Second).Format("15:04:05"))
	eventually(t, last, func() bool { return slices.Contains(inputs(t, one), last) })
	checkMarks(t, inputs(t, one), batches)
}

// gates hold each call of match until it is let through, in a random order.
type gates struct {
	done    <-chan struct{} // the test is over
	waiting chan gate
	random  *rand.Rand
	missing map[string]bool // events that have not come yet
}

type gate struct {
	event string
	open  chan struct{}
}

func newGates(ctx context.Context, events int) *gates {
	g := &gates{done: ctx.Done(), waiting: make(chan gate), random: rand.New(rand.NewPCG(1, 2)), missing: map[string]bool{}}
	for i := range events {
		g.missing[fmt.Sprint(i)] = true
	}
	return g
}

func (g *gates) match(b event.Batch) ([]event.Match, []event.Dead) {
	me := gate{event: b.Events[0].ID, open: make(chan struct{})}
	select {
	case g.waiting <- me:
	case <-g.done:
		return nil, nil
	}
	select {
	case <-me.open:
	case <-g.done:
	}
	return matchAll(b)
}

// open keeps three of the calls waiting until all events have come at least
// once. An event may come twice, if it has waited for long.
func (g *gates) open() {
	var held []gate
	for {
		select {
		case w := <-g.waiting:
			held = append(held, w)
			delete(g.missing, w.event)
		case <-g.done:
			return
		}
		for len(held) > 3 || (len(held) > 0 && len(g.missing) == 0) {
			i := g.random.IntN(len(held))
			close(held[i].open)
			held = slices.Delete(held, i, i+1)
		}
	}
}

func checkMarks(t *testing.T, got []string, batches int) {
	t.Helper()
	acts := map[string]bool{}
	for _, in := range got {
		if act, ok := strings.CutPrefix(in, "act "); ok {
			if acts[act] {
				t.Errorf("act %s is there twice", act)
			}
			acts[act] = true
			continue
		}
		through, err := time.Parse("15:04:05", in[strings.LastIndex(in, " ")+1:])
		must(t, err)
		before := int(through.Sub(time.Date(0, 1, 1, 9, 0, 0, 0, time.UTC)).Seconds())
		for i := range before {
			if !acts[fmt.Sprint(i)] {
				t.Errorf("%s stands before act %d", in, i)
			}
		}
	}
	if len(acts) != batches {
		t.Errorf("%d acts, want %d", len(acts), batches)
	}
}

func TestAMatcherThatDiesBeforeItAcknowledgesLosesAndDoublesNothing(t *testing.T) {
	s := open(t, t.TempDir())
	must(t, s.PublishBatch(within(t), batch("trail", "1")))
	must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received}))
	must(t, s.MatchWithoutAck(within(t), matchAll))
	if got := fmt.Sprint(inputs(t, s)); got != "[act 1]" {
		t.Fatalf("before the crash: %s", got)
	}
	background(t, func(ctx context.Context) error { return s.Match(ctx, 4, matchAll) })
	eventually(t, "the mark behind the batch", func() bool { return len(inputs(t, s)) > 1 })
	if got := fmt.Sprint(inputs(t, s)); got != "[act 1 mark trail 09:00:00]" {
		t.Errorf("after it: %s", got)
	}
}

func TestAStoppedMatcherLeavesItsBatchesToTheNext(t *testing.T) {
	s := open(t, t.TempDir())
	const batches, events = 10, 700 // more than are published without a look back
	for i := range batches {
		b := batch("trail", "")
		b.Events = nil
		for j := range events {
			b.Events = append(b.Events, batch("trail", fmt.Sprint(i*events+j)).Events[0])
		}
		must(t, s.PublishBatch(within(t), b))
	}
	ctx, cancel := context.WithCancel(within(t))
	var calls atomic.Int64
	must(t, s.Match(ctx, 2, func(b event.Batch) ([]event.Match, []event.Dead) {
		if calls.Add(1) == 4 {
			cancel() // what this call returns cannot all be stored any more
		}
		return matchAll(b)
	}))
	background(t, func(ctx context.Context) error { return s.Match(ctx, 2, matchAll) })
	eventually(t, "the last acknowledgement", func() bool { return position(t, s, "EVENTS").Pending == 0 })
	acts := map[string]int{}
	for _, in := range inputs(t, s) {
		acts[in]++
	}
	for i := range batches * events {
		if n := acts[fmt.Sprint("act ", i)]; n != 1 {
			t.Errorf("act %d is there %d times", i, n)
		}
	}
}

func TestWhatCannotBeMatchedIsADeadLetterAndTheStageGoesOn(t *testing.T) {
	s := open(t, t.TempDir())
	must(t, s.PublishRaw(within(t), "events.batch.trail.junk", []byte("junk")))
	must(t, s.PublishRaw(within(t), "events.mark.github", []byte(`{"mark":{"source":"*"}}`)))
	must(t, s.PublishRaw(within(t), "events.other", []byte("junk")))
	must(t, s.PublishBatch(within(t), batch("trail", "panic")))
	must(t, s.PublishBatch(within(t), batch("trail", "year 10000")))
	must(t, s.PublishBatch(within(t), batch("trail", "large")))
	must(t, s.PublishBatch(within(t), batch("trail", "good")))
	must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received}))
	background(t, func(ctx context.Context) error {
		return s.Match(ctx, 2, func(b event.Batch) ([]event.Match, []event.Dead) {
			switch b.Events[0].ID {
			case "panic":
				panic("upset")
			case "year 10000":
				b.Events[0].Occurred = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
			}
			matches, _ := matchAll(b)
			if b.Events[0].ID == "large" {
				matches[0].Act.Scope = strings.Repeat("x", 17<<20)
			}
			return matches, []event.Dead{{Envelope: b.Envelope, Reason: "odd " + b.Events[0].ID, Cause: "odd"}}
		})
	})
	eventually(t, "the mark behind all that", func() bool { return len(inputs(t, s)) == 2 })
	if got := fmt.Sprint(inputs(t, s)); got != "[act good mark trail 09:00:00]" {
		t.Errorf("matched %s", got)
	}
	var dead []string
	must(t, s.ReadDead(within(t), func(source, _, cause string, _ time.Time, _ []byte) error {
		dead = append(dead, source+" "+cause)
		return nil
	}))
	slices.Sort(dead)
	want := "[github malformed other malformed trail malformed trail matcher-failed trail odd trail odd trail odd trail unstorable trail unstorable]"
	if fmt.Sprint(dead) != want {
		t.Errorf("dead letters %v\nwant %s", dead, want)
	}
}

// A name of megabytes stands once in an act, and once more for each correlation
// that it contributes to.
func TestAnActIsStoredThoughWhatItContributesIsTooLarge(t *testing.T) {
	s := open(t, t.TempDir())
	must(t, s.PublishBatch(within(t), batch("trail", "large")))
	background(t, func(ctx context.Context) error {
		return s.Match(ctx, 1, func(b event.Batch) ([]event.Match, []event.Dead) {
			matches, _ := matchAll(b)
			matches[0].Parts = []event.Part{{Value: strings.Repeat("x", 17<<20)}}
			return matches, nil
		})
	})
	eventually(t, "the act", func() bool { return fmt.Sprint(inputs(t, s)) == "[act large]" })
	var dead []string
	must(t, s.ReadDead(within(t), func(_, reason, cause string, _ time.Time, _ []byte) error {
		dead = append(dead, cause+" "+reason)
		return nil
	}))
	dead = slices.Compact(dead) // a batch that takes too long comes again
	if len(dead) != 1 || !strings.HasPrefix(dead[0], "unstorable match of rule rule: what it contributes to correlations: ") {
		t.Errorf("dead letters %v", dead)
	}
}
