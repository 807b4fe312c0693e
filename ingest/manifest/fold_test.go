package manifest

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sidedoor/event"
	"sidedoor/stream"
)

// folded is a fold that takes up each hour it comes to.
type folded struct {
	*fold
	seq uint64
}

func newFolded(l limits) *folded {
	f := &folded{fold: newFold(l)}
	f.configure([]Source{{Name: "trail"}}, nil)
	return f
}

func (f *folded) arrive(a stream.Arrival) {
	f.seq++
	a.Sequence = f.seq
	hard, _ := f.touches(a)
	for _, k := range hard {
		f.hold(k, &tally{Dirty: true})
	}
	f.take(a)
}

// sum is what the accounts of all hours make together.
func (f *folded) sum() (events, repeats, reused int) {
	for _, k := range f.keys() {
		t := f.Accounts[k.source].Hours[k.hour]
		events, repeats, reused = events+t.Events, repeats+t.Repeats, reused+t.Reused
	}
	return events, repeats, reused
}

func drawBatches(t *rapid.T) []event.Batch {
	event1 := rapid.Custom(func(t *rapid.T) sent {
		return sent{
			id:    rapid.SampledFrom([]string{"", "a", "b", "c", "d"}).Draw(t, "id"),
			says:  rapid.SampledFrom([]string{"x", "y", "z"}).Draw(t, "says"),
			after: time.Duration(rapid.IntRange(0, 3).Draw(t, "hour")) * time.Hour,
		}
	})
	one := rapid.Custom(func(t *rapid.T) event.Batch {
		received := nine.Add(time.Duration(rapid.IntRange(0, 300).Draw(t, "received")) * time.Minute)
		return batchOf("trail", received, rapid.SliceOfN(event1, 1, 8).Draw(t, "events")...)
	})
	return rapid.SliceOfN(one, 1, 12).Draw(t, "batches")
}

// What was sent is on the account, to the last event, whatever is remembered.
func TestTheSumOfTheAccountIsWhatWasSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFolded(limits{remember: rapid.IntRange(0, 20).Draw(t, "remember"), hours: 100})
		stored, sent := map[event.Digest]bool{}, 0
		for _, b := range drawBatches(t) {
			sent += len(b.Events)
			if stored[b.ID()] { // as the stream does it
				r := event.RepeatOf(b)
				f.arrive(stream.Arrival{Repeat: &r})
				continue
			}
			stored[b.ID()] = true
			f.arrive(stream.Arrival{Batch: &b})
		}
		if events, repeats, _ := f.sum(); events+repeats != sent {
			t.Fatalf("%d events and %d repeats of %d that were sent", events, repeats, sent)
		}
	})
}

// In which order things arrive makes no difference to how many there are.
func TestTheOrderOfArrivalChangesNoCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		batches := drawBatches(t)
		for i := range batches { // an event's hour may depend on when it arrived
			batches[i].Received = nine.Add(4 * time.Hour)
		}
		counts := func(batches []event.Batch) string {
			f := newFolded(limits{remember: 1000, hours: 100})
			for _, b := range batches {
				f.arrive(stream.Arrival{Batch: &b})
			}
			out := ""
			for _, k := range f.keys() {
				t := f.Accounts[k.source].Hours[k.hour]
				out += fmt.Sprintln(k.hour, t.Events, t.Repeats, t.Reused, t.First, t.Last, t.Lags)
			}
			return out
		}
		if a, b := counts(batches), counts(rapid.Permutation(batches).Draw(t, "order")); a != b {
			t.Fatalf("\n%s\n%s", a, b)
		}
	})
}

// An account that was kept goes on as if it had not been.
func TestAnAccountThatWasKeptGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := limits{remember: rapid.IntRange(1, 30).Draw(t, "remember"), hours: 100}
		batches := drawBatches(t)
		at := rapid.IntRange(0, len(batches)).Draw(t, "kept at")
		through, broken := newFolded(l), newFolded(l)
		for i, b := range batches {
			if i == at {
				kept, err := broken.encode(maxState)
				if err != nil {
					t.Fatal(err)
				}
				again, err := decode(kept, l)
				if err != nil {
					t.Fatal(err)
				}
				again.configure([]Source{{Name: "trail"}}, nil)
				if again.remembered != broken.remembered {
					t.Fatalf("%d are remembered, of %d", again.remembered, broken.remembered)
				}
				broken.fold = again
			}
			through.arrive(stream.Arrival{Batch: &b})
			broken.arrive(stream.Arrival{Batch: &b})
		}
		for _, k := range through.keys() {
			a, b := through.manifest(k.source, k.hour), broken.manifest(k.source, k.hour)
			if !reflect.DeepEqual(a, b) {
				t.Fatalf("\n%+v\n%+v", a, b)
			}
		}
	})
}

func TestAnAccountIsKeptWithinItsBound(t *testing.T) {
	f := newFolded(limits{remember: 100_000, hours: 100})
	for h := range 10 {
		var events []sent
		for i := range 1000 {
			events = append(events, sent{fmt.Sprint(h, i), "x", time.Duration(h) * time.Hour})
		}
		b := batchOf("trail", nine.Add(10*time.Hour), events...)
		f.arrive(stream.Arrival{Batch: &b})
	}
	kept, err := f.encode(100_000)
	if err != nil || len(kept) > 100_000 {
		t.Fatalf("%d bytes, %v", len(kept), err)
	}
	again, err := decode(kept, f.limits)
	if err != nil || again.remembered < 5000 {
		t.Fatalf("%v", err)
	}
	if oldest := again.Accounts["trail"].Hours["2026-11-16T09"]; !oldest.Forgot || oldest.memory.size() > 0 {
		t.Errorf("%+v", oldest)
	}
}

func TestTheMedianLagIsThatOfTheMiddleEvent(t *testing.T) {
	for _, c := range []struct {
		lags         []time.Duration
		median, most time.Duration
	}{
		{nil, 0, 0},
		{[]time.Duration{-time.Second}, 0, 0},
		{[]time.Duration{time.Second, 3 * time.Second, 100 * time.Second}, 5 * time.Second, 100 * time.Second},
		{[]time.Duration{4 * time.Second}, 4 * time.Second, 4 * time.Second},
		{[]time.Duration{90 * day}, 90 * day, 90 * day},
	} {
		var l lags
		for _, d := range c.lags {
			l.add(d, 1)
		}
		if got := l.lag(); got.Median != c.median || got.Most != c.most {
			t.Errorf("%v: %+v", c.lags, got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	a := newFolded(limits{remember: 100, hours: 10})
	b := batchOf("trail", nine, sent{"a", "x", 0}, sent{"a", "y", 0})
	a.arrive(stream.Arrival{Batch: &b})
	kept, err := a.encode(maxState)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(kept)
	f.Add(kept[:len(kept)-1])
	f.Fuzz(func(t *testing.T, kept []byte) {
		a, err := decode(kept, limits{remember: 100, hours: 10})
		if err != nil {
			return
		}
		a.configure([]Source{{Name: "trail"}}, nil)
		(&folded{fold: a}).arrive(stream.Arrival{Batch: &b})
		_ = a.due(nine.Add(day))
		if again, err := a.encode(maxState); err != nil || len(again) == 0 || bytes.Equal(again, kept) {
			t.Errorf("%v", err)
		}
	})
}
