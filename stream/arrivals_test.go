package stream_test

import (
	"slices"
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

func TestTheEnvelopesOfOneSourceAreReadFromAPlaceOn(t *testing.T) {
	s := open(t, t.TempDir())
	for _, b := range []event.Batch{batch("trail", "e-1"), batch("other", "e-2"), batch("trail", "e-3"), batch("trail", "e-1")} {
		must(t, s.PublishBatch(within(t), b))
	}
	read := func(after uint64) (seqs []uint64) {
		must(t, s.ReadEnvelopes(within(t), "trail", after, func(seq uint64, e event.Envelope) error {
			if e.Source != "trail" || !e.Received.Equal(received) {
				t.Errorf("envelope %+v", e)
			}
			seqs = append(seqs, seq)
			return nil
		}))
		return seqs
	}
	if got := read(0); len(got) != 2 || got[0] != 1 || got[1] != 3 {
		t.Errorf("all are at %v", got)
	}
	if got := read(1); len(got) != 1 || got[0] != 3 {
		t.Errorf("those behind the first are at %v", got)
	}
	if got := read(3); got != nil {
		t.Errorf("there are none behind the last, and not %v", got)
	}
}

// What was complete and is missing something may be complete again, as it was.
func TestTheLastProofOfAPeriodIsTheOneThatHolds(t *testing.T) {
	s := open(t, t.TempDir())
	complete := event.Proof{Source: "trail", Kind: event.DigestChain, Part: "a", From: received, To: received.Add(time.Hour), Verdict: event.Complete, Items: 3}
	missing := complete
	missing.Verdict, missing.Faults = event.Missing, []string{"x.json.gz: it is gone"}
	other, longer, local := complete, complete, complete
	other.Part, longer.To = "b", longer.To.Add(time.Hour)
	local.From, local.To = local.From.In(time.FixedZone("", 3600)), local.To.In(time.FixedZone("", 3600))
	for _, p := range []event.Proof{complete, complete, other, missing, longer, missing, complete, other, local} {
		must(t, s.PublishProof(within(t), p))
	}
	var got []event.Proof
	must(t, s.ReadArrivals(within(t), 0, func(a stream.Arrival) error { got = append(got, *a.Proof); return nil }))
	want := []event.Proof{complete, other, missing, longer, complete}
	if !slices.EqualFunc(got, want, func(a, b event.Proof) bool { return a.About() == b.About() && a.Verdict == b.Verdict }) {
		t.Errorf("stored are\n%+v\nwant\n%+v", got, want)
	}
}

// Of several who prove the same at once, as a monitor and a back-fill do, each says
// its own, and none says it twice.
func TestProofsOfSeveralAtOnceAreEachOnTheStream(t *testing.T) {
	s := open(t, t.TempDir())
	const many = 8
	ended := make(chan error, many)
	for i := range many {
		p := event.Proof{Source: "trail", Kind: event.DigestChain, From: received, To: received.Add(time.Hour), Verdict: event.Complete, Items: i / 2}
		go func() { ended <- s.PublishProof(within(t), p) }()
	}
	for range many {
		must(t, <-ended)
	}
	said := map[int]int{}
	last := -1
	must(t, s.ReadArrivals(within(t), 0, func(a stream.Arrival) error {
		if a.Proof.Items == last {
			t.Errorf("%d is said twice, one after the other", last)
		}
		last = a.Proof.Items
		said[last]++
		return nil
	}))
	if len(said) != many/2 {
		t.Errorf("said is %v", said)
	}
}
