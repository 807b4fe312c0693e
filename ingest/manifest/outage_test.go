package manifest

import (
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/monitor"
)

// runs has the monitor say every minute that it runs, from one time after nine to
// another.
func (in *installation) runs(from, to time.Duration) {
	in.t.Helper()
	for at := from; at <= to; at += time.Minute {
		in.mark(monitor.Source, at)
	}
}

// received makes the sources such as are sent to the monitor.
func (in *installation) received(lateness time.Duration) {
	for i := range in.sources {
		in.sources[i].Received, in.sources[i].Lateness = true, lateness
	}
	in.start(in.stream)
}

func outagesText(m event.Manifest) (s string) {
	for _, o := range m.Outages {
		s += o.From.Format("15:04-") + o.To.Format("15:04 ")
	}
	return s
}

// Two hours in which nothing ran: what a sender gave up meanwhile is lost, and that
// it is heard again proves nothing of them.
func TestHoursInWhichNoMonitorRanAreNotCoveredByWhatCameLater(t *testing.T) {
	in := newInstallation(t, "hook")
	in.received(0)
	in.send("hook", sent{"a", "x", 0})
	in.mark("hook", time.Minute)
	in.runs(0, 90*time.Minute)
	in.at(90 * time.Minute)
	in.mark("hook", 4*time.Hour) // before the monitor says that it runs again
	in.at(4 * time.Hour)
	in.runs(210*time.Minute, 5*time.Hour)
	in.mark("hook", 5*time.Hour)
	in.at(5 * time.Hour)
	for hour, want := range map[event.Hour]string{
		"2026-11-16T09": "covered ", "2026-11-16T10": "behind 10:30-12:30 ", "2026-11-16T11": "behind 10:30-12:30 ",
		"2026-11-16T12": "behind 10:30-12:30 ", "2026-11-16T13": "covered ",
	} {
		m := in.last("hook", hour)
		if got := string(m.Completeness) + " " + outagesText(m); got != want {
			t.Errorf("%s: %q, want %q", hour, got, want)
		}
	}
}

func TestWhatIsFetchedIsNotLostWhileNoMonitorRuns(t *testing.T) {
	in := newInstallation(t, "trail")
	in.send("trail", sent{"a", "x", 0})
	in.mark("trail", time.Minute)
	in.mark(monitor.Source, 0)
	in.mark(monitor.Source, 3*time.Hour)
	in.mark("trail", 3*time.Hour)
	in.at(3 * time.Hour)
	in.want("trail 09.1 1+0 covered", "trail 10.1 0+0 covered", "trail 11.1 0+0 covered")
}

func TestASourcesOwnProofCoversAnOutageToo(t *testing.T) {
	in := newInstallation(t, "hook")
	in.received(0)
	in.send("hook", sent{"a", "x", 0})
	in.mark("hook", time.Minute)
	in.mark(monitor.Source, 0)
	in.mark(monitor.Source, time.Hour)
	in.mark("hook", time.Hour)
	in.at(time.Hour)
	p := event.Proof{Source: "hook", Kind: event.DeliveryList, From: nine, To: nine.Add(time.Hour), Verdict: event.Complete, Items: 1}
	in.prove(p)
	in.at(80 * time.Minute)
	in.want("hook 09.1 1+0 behind", "hook 09.2 1+0 complete")
	if m := in.last("hook", "2026-11-16T09"); outagesText(m) != "09:00-10:00 " {
		t.Errorf("%+v", m)
	}
}

func TestWhatIsAnOutageAndForWhom(t *testing.T) {
	const late = 10 * time.Minute
	for _, c := range []struct {
		name  string
		every time.Duration // of the mark before
		from  time.Duration // the last mark of the monitor, and the next one
		to    time.Duration
		want  string // of the hour from nine to ten, whose events may be ten minutes late
	}{
		{"a restart", 0, 30 * time.Minute, 35 * time.Minute, "covered "},
		{"five minutes and a second", 0, 30 * time.Minute, 35*time.Minute + time.Second, "behind 09:30-09:35 "},
		{"what occurred before it was not there yet", 0, 69 * time.Minute, 80 * time.Minute, "behind 10:09-10:20 "},
		{"all that occurred was there", 0, 70 * time.Minute, 80 * time.Minute, "covered "},
		{"before the source was there", 0, -30 * time.Minute, -time.Minute, "covered "},
		{"it said that it would say nothing for so long", time.Hour, 10 * time.Minute, 75 * time.Minute, "covered "},
		{"it said so, and it was even longer", time.Hour, 10 * time.Minute, 76 * time.Minute, "behind 09:10-10:16 "},
		{"a clock that was put back", 0, 30 * time.Minute, 10 * time.Minute, "behind "}, // nobody knows until it has come so far
	} {
		t.Run(c.name, func(t *testing.T) {
			in := newInstallation(t, "hook")
			in.received(late)
			in.send("hook", sent{"a", "x", 0})
			in.mark("hook", 0)
			in.must(in.stream.PublishMark(t.Context(), event.Mark{Source: monitor.Source, Through: nine.Add(c.from), Every: c.every}))
			in.mark(monitor.Source, c.to)
			if c.to > c.from {
				in.runs(c.to, 90*time.Minute)
			}
			in.mark("hook", 90*time.Minute)
			in.at(90 * time.Minute)
			m := in.last("hook", "2026-11-16T09")
			if got := string(m.Completeness) + " " + outagesText(m); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// An hour is no better for being taken up long after, for an event that is late, nor
// for another account that does not know of the outage.
func TestAnOutageStaysOnRecord(t *testing.T) {
	in := newInstallation(t, "hook")
	in.received(0)
	in.mark("hook", time.Minute)
	in.mark(monitor.Source, 0)
	in.runs(20*time.Minute, time.Hour)
	in.mark("hook", time.Hour)
	in.at(time.Hour)
	in.mark(monitor.Source, 100*24*time.Hour)
	in.mark("hook", 100*24*time.Hour)
	in.at(100 * 24 * time.Hour)
	in.look()
	in.must(in.keeper.keep(t.Context()))
	in.start(in.stream)
	in.look()
	in.keeper.fold.Outages = nil
	in.send("hook", sent{"a", "x", 0})
	in.look()
	m := in.last("hook", "2026-11-16T09")
	if m.Events != 1 || m.Completeness != event.Behind || outagesText(m) != "09:00-09:20 " {
		t.Errorf("%+v", m)
	}
}

func TestOutagesAreBoundedAndNeverShorter(t *testing.T) {
	f := newFold(limits{})
	for i := range maxOutages + 10 {
		f.mark(event.Mark{Source: monitor.Source, Through: nine.Add(time.Duration(i) * 10 * time.Minute)})
	}
	if len(f.Outages) != maxOutages || !f.Outages[0].From.Equal(nine) {
		t.Errorf("%d outages, the first from %v", len(f.Outages), f.Outages[0].From)
	}
	for i, o := range f.Outages[1:] {
		if !o.From.Equal(f.Outages[i].To) {
			t.Fatalf("between %v and %v nothing is known", f.Outages[i].To, o.From)
		}
	}
}
