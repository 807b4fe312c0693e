package monitor

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/stream"
)

// installation is a stream, and the monitors that run on it one after the other.
type installation struct {
	t      *testing.T
	stream *stream.Stream
	now    time.Time
	// failing makes the stream take no batch.
	failing bool
}

func newInstallation(t *testing.T) *installation {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return &installation{t: t, stream: s, now: nine}
}

// hampered is the stream, and takes no batch while it fails.
type hampered struct {
	*stream.Stream
	in *installation
}

func (h hampered) PublishBatch(ctx context.Context, b event.Batch) error {
	if h.in.failing {
		return errors.New("no room")
	}
	return h.Stream.PublishBatch(ctx, b)
}

// start begins a monitor, as a process does.
func (in *installation) start(watched ...Watched) *Monitor {
	in.t.Helper()
	m := &Monitor{
		Stream: hampered{in.stream, in}, Sources: watched, Scope: "site", Metrics: ingest.NewMetrics(prometheus.NewRegistry()),
		Now: func() time.Time { return in.now }, Log: slog.New(slog.DiscardHandler),
	}
	in.must(m.Begin(in.t.Context()))
	return m
}

func (in *installation) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

func (in *installation) announce(p event.Policy) {
	in.t.Helper()
	p.Loaded = in.now
	in.must(in.stream.PublishPolicy(in.t.Context(), p))
}

func (in *installation) look(m *Monitor) {
	in.t.Helper()
	in.must(m.look(in.t.Context()))
}

// kinds are the notes on the stream: their kinds, with the source or key.
func (in *installation) kinds() (out []string) {
	in.t.Helper()
	in.must(in.stream.Batches(in.t.Context(), time.Time{}, func(b event.Batch, _, _ uint64) error {
		for _, e := range b.Events {
			var n Note
			in.must(json.Unmarshal(e.Raw, &n))
			s := string(n.Kind)
			if n.SourceNote != nil {
				s += " " + n.Source
			}
			out = append(out, s)
		}
		return nil
	}))
	return out
}

func (in *installation) want(kinds ...string) {
	in.t.Helper()
	if got := in.kinds(); !slices.Equal(got, kinds) {
		in.t.Errorf("told are %v, want %v", got, kinds)
	}
}

func changedPolicy(n byte) event.Policy {
	p := announced()
	p.Digest, p.Rules[0] = event.Digest{n}, version("exec", n)
	return p
}

func TestAChangeIsToldOnceWhetherItWasMadeWhileTheMonitorRanOrNot(t *testing.T) {
	in := newInstallation(t)
	m := in.start()
	in.announce(announced())
	in.look(m)
	in.look(m)
	in.want("policy-loaded")

	in.now = in.now.Add(time.Hour)
	in.announce(changedPolicy(2)) // a reload
	in.look(m)
	in.want("policy-loaded", "policy-changed")

	in.now = in.now.Add(time.Hour)
	m = in.start()
	in.announce(changedPolicy(3)) // changed while no monitor ran
	in.look(m)
	in.now = in.now.Add(time.Hour)
	m = in.start()
	in.announce(changedPolicy(3))
	in.look(m)
	in.want("policy-loaded", "policy-changed", "policy-changed", "policy-loaded")
}

// An installation that an earlier version began is compared with what that
// announced last, and its past is left alone.
func TestAnInstallationThatToldNothingBeginsWithWhatWasInForceLast(t *testing.T) {
	in := newInstallation(t)
	for n := range byte(3) {
		in.announce(changedPolicy(n))
		in.now = in.now.Add(time.Hour)
	}
	m := in.start()
	in.announce(changedPolicy(9))
	in.look(m)
	in.want("policy-changed")
}

// A process may end at any moment: before a note is published, it is published by
// the next one; after, it is not published again.
func TestWhatWasToBeToldIsToldByTheNextProcess(t *testing.T) {
	in := newInstallation(t)
	m := in.start(Watched{Name: "trail", SilentAfter: time.Hour})
	in.announce(announced())
	in.look(m)
	in.now = in.now.Add(2 * time.Hour)
	in.failing = true
	if err := m.look(t.Context()); err == nil {
		t.Fatal("a note was published though the stream fails")
	}
	in.failing = false
	m = in.start(Watched{Name: "trail", SilentAfter: time.Hour})
	in.now = in.now.Add(time.Second) // else the note would be the same by chance
	in.look(m)
	in.want("policy-loaded", "source-silent trail")
	m = in.start(Watched{Name: "trail", SilentAfter: time.Hour})
	in.look(m)
	in.want("policy-loaded", "source-silent trail")
}

