package monitor

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
)

// notes are those of a kind on the stream.
func (in *installation) notes(kind Kind) (out []Note) {
	in.t.Helper()
	in.must(in.stream.Batches(in.t.Context(), time.Time{}, func(b event.Batch, _, _ uint64) error {
		for _, e := range b.Events {
			var n Note
			in.must(json.Unmarshal(e.Raw, &n))
			if n.Kind == kind {
				out = append(out, n)
			}
		}
		return nil
	}))
	return out
}

// every has the source heard every d, for a time, and looks each time.
func (in *installation) every(m *Monitor, d, during time.Duration) {
	in.t.Helper()
	for end := in.now.Add(during); in.now.Before(end); {
		in.now = in.now.Add(d)
		in.must(in.stream.PublishMark(in.t.Context(), event.Mark{Source: "trail", Through: in.now}))
		in.look(m)
	}
}

func TestASourceIsSilentByItsOwnRhythm(t *testing.T) {
	for _, c := range []struct {
		name        string
		every       time.Duration
		known       time.Duration
		quiet       time.Duration // still no silence
		silent      time.Duration // is one
		rhythm      string
		lateness    time.Duration
		silentAfter time.Duration
	}{
		{name: "not known for a day", every: 10 * time.Minute, known: 12 * time.Hour, quiet: 2 * time.Hour, silent: 121 * time.Minute,
			rhythm: "it is not known for a day yet, and may be behind for 2h0m0s"},
		{name: "a busy one", every: 2 * time.Minute, known: 25 * time.Hour, quiet: 15 * time.Minute, silent: 16 * time.Minute,
			rhythm: "the longest that it was quiet in 14 days is 2m0s, and it may be behind for 15m0s"},
		{name: "one of every hour", every: time.Hour, known: 30 * time.Hour, quiet: 2 * time.Hour, silent: 121 * time.Minute,
			rhythm: "the longest that it was quiet in 14 days is 1h0m0s, and it may be behind for 2h0m0s"},
		{name: "one that is late", every: time.Hour, known: 30 * time.Hour, lateness: 15 * time.Minute, quiet: 135 * time.Minute, silent: 136 * time.Minute,
			rhythm: "the longest that it was quiet in 14 days is 1h0m0s, and it may be behind for 2h15m0s"},
		{name: "one of every other day", every: 23 * time.Hour, known: 120 * time.Hour, quiet: 24 * time.Hour, silent: 24*time.Hour + time.Minute,
			rhythm: "the longest that it was quiet in 14 days is 23h0m0s, and it may be behind for 24h0m0s"},
		{name: "one that is configured", every: time.Minute, known: 25 * time.Hour, silentAfter: 3 * time.Hour, quiet: 3 * time.Hour, silent: 181 * time.Minute,
			rhythm: "its silent-after is 3h0m0s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := newInstallation(t)
			w := Watched{Name: "trail", Lateness: c.lateness, SilentAfter: c.silentAfter}
			m := in.start(w)
			in.look(m)
			in.every(m, c.every, c.known)
			before := len(in.notes(SourceSilent))
			heard := in.now
			in.now = heard.Add(c.quiet)
			in.look(m)
			if n := len(in.notes(SourceSilent)); n != before {
				t.Fatalf("silent after %v", c.quiet)
			}
			in.now = heard.Add(c.silent)
			in.look(m)
			told := in.notes(SourceSilent)
			if len(told) != before+1 {
				t.Fatalf("not silent after %v", c.silent)
			}
			if n := told[before]; n.Rhythm != c.rhythm || !n.From.Equal(heard) {
				t.Errorf("%s, from %v", n.Rhythm, n.From)
			}
		})
	}
}

