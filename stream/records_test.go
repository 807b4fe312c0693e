package stream_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

func record(id, body string) event.Record {
	return event.Record{Type: "test", ID: id, Time: received, Body: body}
}

func TestARecordIsStoredOnceAndNeverReplaced(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	for i, want := range []bool{true, false, false} {
		if fresh, err := s.AppendRecord(within(t), record("a.1", "x")); err != nil || fresh != want {
			t.Errorf("time %d: fresh %v, %v", i, fresh, err)
		}
	}
	if fresh, err := s.AppendRecord(within(t), record("a.1", "y")); fresh || !errors.Is(err, stream.ErrExists) {
		t.Errorf("other bytes: fresh %v, %v", fresh, err)
	}
	shut(t, s)
	s = open(t, dir)
	if fresh, err := s.AppendRecord(within(t), record("a.1", "x")); fresh || err != nil {
		t.Errorf("after a restart: fresh %v, %v", fresh, err)
	}
	if got := records(t, s); len(got) != 1 || !strings.Contains(got[0], `"x"`) {
		t.Errorf("stored %v", got)
	}
}

func TestARecordThatCannotBeNamedIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	for _, id := range []string{"", ".", "a.", ".a", "a..b", "*", "a.>", "a b", "a\x00b", strings.Repeat("x", 5000)} {
		if _, err := s.AppendRecord(within(t), record(id, "x")); err == nil {
			t.Errorf("id %.20q is taken", id)
		}
	}
	if _, err := s.AppendRecord(within(t), record("large", strings.Repeat("x", event.MaxRecord))); err == nil {
		t.Error("a record too large for the ledger is taken")
	}
}

func TestNobodyCanTakeARecordAway(t *testing.T) {
	s := open(t, t.TempDir())
	_, err := s.AppendRecord(within(t), record("a", "x"))
	must(t, err)
	str, err := s.JetStream().Stream(within(t), "RECORDS")
	must(t, err)
	if str.DeleteMsg(within(t), 1) == nil || str.SecureDeleteMsg(within(t), 1) == nil || str.Purge(within(t)) == nil {
		t.Error("a record can be deleted or purged")
	}
	cfg := str.CachedInfo().Config
	cfg.DenyDelete, cfg.DenyPurge = false, false
	if _, err := s.JetStream().UpdateStream(within(t), cfg); err == nil {
		t.Error("deleting can be allowed again")
	}
	if got := records(t, s); len(got) != 1 {
		t.Errorf("%d records are left", len(got))
	}
}

func TestRecordsAreReadFromAnyPlaceAndFollowed(t *testing.T) {
	s := open(t, t.TempDir())
	add := func(i int) {
		_, err := s.AppendRecord(within(t), record(fmt.Sprint(i), fmt.Sprint(i)))
		must(t, err)
	}
	for i := 1; i <= 300; i++ {
		add(i)
	}
	for _, after := range []uint64{0, 1, 299, 300, 301} {
		next := after
		must(t, s.ReadRecords(within(t), after, func(seq uint64, raw []byte) error {
			if next++; seq != next || !strings.Contains(string(raw), fmt.Sprintf("%q", fmt.Sprint(seq))) {
				return fmt.Errorf("record %d, want %d: %s", seq, next, raw)
			}
			return nil
		}))
		if want := max(after, 300); next != want {
			t.Errorf("after %d it ends at %d, want %d", after, next, want)
		}
	}
	seen := make(chan uint64, 10)
	stop := background(t, func(ctx context.Context) error {
		return s.Records(ctx, 299, func(seq uint64, _ []byte) error { seen <- seq; return nil })
	})
	for i := uint64(300); i < 303; i++ {
		select {
		case seq := <-seen:
			if seq != i {
				t.Errorf("got record %d, want %d", seq, i)
			}
		case <-within(t).Done():
			t.Fatalf("record %d never came", i)
		}
		add(int(i) + 1)
	}
	stop()

	full := errors.New("full")
	if err := s.Records(within(t), 0, func(uint64, []byte) error { return full }); !errors.Is(err, full) {
		t.Errorf("a reader that fails gets %v", err)
	}
}

