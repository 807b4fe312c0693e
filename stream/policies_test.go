package stream_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

func TestAnnouncementsOfPoliciesAreReadInTheirOrderFromAnyPlace(t *testing.T) {
	s := open(t, t.TempDir())
	if seq, err := s.LastPolicy(within(t)); seq != 0 || err != nil {
		t.Errorf("before the first: %d, %v", seq, err)
	}
	for i := range 3 {
		must(t, s.PublishPolicy(within(t), event.Policy{Version: fmt.Sprint(i)}))
	}
	var seqs []uint64
	read := func(after uint64) (versions []string) {
		must(t, s.Policies(within(t), after, func(seq uint64, p event.Policy) error {
			seqs, versions = append(seqs, seq), append(versions, p.Version)
			return nil
		}))
		return versions
	}
	if got := read(0); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Fatalf("read %v", got)
	}
	last, err := s.LastPolicy(within(t))
	if got := read(seqs[0]); !slices.Equal(got, []string{"1", "2"}) || last != seqs[2] || err != nil {
		t.Errorf("read %v behind the first, the last is %d, %v", got, last, err)
	}
}

func TestTheLastMarkOfASourceIsKnown(t *testing.T) {
	s := open(t, t.TempDir())
	if _, err := s.LastMark(within(t), "trail"); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("before the first: %v", err)
	}
	for i := range 2 {
		must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received.Add(time.Duration(i) * time.Hour)}))
	}
	if m, err := s.LastMark(within(t), "trail"); err != nil || !m.Through.Equal(received.Add(time.Hour)) {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestDeadLettersAreCountedWithoutTheirBytes(t *testing.T) {
	s := open(t, t.TempDir())
	for i := range 3 {
		must(t, s.PublishDead(within(t), event.Dead{
			Envelope: event.Envelope{Source: fmt.Sprint("s-", i%2)}, Cause: "malformed", Index: i, Raw: []byte("x"),
		}))
	}
	first := uint64(0)
	count := func(after uint64) map[string]int {
		n := map[string]int{}
		must(t, s.DeadAfter(within(t), after, func(seq uint64, d event.Dead) error {
			if first == 0 {
				first = seq
			}
			n[d.Source+" "+d.Cause]++
			return nil
		}))
		return n
	}
	if n := count(0); n["s-0 malformed"] != 2 || n["s-1 malformed"] != 1 {
		t.Errorf("%v", n)
	}
	if n := count(first); n["s-0 malformed"] != 1 || n["s-1 malformed"] != 1 {
		t.Errorf("behind the first: %v", n)
	}
}

func TestBatchesAreReadFromATimeOn(t *testing.T) {
	s := open(t, t.TempDir())
	read := func(since time.Time) (ids []string) {
		must(t, s.Batches(within(t), since, func(b event.Batch, done, total uint64) error {
			ids = append(ids, fmt.Sprintf("%s %d/%d", b.Events[0].ID, done, total))
			return nil
		}))
		return ids
	}
	if got := read(time.Time{}); got != nil {
		t.Errorf("of nothing: %v", got)
	}
	begin := time.Now()
	for i := range 2 {
		raw := []byte(fmt.Sprint(i))
		must(t, s.PublishBatch(within(t), event.Batch{
			Envelope: event.Envelope{Source: "trail", Received: received},
			Events:   []event.Event{{ID: fmt.Sprint("e-", i), Raw: raw, Original: event.DigestOf(raw)}},
		}))
		must(t, s.PublishMark(within(t), event.Mark{Source: "trail", Through: received}))
	}
	want := []string{"e-0 1/2", "e-1 2/2"}
	if got := read(begin.Add(-time.Hour)); !slices.Equal(got, want) {
		t.Errorf("since an hour ago: %v", got)
	}
	if got := read(time.Time{}); !slices.Equal(got, want) {
		t.Errorf("all: %v", got)
	}
	if got := read(time.Now().Add(time.Hour)); got != nil {
		t.Errorf("since a time to come: %v", got)
	}
}
