package stream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

// chain is a fold whose every record depends on all inputs before it: one left
// out, doubled or out of order changes what follows.
type chain struct {
	Head  event.Digest
	Count int
	timer func(event.Match) time.Time // noTimer: none
	calls atomic.Int64
}

// noTimer is a due time that stands for none.
var noTimer = time.Unix(7, 7)

func (c *chain) Apply(in event.Input) ([]event.Record, []event.Timer) {
	c.calls.Add(1)
	wire, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	c.Head = event.DigestOf(append(c.Head[:], wire...))
	c.Count++
	body := map[string]string{"head": c.Head.String(), "input": describe(in)}
	records := []event.Record{{Type: "test", ID: fmt.Sprintf("%06d", c.Count), Time: in.Time, Body: body}}
	if in.Match == nil || c.timer == nil || c.timer(*in.Match).Equal(noTimer) {
		return records, nil
	}
	return records, []event.Timer{{Match: in.Match.Act.Resource, Due: c.timer(*in.Match)}}
}

func (c *chain) Snapshot() ([]byte, error) { return json.Marshal(c) }

func (c *chain) Restore(b []byte) error {
	c.Head, c.Count = event.Digest{}, 0
	return json.Unmarshal(b, c)
}

// offline folds what is stored, with no server in between.
func offline(t testing.TB, s *stream.Stream, fold stream.Fold) []string {
	t.Helper()
	var all []string
	must(t, s.Inputs(within(t), 0, func(_ uint64, in event.Input) error {
		records, _ := fold.Apply(in)
		for _, r := range records {
			raw, err := r.Encode()
			must(t, err)
			all = append(all, string(raw))
		}
		return nil
	}))
	return all
}

func records(t testing.TB, s *stream.Stream) []string {
	t.Helper()
	var all []string
	must(t, s.ReadRecords(within(t), 0, func(seq uint64, raw []byte) error {
		if all = append(all, string(raw)); seq != uint64(len(all)) {
			return fmt.Errorf("record %d is the %dth", seq, len(all))
		}
		return nil
	}))
	return all
}

// feed puts acts on MATCHES without a match stage.
func feed(t testing.TB, s *stream.Stream, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		matches, _ := matchAll(batch("trail", fmt.Sprint(i)))
		raw, err := json.Marshal(event.Input{Match: &matches[0]})
		must(t, err)
		must(t, s.PublishRaw(within(t), "matches.match."+matches[0].ID(), raw))
	}
}

// judgeUntil runs the judge until there are n records, and stops it.
func judgeUntil(t testing.TB, s *stream.Stream, fold stream.Fold, snapshotEvery, n int) {
	t.Helper()
	stop := background(t, func(ctx context.Context) error { return s.Judge(ctx, fold, snapshotEvery) })
	eventually(t, fmt.Sprintf("%d records", n), func() bool { return position(t, s, "RECORDS").Last >= uint64(n) })
	stop()
}

func TestTheJudgeResumesFromASnapshotAndFromNoneWithTheSameRecords(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	feed(t, s, 0, 1000)
	judgeUntil(t, s, &chain{}, 7, 1000)
	shut(t, s)

	s = open(t, dir)
	feed(t, s, 1000, 1010)
	second := &chain{}
	judgeUntil(t, s, second, 7, 1010)
	if second.calls.Load() != 10 {
		t.Errorf("from the snapshot %d inputs were applied, want 10", second.calls.Load())
	}
	want := offline(t, s, &chain{})
	if got := records(t, s); !slices.Equal(got, want) {
		t.Fatalf("%d records, and offline %d others", len(got), len(want))
	}

	good, err := s.Snapshot(within(t))
	must(t, err)
	for name, spoil := range map[string]func() error{
		"missing":   func() error { return s.DeleteSnapshot(within(t)) },
		"empty":     func() error { return s.SetSnapshot(within(t), nil) },
		"other":     func() error { return s.SetSnapshot(within(t), []byte("other")) },
		"truncated": func() error { return s.SetSnapshot(within(t), good[:len(good)-1]) },
		"changed":   func() error { return s.SetSnapshot(within(t), append(bytes.Clone(good[:len(good)-1]), ' ')) },
	} {
		must(t, spoil())
		feed(t, s, len(want), len(want)+1)
		again := &chain{}
		judgeUntil(t, s, again, 7, len(want)+1)
		if n := int(again.calls.Load()); n != len(want)+1 {
			t.Errorf("snapshot %s: %d inputs were applied, want all %d", name, n, len(want)+1)
		}
		want = offline(t, s, &chain{})
		if got := records(t, s); !slices.Equal(got, want) {
			t.Errorf("snapshot %s: other records", name)
		}
	}
}

