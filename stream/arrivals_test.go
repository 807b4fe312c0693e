package stream_test

import (
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

func TestWhatArrivesIsReadInItsOrder(t *testing.T) {
	s := open(t, t.TempDir())
	b := batch("trail", "e-1")
	proof := event.Proof{Source: "trail", Kind: event.DigestChain, From: received, To: received.Add(time.Hour), Verdict: event.Complete, Items: 3}
	must(t, s.PublishBatch(within(t), b))
	must(t, s.PublishBatch(within(t), b))
	must(t, s.PublishProof(within(t), proof))
	must(t, s.PublishProof(within(t), proof))
	must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received}))
	var got []stream.Arrival
	must(t, s.ReadArrivals(within(t), 0, func(a stream.Arrival) error { got = append(got, a); return nil }))
	if len(got) != 4 || got[0].Batch == nil || got[1].Repeat == nil || got[2].Proof == nil || got[3].Mark == nil {
		t.Fatalf("%+v", got)
	}
	if r := got[1].Repeat; r.Batch != b.ID() || r.Hours[event.HourOf(b.Ref(0).At())] != 1 {
		t.Errorf("repeat %+v", r)
	}
	if p := got[2].Proof; p.Items != 3 || !p.To.Equal(proof.To) {
		t.Errorf("proof %+v", p)
	}
}

func TestARepeatIsNothingToMatch(t *testing.T) {
	s := open(t, t.TempDir())
	pipeline(t, s)
	for range 2 {
		must(t, s.PublishBatch(within(t), batch("trail", "e-1")))
	}
	must(t, s.PublishProof(within(t), event.Proof{Source: "trail"}))
	must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received}))
	eventually(t, "the mark, which waits for all before it", func() bool { return position(t, s, "EVENTS").Pending == 0 })
	if n := position(t, s, "DEAD").Messages; n != 0 {
		t.Errorf("%d dead letters", n)
	}
}

func TestAnHourIsItsBeginning(t *testing.T) {
	at := time.Date(2026, 11, 16, 10, 59, 59, 0, time.FixedZone("", 3600))
	h := event.HourOf(at)
	if h != "2026-11-16T09" || !h.Begin().Equal(at.Add(-59*time.Minute-59*time.Second)) || h.End().Sub(h.Begin()) != time.Hour {
		t.Errorf("%s %v %v", h, h.Begin(), h.End())
	}
}
