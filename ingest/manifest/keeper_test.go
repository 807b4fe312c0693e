package manifest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

var nine = time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)

// installation is a real stream, and the keepers that run on it one after the
// other.
type installation struct {
	t       testing.TB
	stream  *stream.Stream
	now     time.Time
	sources []Source
	limits  limits
	keeper  *Keeper
}

func newInstallation(t testing.TB, sources ...string) *installation {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	in := &installation{t: t, stream: s, now: nine}
	for _, name := range sources {
		in.sources = append(in.sources, Source{Name: name, Product: "aws", Service: "cloudtrail"})
	}
	in.start(s)
	return in
}

// start begins a keeper, as a process does.
func (in *installation) start(s Stream) {
	in.keeper = &Keeper{
		Stream: s, Sources: in.sources, Now: func() time.Time { return in.now }, Log: slog.New(slog.DiscardHandler), limits: in.limits,
	}
}

func (in *installation) must(err error) {
	in.t.Helper()
	if err != nil {
		in.t.Fatal(err)
	}
}

// at looks when it is so late after nine.
func (in *installation) at(d time.Duration) {
	in.t.Helper()
	in.now = nine.Add(d)
	in.look()
}

func (in *installation) look() {
	in.t.Helper()
	for more := true; more; {
		var err error
		more, err = in.keeper.look(in.t.Context())
		in.must(err)
	}
}

// sent is an event: its id, what it says, and when it occurred.
type sent struct {
	id, says string
	after    time.Duration // after nine
}

func batchOf(source string, received time.Time, events ...sent) event.Batch {
	b := event.Batch{Envelope: event.Envelope{Source: source, Product: "aws", Service: "cloudtrail", Received: received}}
	for i, s := range events {
		raw := []byte(fmt.Sprintf(`{"id":%q,"says":%q}`, s.id, s.says))
		b.Events = append(b.Events, event.Event{ID: s.id, Occurred: nine.Add(s.after), Index: i, Original: event.DigestOf(raw), Raw: raw})
	}
	return b
}

func (in *installation) send(source string, events ...sent) {
	in.t.Helper()
	in.must(in.stream.PublishBatch(in.t.Context(), batchOf(source, in.now, events...)))
}

func (in *installation) mark(source string, after time.Duration) {
	in.t.Helper()
	in.must(in.stream.PublishMark(in.t.Context(), event.Mark{Source: source, Through: nine.Add(after)}))
}

func (in *installation) prove(p event.Proof) {
	in.t.Helper()
	in.must(in.stream.PublishProof(in.t.Context(), p))
}

// manifests are all on record, in their order.
func (in *installation) manifests() (out []event.Manifest) {
	in.t.Helper()
	in.must(in.stream.ReadRecordsOf(in.t.Context(), event.TypeManifest, "", 0, func(_ uint64, r event.Record) error {
		out = append(out, *r.Body.(*event.Manifest))
		return nil
	}))
	return out
}

// latest are the last revisions, by source and hour.
func latest(all []event.Manifest) map[key]event.Manifest {
	out := map[key]event.Manifest{}
	for _, m := range all {
		out[key{m.Source, m.Hour}] = m
	}
	return out
}

func (in *installation) last(source string, hour event.Hour) event.Manifest {
	in.t.Helper()
	m, ok := latest(in.manifests())[key{source, hour}]
	if !ok {
		in.t.Fatalf("nothing is on record of %s %s", source, hour)
	}
	return m
}

// said are the manifests on record in short.
func (in *installation) said() (out []string) {
	for _, m := range in.manifests() {
		out = append(out, fmt.Sprintf("%s %s.%d %d+%d %s", m.Source, m.Hour[11:], m.Revision, m.Events, m.Repeats, m.Completeness))
	}
	return out
}