func TestTheLatestAlertIsTheLastRevision(t *testing.T) {
	s := open(t, t.TempDir())
	for _, a := range []event.Alert{{ID: "a", Revision: 1}, {ID: "b", Revision: 1}, {ID: "a", Revision: 2}, {ID: "b", Revision: 2}, {ID: "b", Revision: 3}} {
		_, err := s.AppendRecord(within(t), event.AlertRecord(a, received))
		must(t, err)
	}
	for id, want := range map[string]int{"a": 2, "b": 3} {
		raw, err := s.LatestAlert(within(t), id)
		must(t, err)
		r, err := event.ParseRecord(raw)
		must(t, err)
		if a := r.Body.(*event.Alert); a.ID != id || a.Revision != want {
			t.Errorf("latest of %s is %s.%d", id, a.ID, a.Revision)
		}
	}
	if _, err := s.LatestAlert(within(t), "c"); !errors.Is(err, stream.ErrNotFound) {
		t.Errorf("an alert that never was: %v", err)
	}
}

func alert(t testing.TB, s *stream.Stream, id string) {
	t.Helper()
	_, err := s.AppendRecord(within(t), event.AlertRecord(event.Alert{ID: id, Revision: 1}, received))
	must(t, err)
}

// attempts collects what a receiver is given.
type attempts chan string

func (a attempts) note(raw []byte, attempt int) (id string) {
	r, err := event.ParseRecord(raw)
	if err != nil {
		panic(err)
	}
	id = r.Body.(*event.Alert).ID
	a <- fmt.Sprintf("%s %d", id, attempt)
	return id
}

func (a attempts) expect(t testing.TB, want ...string) {
	t.Helper()
	var got []string
	for range want {
		select {
		case s := <-a:
			got = append(got, s)
		case <-within(t).Done():
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAnAlertIsTriedUntilTheReceiverTakesIt(t *testing.T) {
	s := open(t, t.TempDir())
	got := make(attempts, 10)
	background(t, func(ctx context.Context) error {
		return s.Deliver(ctx, "slack", func(_ context.Context, raw []byte, attempt int) (time.Duration, error) {
			got.note(raw, attempt)
			if attempt < 3 {
				return time.Millisecond, errors.New("down")
			}
			return 0, nil
		})
	})
	alert(t, s, "a")
	got.expect(t, "a 1", "a 2", "a 3")
	eventually(t, "the acknowledgement", func() bool { return position(t, s, "RECORDS").Pending == 0 })
	alert(t, s, "b")
	got.expect(t, "b 1", "b 2", "b 3")
}

func TestARetryHoldsUpNeitherOtherAlertsNorOtherReceivers(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	down, up := make(attempts, 10), make(attempts, 10)
	stuck := make(chan struct{})
	stops := []func(){
		background(t, func(ctx context.Context) error {
			return s.Deliver(ctx, "down", func(_ context.Context, raw []byte, attempt int) (time.Duration, error) {
				if down.note(raw, attempt) == "b" {
					return 0, nil
				}
				return time.Hour, nil
			})
		}),
		background(t, func(ctx context.Context) error {
			return s.Deliver(ctx, "stuck", func(ctx context.Context, _ []byte, _ int) (time.Duration, error) {
				close(stuck)
				<-ctx.Done()
				return 0, ctx.Err()
			})
		}),
		background(t, func(ctx context.Context) error {
			return s.Deliver(ctx, "up", func(_ context.Context, raw []byte, attempt int) (time.Duration, error) {
				up.note(raw, attempt)
				return 0, nil
			})
		}),
	}
	alert(t, s, "a")
	<-stuck
	alert(t, s, "b")
	down.expect(t, "a 1", "b 1")
	up.expect(t, "a 1", "b 1")
	for _, stop := range stops {
		stop()
	}
	shut(t, s)

	s = open(t, dir)
	got := make(attempts, 10)
	background(t, func(ctx context.Context) error {
		return s.Deliver(ctx, "stuck", func(_ context.Context, raw []byte, _ int) (time.Duration, error) {
			got.note(raw, 0)
			return 0, nil
		})
	})
	if both := []string{<-got, <-got}; !slices.Contains(both, "a 0") || !slices.Contains(both, "b 0") {
		t.Errorf("after a restart the one that was stuck gets %v", both)
	}
}

func TestAReceiverThatCannotBeNamedIsRefused(t *testing.T) {
	s := open(t, t.TempDir())
	if err := s.Deliver(within(t), "a.b", nil); err == nil {
		t.Error("it is taken")
	}
}
