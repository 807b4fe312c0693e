package manifest

import (
	"encoding/json"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/monitor"
)

// note puts a note of the monitor on the stream.
func (in *installation) note(n monitor.Note) {
	in.t.Helper()
	raw, err := json.Marshal(n)
	in.must(err)
	e, err := monitor.Identify(raw)
	in.must(err)
	in.must(in.stream.PublishBatch(in.t.Context(), event.Batch{
		Envelope: event.Envelope{Source: monitor.Source, Product: monitor.Product, Service: monitor.Service, Received: in.now},
		Events:   []event.Event{e},
	}))
}

func (in *installation) silent(source string, from time.Duration) {
	in.t.Helper()
	through := nine.Add(from)
	in.note(monitor.Note{ID: "silent" + in.now.String(), Time: in.now, Kind: monitor.SourceSilent,
		SourceNote: &monitor.SourceNote{Source: source, From: through, Through: through}})
}

func (in *installation) heard(source string, from, to time.Duration) {
	in.t.Helper()
	in.note(monitor.Note{ID: "heard" + in.now.String(), Time: in.now, Kind: monitor.SourceHeard,
		SourceNote: &monitor.SourceNote{Source: source, From: nine.Add(from), To: nine.Add(to), Through: nine.Add(to)}})
}

// gaps are all on record.
func (in *installation) gaps() (out []event.Gap) {
	in.t.Helper()
	in.must(in.stream.ReadRecordsOf(in.t.Context(), event.TypeGap, "", 0, func(_ uint64, r event.Record) error {
		out = append(out, *r.Body.(*event.Gap))
		return nil
	}))
	return out
}

func TestAGapIsPutOnRecordAndWhatIsRecoveredOfIt(t *testing.T) {
	in := newInstallation(t, "trail")
	in.send("trail", sent{"a", "x", 0})
	in.mark("trail", 0)
	in.at(150 * time.Minute)
	in.silent("trail", 0)
	in.at(3*time.Hour + 15*time.Minute)
	if m := in.last("trail", "2026-11-16T10"); m.Completeness != event.Silent {
		t.Errorf("while it is silent: %s", m.Completeness)
	}

	in.now = nine.Add(4*time.Hour + 30*time.Minute)
	in.send("trail", sent{"z", "x", 4*time.Hour + 30*time.Minute}) // it is heard again
	in.mark("trail", 4*time.Hour+30*time.Minute)
	in.now = in.now.Add(40 * time.Second)
	in.heard("trail", 0, 4*time.Hour+30*time.Minute+30*time.Second)
	in.look()
	gaps := in.gaps()
	if len(gaps) != 1 || gaps[0].Revision != 1 || gaps[0].Recovered != 0 || !gaps[0].From.Equal(nine) ||
		!gaps[0].To.Equal(nine.Add(4*time.Hour+30*time.Minute)) || !gaps[0].Noticed.Equal(nine.Add(150*time.Minute)) {
		t.Fatalf("%+v", gaps)
	}

	in.now = nine.Add(5*time.Hour + 10*time.Minute)
	in.send("trail", sent{"g", "x", time.Hour}, sent{"h", "x", 2 * time.Hour}, sent{"a", "x", 0}) // a back-fill
	in.look()
	gaps = in.gaps()
	if len(gaps) != 2 || gaps[1].Revision != 2 || gaps[1].Recovered != 2 {
		t.Errorf("%+v", gaps)
	}
	for hour, want := range map[event.Hour]event.Completeness{
		"2026-11-16T09": event.Silent, "2026-11-16T10": event.Covered, "2026-11-16T11": event.Covered, "2026-11-16T12": event.Silent,
	} {
		if m := in.last("trail", hour); m.Completeness != want {
			t.Errorf("%s is %s, want %s", hour, m.Completeness, want)
		}
	}
	if m := in.last("trail", "2026-11-16T10"); m.Recovered != 1 {
		t.Errorf("%+v", m)
	}
}

// What ends a silence may bring what was missed with it.
func TestWhatEndsASilenceMayRecoverIt(t *testing.T) {
	in := newInstallation(t, "trail")
	in.sources[0].Lateness = 15 * time.Minute
	in.start(in.stream)
	in.send("trail", sent{"a", "x", 0})
	in.at(time.Hour)
	in.silent("trail", 10*time.Minute)
	in.now = nine.Add(2 * time.Hour)
	in.send("trail", sent{"b", "x", 20 * time.Minute}, sent{"c", "x", 105 * time.Minute}) // c lies behind the gap
	in.heard("trail", 10*time.Minute, 105*time.Minute)
	in.look()
	in.start(in.stream) // a process that kept nothing comes to the same
	in.look()
	gaps := in.gaps()
	if len(gaps) != 1 || gaps[0].Recovered != 1 || !gaps[0].To.Equal(nine.Add(105*time.Minute)) {
		t.Errorf("%+v", gaps)
	}
}

func TestASilenceThatLeftNoGapIsNone(t *testing.T) {
	in := newInstallation(t, "trail")
	in.at(time.Hour)
	in.heard("trail", 0, 0)
	in.note(monitor.Note{ID: "odd", Time: nine, Kind: monitor.SourceHeard})
	in.at(2 * time.Hour)
	if gaps := in.gaps(); len(gaps) != 0 {
		t.Errorf("%+v", gaps)
	}
}