func TestASourceThatFallsSilentIsToldOnceAndSoIsItsReturn(t *testing.T) {
	in := newInstallation(t)
	m := in.start(Watched{Name: "github", SilentAfter: 2 * time.Hour})
	step := func(d time.Duration, heard bool) {
		in.now = in.now.Add(d)
		if heard {
			in.must(in.stream.PublishMark(t.Context(), event.Mark{Source: "github", Through: in.now}))
		}
		in.look(m)
	}
	step(0, false)
	step(time.Hour, true)
	step(2*time.Hour, false)
	in.want()
	step(time.Minute, false)
	step(time.Hour, false)
	in.want("source-silent github")
	step(time.Minute, true)
	in.want("source-silent github", "source-heard github")
	step(3*time.Hour, false)
	in.want("source-silent github", "source-heard github", "source-silent github")
}

// While no monitor ran, no source could be heard.
func TestASourceIsNotBlamedForTheTimeInWhichNoMonitorRan(t *testing.T) {
	in := newInstallation(t)
	w := Watched{Name: "github", SilentAfter: 2 * time.Hour}
	m := in.start(w)
	in.look(m)
	in.now = in.now.Add(time.Hour)
	in.must(in.stream.PublishMark(t.Context(), event.Mark{Source: "github", Through: in.now}))
	in.look(m)
	for range 2 { // the monitor is down for a day, twice
		in.now = in.now.Add(24 * time.Hour)
		m = in.start(w)
		in.look(m)
		in.now = in.now.Add(50 * time.Minute)
		in.look(m)
	}
	in.want()
	in.now = in.now.Add(30 * time.Minute) // 130 minutes of being there
	in.look(m)
	in.want("source-silent github")
}

func TestAnotherKeyOfTheLedgerIsTold(t *testing.T) {
	in := newInstallation(t)
	for _, key := range []string{"site+1+A", "site+1+A", "site+2+B", "site+2+B"} {
		m := in.start()
		m.Key = key
		in.look(m)
	}
	in.want("ledger-key-changed")
}

func TestDeadLettersAreToldBySourceAndAtMostHourly(t *testing.T) {
	in := newInstallation(t)
	bury := func(source, cause string) {
		in.must(in.stream.PublishDead(t.Context(), event.Dead{Envelope: event.Envelope{Source: source}, Cause: cause, Raw: []byte("x")}))
	}
	bury("old", "malformed") // before this version
	m := in.start()
	bury("trail", "malformed")
	bury("trail", "oversized")
	bury("github", "unauthenticated")
	in.look(m)
	in.want("dead-letters github", "dead-letters trail")
	bury("trail", "malformed")
	in.now = in.now.Add(59 * time.Minute)
	in.look(m)
	in.want("dead-letters github", "dead-letters trail")
	in.now = in.now.Add(time.Minute)
	m = in.start()
	in.look(m)
	in.want("dead-letters github", "dead-letters trail", "dead-letters trail")
}

// What is under way when the process is told to end is told before it does.
func TestRunTellsALastTimeWhenItEnds(t *testing.T) {
	in := newInstallation(t)
	m := in.start()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	in.announce(announced())
	in.must(m.Run(ctx))
	in.want("policy-loaded")
	if mark, err := in.stream.LastMark(t.Context(), Source); err != nil || !mark.Through.Equal(in.now) {
		t.Errorf("complete up to %v, %v", mark.Through, err)
	}
}

func TestThatThereIsNoRoomForEventsIsToldOnceAndSoIsItsEnd(t *testing.T) {
	in := newInstallation(t)
	space := stream.Space{Known: true, Free: 1 << 30}
	start := func() *Monitor {
		m := in.start()
		m.Space = func() stream.Space { return space }
		return m
	}
	m := start()
	step := func(full string, refused uint64) {
		in.now = in.now.Add(time.Minute)
		space.Full, space.Refused = full, refused
		in.look(m)
	}
	step("", 0)
	in.want()
	step("the disk is full", 0)
	step("the disk is full", 7)
	in.want("stream-full")
	m = start() // a process that is started anew counts from the beginning
	step("the disk is full", 2)
	in.want("stream-full")
	step("", 2)
	step("", 2)
	in.want("stream-full", "stream-has-room")
	step("", 3) // full between two looks
	step("", 3)
	in.want("stream-full", "stream-has-room", "stream-full", "stream-has-room")
}