func (in *installation) want(want ...string) {
	in.t.Helper()
	if got := in.said(); !slices.Equal(got, want) {
		in.t.Errorf("on record are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestAnHourIsPutOnRecordWhenItsSourceWasHeardBeyondIt(t *testing.T) {
	in := newInstallation(t, "trail")
	in.send("trail", sent{"a", "x", time.Minute}, sent{"b", "x", 59 * time.Minute})
	in.mark("trail", 59*time.Minute)
	in.at(59 * time.Minute)
	in.at(61 * time.Minute)
	in.want()
	in.mark("trail", time.Hour)
	in.at(62 * time.Minute)
	in.at(63 * time.Minute)
	in.want("trail 09.1 2+0 covered")
	m := in.last("trail", "2026-11-16T09")
	if !m.First.Equal(nine.Add(time.Minute)) || !m.Last.Equal(nine.Add(59*time.Minute)) || m.Rolling == (event.Digest{}) || m.Product != "aws" {
		t.Errorf("%+v", m)
	}
}

func TestAnHourIsPutOnRecordAfterAWhileWhateverIsHeard(t *testing.T) {
	in := newInstallation(t, "trail")
	in.send("trail", sent{"a", "x", time.Minute})
	in.at(69 * time.Minute)
	in.want()
	in.at(70 * time.Minute)
	in.want("trail 09.1 1+0 behind")
	in.mark("trail", 2*time.Hour)
	in.at(79 * time.Minute) // a revision every ten minutes is enough
	in.want("trail 09.1 1+0 behind")
	in.at(80 * time.Minute)
	in.want("trail 09.1 1+0 behind", "trail 09.2 1+0 covered")
}

func TestAnHourWithoutEventsIsAStatementToo(t *testing.T) {
	in := newInstallation(t, "trail", "never")
	in.send("trail", sent{"a", "x", time.Minute})
	in.mark("trail", 4*time.Hour)
	in.at(4 * time.Hour)
	in.want("trail 09.1 1+0 covered", "trail 10.1 0+0 covered", "trail 11.1 0+0 covered", "trail 12.1 0+0 covered")
}

func TestWhatArrivesAgainIsCountedAndChangesNothing(t *testing.T) {
	in := newInstallation(t, "trail")
	in.send("trail", sent{"a", "x", 0}, sent{"b", "x", 0})
	in.send("trail", sent{"a", "x", 0}, sent{"b", "x", 0}) // the same batch
	in.send("trail", sent{"a", "x", 0}, sent{"c", "x", 0}) // a part of it, with others
	in.send("trail", sent{"a", "y", 0})                    // an id with other content
	in.send("trail", sent{"a", "y", 0}, sent{"a", "x", 0}) // both again
	in.send("trail", sent{"", "1", 0}, sent{"", "2", 0}, sent{"", "1", 0})
	in.must(in.stream.PublishDead(t.Context(), event.Dead{Envelope: event.Envelope{Source: "trail", Received: nine}, Cause: "malformed"}))
	in.must(in.stream.PublishDead(t.Context(), event.Dead{Envelope: event.Envelope{Source: "who", Received: nine}, Cause: "malformed"}))
	in.mark("trail", time.Hour)
	in.at(70 * time.Minute)
	m := in.last("trail", "2026-11-16T09")
	if m.Events != 6 || m.Repeats != 6 || m.Reused != 1 || m.Unchecked != 0 || m.Dead["malformed"] != 1 || m.DeadPosition == 0 {
		t.Errorf("%+v", m)
	}
	if m := in.last("unknown", "2026-11-16T09"); m.Dead["malformed"] != 1 {
		t.Errorf("%+v", m)
	}
}

func TestWhatIsLateMakesARevisionAtMostEveryTenMinutes(t *testing.T) {
	in := newInstallation(t, "trail")
	in.mark("trail", time.Minute)
	in.mark("trail", time.Hour)
	in.at(time.Hour)
	for i := range 3 {
		in.now = nine.Add(time.Hour + time.Duration(i)*time.Minute)
		in.send("trail", sent{fmt.Sprint(i), "x", time.Minute})
		in.look()
	}
	in.at(72 * time.Minute)
	m := in.last("trail", "2026-11-16T09")
	if m.Revision != 2 || m.Events != 3 || m.Late != 3 {
		t.Errorf("%+v\n%s", m, in.said())
	}
}

// What is newly wrong does not wait.
func TestAReusedIDIsOnRecordWithinAMinute(t *testing.T) {
	in := newInstallation(t, "trail")
	in.mark("trail", time.Hour)
	in.send("trail", sent{"a", "x", 0})
	in.at(time.Hour)
	in.now = in.now.Add(time.Minute)
	in.send("trail", sent{"a", "y", 0})
	in.look()
	if m := in.last("trail", "2026-11-16T09"); m.Reused != 1 || m.Revision != 2 {
		t.Errorf("%+v", m)
	}
}

func TestEventsOfTheFutureAndOfLongAgoBelongToTheHourOfTheirArrival(t *testing.T) {
	in := newInstallation(t, "trail")
	in.send("trail", sent{"a", "x", 3 * time.Hour}, sent{"b", "x", -401 * day}, sent{"c", "x", -399 * day}, sent{"d", "x", time.Hour})
	in.mark("trail", 2*time.Hour)
	in.at(2 * time.Hour)
	in.want("trail 09.1 1+0 covered", "trail 09.1 2+0 covered", "trail 10.1 1+0 covered")
}

func TestMoreThanCanBeRememberedIsSaidToBeUnchecked(t *testing.T) {
	in := newInstallation(t, "trail")
	in.limits = limits{remember: 3, hours: 100}
	in.start(in.stream)
	in.mark("trail", 0)
	in.send("trail", sent{"a", "x", 0}, sent{"b", "x", 0})
	in.send("trail", sent{"c", "x", time.Hour}, sent{"d", "x", time.Hour}) // the first hour is let go
	in.send("trail", sent{"a", "x", 0}, sent{"d", "x", time.Hour}, sent{"e", "x", time.Hour})
	in.mark("trail", 2*time.Hour)
	in.at(2 * time.Hour)
	m, n := in.last("trail", "2026-11-16T09"), in.last("trail", "2026-11-16T10")
	if m.Events != 3 || m.Unchecked != 1 || m.Repeats != 0 || n.Events != 3 || n.Repeats != 1 {
		t.Errorf("%+v\n%+v", m, n)
	}
}

func TestAnHourThatWasLetGoIsTakenUpAgain(t *testing.T) {
	in := newInstallation(t, "trail")
	in.send("trail", sent{"a", "x", 0})
	in.mark("trail", time.Hour)
	in.at(time.Hour)
	in.mark("trail", 72*time.Hour)
	in.at(72 * time.Hour)
	in.look()
	if in.keeper.fold.holds(key{"trail", "2026-11-16T09"}) {
		t.Fatal("the hour is still held")
	}
	in.send("trail", sent{"b", "x", 0})
	in.look()
	m := in.last("trail", "2026-11-16T09")
	if m.Revision != 2 || m.Events != 2 || m.Late != 1 || m.Unchecked != 1 {
		t.Errorf("%+v", m)
	}
	n := len(in.manifests())
	in.now = in.now.Add(10 * time.Minute)
	in.look()
	if more := len(in.manifests()) - n; more != 0 {
		t.Errorf("%d more: %s", more, in.said()[n:])
	}
}

// A back-fill may bring thousands of hours: no more than the bound are held, and
// none is lost.
func TestABackFillOfManyHoursIsBounded(t *testing.T) {
	in := newInstallation(t)
	in.limits = limits{remember: 1000, hours: 10}
	in.start(in.stream)
	for i := range 60 {
		in.send("trail", sent{fmt.Sprint(i), "x", -time.Duration(i) * time.Hour}, sent{fmt.Sprint("b", i), "x", -time.Duration(i) * time.Hour})
	}
	in.now = nine.Add(2 * time.Hour)
	in.look()
	in.look()
	if held := in.keeper.fold.held(); held > 10 {
		t.Errorf("%d hours are held", held)
	}
	total := 0
	for _, m := range latest(in.manifests()) {
		total += m.Events
	}
	if total != 120 {
		t.Errorf("%d events on record: %s", total, in.said())
	}
}

// flaky is a stream whose operations fail from one on, before or after they are
// done: so does a process end.
type flaky struct {
	*stream.Stream
	left  int
	after bool
}

var errKilled = errors.New("killed")

func (f *flaky) do(op func() error) error {
	f.left--
	if f.left < 0 || f.left == 0 && !f.after {
		return errKilled
	}
	err := op()
	if f.left == 0 {
		return errKilled
	}
	return err
}

func (f *flaky) AppendRecord(ctx context.Context, r event.Record) (fresh bool, err error) {
	return false, f.do(func() error { _, err := f.Stream.AppendRecord(ctx, r); return err })
}

func (f *flaky) KeepBookmark(ctx context.Context, name string, value []byte) error {
	return f.do(func() error { return f.Stream.KeepBookmark(ctx, name, value) })
}

func (f *flaky) ReadArrivals(ctx context.Context, after uint64, each func(stream.Arrival) error) error {
	return f.Stream.ReadArrivals(ctx, after, func(a stream.Arrival) error { return f.do(func() error { return each(a) }) })
}

// TestAKeeperThatIsKilledAnywhereComesToTheSame kills one at every operation, and
// lets another one go on.
func TestAKeeperThatIsKilledAnywhereComesToTheSame(t *testing.T) {
	story := func(in *installation, step func()) map[key]event.Manifest {
		in.send("trail", sent{"a", "x", 0}, sent{"b", "x", 0})
		in.mark("trail", time.Hour)
		in.now = nine.Add(time.Hour)
		step()
		in.send("trail", sent{"c", "x", 0}, sent{"b", "x", 0}, sent{"d", "x", time.Hour}, sent{"d", "y", time.Hour})
		in.must(in.stream.PublishDead(t.Context(), event.Dead{Envelope: event.Envelope{Source: "trail", Received: nine}, Cause: "malformed"}))
		in.prove(event.Proof{Source: "trail", Kind: event.DigestChain, From: nine, To: nine.Add(time.Hour), Verdict: event.Missing, Faults: []string{"x is gone"}})
		in.now = nine.Add(3 * time.Hour)
		step()
		in.mark("trail", 3*time.Hour)
		in.now = nine.Add(4 * time.Hour)
		step()
		in.now = nine.Add(5 * time.Hour)
		in.start(in.stream)
		in.look()
		return latest(in.manifests())
	}
	calm := newInstallation(t, "trail")
	want := comparable(story(calm, func() { calm.look(); calm.must(calm.keeper.keep(t.Context())) }))
	for n := 1; n < 60; n++ {
		for _, after := range []bool{false, true} {
			in := newInstallation(t, "trail")
			f := &flaky{Stream: in.stream, left: n, after: after}
			got := comparable(story(in, func() {
				if f.left >= 0 { // a process, until it is killed
					in.keeper.Stream = f
					_, err := in.keeper.look(t.Context())
					if err == nil {
						err = in.keeper.keep(t.Context())
					}
					if err == nil {
						return
					}
					if !errors.Is(err, errKilled) {
						t.Fatal(err)
					}
				}
				in.start(in.stream) // the next one
				in.look()
				in.must(in.keeper.keep(t.Context()))
			}))
			if !maps.Equal(got, want) {
				t.Fatalf("killed at %d (%v):\n%v\nwant\n%v", n, after, got, want)
			}
			if f.left > 0 {
				return // nothing is left to be killed at
			}
		}
	}
	t.Error("there is no end of operations")
}

// comparable is what has to be the same however often a keeper is killed.
func comparable(all map[key]event.Manifest) map[key]string {
	out := map[key]string{}
	for k, m := range all {
		out[k] = fmt.Sprintf("%d+%d reused %d unchecked %d dead %v %s %s %d", m.Events, m.Repeats, m.Reused, m.Unchecked, m.Dead, m.Rolling.Short(), m.Completeness, len(m.Proofs))
	}
	return out
}