func TestASnapshotOfAnotherStreamIsNotUsed(t *testing.T) {
	s := open(t, t.TempDir())
	feed(t, s, 0, 3)
	judgeUntil(t, s, &chain{}, 1, 3)
	foreign, err := s.Snapshot(within(t))
	must(t, err)

	s = open(t, t.TempDir())
	must(t, s.SetSnapshot(within(t), foreign))
	feed(t, s, 0, 5)
	fold := &chain{}
	judgeUntil(t, s, fold, 1, 5)
	if fold.calls.Load() != 5 || !slices.Equal(records(t, s), offline(t, s, &chain{})) {
		t.Errorf("%d of 5 inputs were applied", fold.calls.Load())
	}
}

// heavy has a state that no single message could hold.
type heavy struct {
	chain
	ballast []byte
}

func (h *heavy) Snapshot() ([]byte, error) {
	b, err := h.chain.Snapshot()
	return append(append(b, '\n'), h.ballast...), err
}

func (h *heavy) Restore(b []byte) error {
	head, ballast, _ := bytes.Cut(b, []byte("\n"))
	h.ballast = ballast
	return h.chain.Restore(head)
}

func TestAStateLargerThanAMessageIsKept(t *testing.T) {
	s := open(t, t.TempDir())
	feed(t, s, 0, 2)
	ballast := bytes.Repeat([]byte("0123456789abcdef"), 20<<16)
	judgeUntil(t, s, &heavy{ballast: ballast}, 1000, 2)
	feed(t, s, 2, 3)
	next := &heavy{}
	judgeUntil(t, s, next, 1000, 3)
	if next.calls.Load() != 1 || !bytes.Equal(next.ballast, ballast) {
		t.Errorf("%d inputs were applied, want 1; %d bytes came back", next.calls.Load(), len(next.ballast))
	}
}

func TestTheStateIsKeptWhenNothingComes(t *testing.T) {
	s := open(t, t.TempDir())
	feed(t, s, 0, 2)
	background(t, func(ctx context.Context) error { return s.Judge(ctx, &chain{}, 1000) })
	eventually(t, "a snapshot", func() bool { _, err := s.Snapshot(within(t)); return err == nil })
}

func TestTwoJudgesMakeEachRecordOnce(t *testing.T) {
	dir := t.TempDir()
	one := open(t, dir)
	other, err := stream.Attach(within(t), config(t, dir))
	must(t, err)
	t.Cleanup(func() { shut(t, other) })
	stops := []func(){
		background(t, func(ctx context.Context) error { return one.Judge(ctx, &chain{}, 10) }),
		background(t, func(ctx context.Context) error { return other.Judge(ctx, &chain{}, 10) }),
	}
	feed(t, one, 0, 100)
	eventually(t, "all records", func() bool { return position(t, one, "RECORDS").Last >= 100 })
	for _, stop := range stops {
		stop()
	}
	if got := records(t, one); !slices.Equal(got, offline(t, one, &chain{})) {
		t.Errorf("%d records, not those of one judge", len(got))
	}
}

func TestARecordThatIsThereWithOtherBytesStopsTheJudge(t *testing.T) {
	s := open(t, t.TempDir())
	feed(t, s, 0, 3)
	fresh, err := s.AppendRecord(within(t), event.Record{Type: "test", ID: "000002", Time: received, Body: "forged"})
	if err != nil || !fresh {
		t.Fatalf("%v, %v", fresh, err)
	}
	err = s.Judge(within(t), &chain{}, 10)
	if !errors.Is(err, stream.ErrExists) || !strings.Contains(err.Error(), "records.test.000002") {
		t.Errorf("the judge says %v", err)
	}
	if _, err := s.Snapshot(within(t)); err == nil {
		t.Error("the judge's state was kept nevertheless")
	}
}

func TestAnUnreadableInputIsADeadLetterAndTheJudgeGoesOn(t *testing.T) {
	s := open(t, t.TempDir())
	must(t, s.PublishRaw(within(t), "matches.match.x", []byte("junk")))
	must(t, s.PublishRaw(within(t), "matches.match.y", []byte(`{"mark":{},"timer":{}}`)))
	must(t, s.PublishRaw(within(t), "matches.match.z", []byte(`{"match":{}}`)))
	feed(t, s, 0, 1)
	judgeUntil(t, s, &chain{}, 10, 1)
	if p := position(t, s, "DEAD"); p.Messages != 3 {
		t.Errorf("%d dead letters, want 3", p.Messages)
	}
	if got := records(t, s); !slices.Equal(got, offline(t, s, &chain{})) {
		t.Errorf("got %v", got)
	}
}

