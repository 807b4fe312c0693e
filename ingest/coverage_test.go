package ingest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
)

// covered runs a source's coverage in a bubble of virtual time, and passes what
// a test needs of it.
func covered(t *testing.T, mode ingest.CoverageMode, f func(c *ingest.Coverage, sink *ingesttest.Recorder, start time.Time)) {
	synctest.Test(t, func(t *testing.T) {
		sink := &ingesttest.Recorder{}
		c := ingest.NewCoverage(source(mode), sink, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- c.Run(ctx) }()
		f(c, sink, time.Now().UTC())
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
	})
}

// tick lets a source say what it has to say.
func tick() { time.Sleep(1500 * time.Millisecond); synctest.Wait() }

func latestMark(t *testing.T, sink *ingesttest.Recorder) time.Time {
	t.Helper()
	all := sink.Through()
	if len(all) == 0 {
		t.Fatal("no mark")
	}
	return all[len(all)-1]
}

func TestTrafficCoversUpToTheLateness(t *testing.T) {
	covered(t, ingest.Traffic, func(c *ingest.Coverage, sink *ingesttest.Recorder, _ time.Time) {
		time.Sleep(10 * time.Second)
		if n := len(sink.Through()); n != 0 {
			t.Fatalf("%d marks without a delivery", n)
		}
		for range 50 {
			c.Begin()(time.Time{}, nil)
			time.Sleep(10 * time.Millisecond)
		}
		last := time.Now().UTC()
		c.Begin()(time.Time{}, nil)
		tick()
		if got, want := latestMark(t, sink), last.Add(-time.Minute); !got.Equal(want) {
			t.Errorf("the last delivery covers up to %v, want %v", got, want)
		}
		if n := len(sink.Through()); n > 2 {
			t.Errorf("%d marks in a second and a half", n)
		}
		time.Sleep(time.Hour)
		if got := latestMark(t, sink); !got.Equal(last.Add(-time.Minute)) {
			t.Errorf("silence covers up to %v", got)
		}
	})
}

func TestTheClockCoversSilence(t *testing.T) {
	covered(t, ingest.Clock, func(_ *ingest.Coverage, sink *ingesttest.Recorder, start time.Time) {
		time.Sleep(time.Hour + 500*time.Millisecond)
		synctest.Wait()
		if got, want := latestMark(t, sink), start.Add(59*time.Minute); got.Before(want) {
			t.Errorf("covers up to %v, want %v", got, want)
		}
	})
}

func TestEventsCoverUpToTheNewest(t *testing.T) {
	covered(t, ingest.Events, func(c *ingest.Coverage, sink *ingesttest.Recorder, _ time.Time) {
		old := time.Date(1999, 5, 1, 0, 0, 0, 0, time.UTC)
		c.Begin()(old, nil)
		c.Begin()(old.Add(-time.Hour), nil)
		tick()
		if got, want := latestMark(t, sink), old.Add(-time.Minute); !got.Equal(want) {
			t.Errorf("covers up to %v, want %v", got, want)
		}
	})
}

func TestAnEventOfTheFutureCoversNoMoreThanNow(t *testing.T) {
	covered(t, ingest.Events, func(c *ingest.Coverage, sink *ingesttest.Recorder, start time.Time) {
		c.Begin()(start.AddDate(100, 0, 0), nil)
		tick()
		if got := latestMark(t, sink); got.After(time.Now()) {
			t.Errorf("covers up to %v, and now it is %v", got, time.Now())
		}
	})
}

func TestADeliveryThatIsStillBeingStoredHoldsCoverageBack(t *testing.T) {
	for _, mode := range []ingest.CoverageMode{ingest.Traffic, ingest.Clock} {
		covered(t, mode, func(c *ingest.Coverage, sink *ingesttest.Recorder, start time.Time) {
			end := c.Begin()
			time.Sleep(time.Minute)
			c.Begin()(time.Time{}, nil)
			tick()
			for _, through := range sink.Through() {
				if through.After(start.Add(-time.Minute)) {
					t.Errorf("%s: covers up to %v while a delivery of %v is being stored", mode, through, start)
				}
			}
			end(time.Time{}, nil)
			tick()
			if !latestMark(t, sink).After(start.Add(-time.Minute)) {
				t.Errorf("%s: coverage does not go on", mode)
			}
		})
	}
}

func TestADeliveryThatCouldNotBeStoredHoldsCoverageBackUntilOneIs(t *testing.T) {
	covered(t, ingest.Clock, func(c *ingest.Coverage, sink *ingesttest.Recorder, start time.Time) {
		time.Sleep(time.Millisecond)
		failed := time.Now().UTC()
		c.Begin()(time.Time{}, errors.New("the disk is full"))
		time.Sleep(time.Hour)
		if got := latestMark(t, sink); got.After(failed.Add(-time.Minute)) {
			t.Errorf("covers up to %v, beyond a delivery of %v that is not stored", got, failed)
		}
		c.Begin()(time.Time{}, nil)
		tick()
		if got := latestMark(t, sink); !got.After(start.Add(58 * time.Minute)) {
			t.Errorf("coverage does not go on: %v", got)
		}
	})
}

func TestADeliveryThatBroughtNothingProvesNothing(t *testing.T) {
	covered(t, ingest.Traffic, func(c *ingest.Coverage, sink *ingesttest.Recorder, _ time.Time) {
		c.Begin()(time.Time{}, ingest.ErrNothing)
		tick()
		if n := len(sink.Through()); n != 0 {
			t.Errorf("%d marks", n)
		}
	})
	covered(t, ingest.Clock, func(c *ingest.Coverage, sink *ingesttest.Recorder, start time.Time) {
		c.Begin()(time.Time{}, ingest.ErrNothing)
		time.Sleep(time.Hour)
		if !latestMark(t, sink).After(start) {
			t.Error("a delivery that was refused holds coverage back")
		}
	})
}

func TestCoverageIsStatedALastTimeAtTheEnd(t *testing.T) {
	var sink *ingesttest.Recorder
	covered(t, ingest.Traffic, func(c *ingest.Coverage, s *ingesttest.Recorder, _ time.Time) {
		sink = s
		c.Begin()(time.Time{}, nil)
	})
	if len(sink.Through()) != 1 {
		t.Errorf("marks: %v", sink.Through())
	}
}

func TestAMarkThatCouldNotBeStoredIsStatedAgain(t *testing.T) {
	covered(t, ingest.Traffic, func(c *ingest.Coverage, sink *ingesttest.Recorder, _ time.Time) {
		c.Begin()(time.Time{}, nil)
		sink.FailWith(errors.New("away"))
		tick()
		sink.FailWith(nil)
		tick()
		latestMark(t, sink)
	})
}

func TestOnlyTheKnownModesOfCoverageAreTaken(t *testing.T) {
	for mode, want := range map[ingest.CoverageMode]bool{"": true, "traffic": true, "clock": true, "events": true, "Clock": false, "none": false} {
		if err := mode.Validate(); (err == nil) != want {
			t.Errorf("%q: %v", mode, err)
		}
	}
}