func TestTheRhythmIsKnownToTheNextProcess(t *testing.T) {
	in := newInstallation(t)
	w := Watched{Name: "trail"}
	m := in.start(w)
	in.look(m)
	in.every(m, 20*time.Minute, 30*time.Hour)
	m = in.start(w)
	in.look(m)
	in.now = in.now.Add(41 * time.Minute)
	in.look(m)
	if n := in.notes(SourceSilent); len(n) != 1 || !strings.Contains(n[0].Rhythm, "is 20m0s") {
		t.Errorf("%+v", n)
	}
}

// Whoever keeps a source silent must not teach the monitor that this is its rhythm.
func TestASilenceThatWasToldStretchesTheRhythmNoFurtherThanItsLimit(t *testing.T) {
	in := newInstallation(t)
	m := in.start(Watched{Name: "trail"})
	in.look(m)
	in.every(m, 20*time.Minute, 30*time.Hour)
	from := in.now
	in.now = in.now.Add(12 * time.Hour)
	in.look(m)
	in.every(m, 20*time.Minute, time.Minute)
	heard := in.notes(SourceHeard)
	if len(heard) != 1 || !heard[0].From.Equal(from) || !heard[0].To.Equal(in.now) {
		t.Errorf("%+v", heard)
	}
	if longest := m.memory.Sources["trail"].longest(in.now); longest != 40*time.Minute {
		t.Errorf("the longest quiet is %v", longest)
	}
}

// Who can delay a source, and does so a little more each time, is not noticed; but it
// takes days to have it taken for quiet for hours.
func TestARhythmStretchesInADayToNoMoreThanTwice(t *testing.T) {
	in := newInstallation(t)
	m := in.start(Watched{Name: "trail"})
	in.look(m)
	in.every(m, time.Minute, 25*time.Hour)
	h := m.memory.Sources["trail"]
	first := m.Sources[0].limit(h, in.now)
	for begun := in.now; in.now.Before(begun.Add(20 * time.Hour)); {
		in.every(m, m.Sources[0].limit(h, in.now)-time.Second, time.Second)
	}
	// Midnight may have passed once.
	if got := m.Sources[0].limit(h, in.now); got > 4*first {
		t.Errorf("a limit of %v has become %v within a day", first, got)
	}
}

func TestWhatAManifestSaysIsToldOnceForEachVerdict(t *testing.T) {
	in := newInstallation(t)
	m := in.start()
	revision := 0
	put := func(hour event.Hour, c event.Completeness, reused int) {
		revision++
		b := event.Manifest{Source: "trail", Product: "aws", Service: "cloudtrail", Hour: hour, Revision: revision, Completeness: c, Reused: reused}
		if wrong(c) {
			b.Proofs = []event.Proof{
				{Kind: event.DigestChain, Part: "1111/eu", Verdict: c, Faults: []string{"x: it is gone"}},
				{Kind: event.DigestChain, Part: "1111/us", Verdict: event.Complete},
			}
		}
		_, err := in.stream.AppendRecord(t.Context(), event.ManifestRecord(b, in.now))
		in.must(err)
	}
	const hour = "2026-11-16T09"
	put(hour, event.Covered, 0)
	in.look(m)
	in.want()
	put(hour, event.Missing, 0)
	in.look(m)
	put(hour, event.Missing, 2)
	put(hour, event.Missing, 2)
	m = in.start() // another process
	in.look(m)
	put(hour, event.Complete, 2)
	put(hour, event.Altered, 3)
	put("2026-11-16T10", event.Missing, 0)
	in.look(m)
	in.want("source-incomplete trail", "ids-reused trail", "source-incomplete trail", "ids-reused trail", "source-incomplete trail")
	n := in.notes(SourceIncomplete)[0]
	if n.Hour != hour || n.Completeness != event.Missing || n.Product != "aws" || n.Revision != 2 ||
		!slices.Equal(n.Parts, []string{"1111/eu"}) || !slices.Equal(n.Faults, []string{"x: it is gone"}) {
		t.Errorf("%+v", n.HourNote)
	}
	if n := in.notes(IDsReused); n[0].Reused != 2 || n[1].Reused != 3 {
		t.Errorf("%+v", n)
	}
}