// timers lists the timers that fired, and fails if one fired early.
func timers(t testing.TB, s *stream.Stream) []string {
	t.Helper()
	var all []string
	must(t, s.Inputs(within(t), 0, func(_ uint64, in event.Input) error {
		if in.Timer == nil {
			return nil
		}
		if in.Time.Before(in.Timer.Due) {
			t.Errorf("timer of %s fired at %v, and is due at %v", in.Timer.Match, in.Time, in.Timer.Due)
		}
		all = append(all, in.Timer.Match)
		return nil
	}))
	slices.Sort(all)
	return all
}

func TestAReaderThatBreaksOffGoesOnWhereItWas(t *testing.T) {
	s := open(t, t.TempDir())
	feed(t, s, 0, 10)
	got, err := s.ReadWithBreaks(within(t), 10)
	if want := "[1 2 3 4 5 6 7 8 9 10]"; err != nil || fmt.Sprint(got) != want {
		t.Errorf("read %v, %v", got, err)
	}
}

func TestATimerFiresWhenItIsDueAndAtOnceIfThatIsPast(t *testing.T) {
	now := time.Now()
	due := []time.Time{
		received.Add(-1000 * time.Hour), time.Unix(0, 0), {}, // past
		now.Add(700 * time.Millisecond), now.Add(1300 * time.Millisecond), // soon
		now.Add(time.Hour), time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC), // not in this test
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Add(time.Hour), // never
	}
	s := open(t, t.TempDir())
	fold := &chain{timer: func(m event.Match) time.Time {
		var i int
		fmt.Sscan(m.Act.Resource, &i)
		return due[i]
	}}
	feed(t, s, 0, len(due))
	judgeUntil(t, s, fold, 10, len(due)+5)
	if got := fmt.Sprint(timers(t, s)); got != "[0 1 2 3 4]" {
		t.Errorf("fired: %s", got)
	}
	if p := position(t, s, "DEAD"); p.Messages != 1 {
		t.Errorf("%d dead letters; want one, of the timer that cannot be set", p.Messages)
	}
	if got := records(t, s); !slices.Equal(got, offline(t, s, &chain{})) {
		t.Error("replaying the timers gives other records")
	}
}

func TestTimersFireAfterARestartAndOnlyOnce(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	soon := time.Now().Add(300 * time.Millisecond)
	newFold := func() *chain {
		return &chain{timer: func(m event.Match) time.Time {
			if m.Act.Resource == "0" {
				return soon // past by the time the stream is open again, or soon after
			}
			return soon.Add(700 * time.Millisecond)
		}}
	}
	feed(t, s, 0, 2)
	judgeUntil(t, s, newFold(), 10, 2)
	shut(t, s)

	s = open(t, dir)
	judgeUntil(t, s, newFold(), 10, 4)
	if got := fmt.Sprint(timers(t, s)); got != "[0 1]" {
		t.Fatalf("fired: %s", got)
	}
	last := position(t, s, "MATCHES").Last
	must(t, s.DeleteSnapshot(within(t)))
	feed(t, s, 2, 3)
	replay := newFold()
	replay.timer = func(m event.Match) time.Time {
		if m.Act.Resource == "2" {
			return noTimer
		}
		return newFold().timer(m)
	}
	judgeUntil(t, s, replay, 10, 5)
	if p := position(t, s, "MATCHES"); p.Last != last+1 {
		t.Errorf("a replay set timers again that had fired: last sequence %d, want %d", p.Last, last+1)
	}
}

func TestATimerThatCannotBeSetIsNamed(t *testing.T) {
	s := open(t, t.TempDir())
	feed(t, s, 0, 1)
	judgeUntil(t, s, unscheduled{&chain{}}, 10, 1)
	var reasons []string
	must(t, s.ReadDead(within(t), func(_, reason, _ string, _ time.Time, _ []byte) error {
		reasons = append(reasons, reason)
		return nil
	}))
	if len(reasons) != 1 || !strings.HasPrefix(reasons[0], "timer of windows w: ") {
		t.Errorf("dead letters: %v", reasons)
	}
}

// beyondTime cannot be written in JSON.
var beyondTime = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)

// unscheduled wants a timer for windows at a time that cannot be written down.
type unscheduled struct{ *chain }

func (u unscheduled) Apply(in event.Input) ([]event.Record, []event.Timer) {
	records, _ := u.chain.Apply(in)
	return records, []event.Timer{{Windows: "w", Due: beyondTime}}
}
