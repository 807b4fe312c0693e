package manifest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

// views are what another process is told, and that nothing is put on record for it.
func (in *installation) views(only string, since time.Duration) []View {
	in.t.Helper()
	records := len(in.manifests())
	k := &Keeper{Stream: in.stream, Sources: in.sources, Now: in.keeper.Now, Log: in.keeper.Log}
	views, err := k.Views(in.t.Context(), only, nine.Add(since))
	in.must(err)
	if n := len(in.manifests()); n != records {
		in.t.Errorf("a view put %d manifests on record", n-records)
	}
	return views
}

func TestAViewIsOfWhatIsOnRecordAndOfWhatArrivedSince(t *testing.T) {
	in := newInstallation(t, "trail", "never")
	in.send("trail", sent{"a", "x", 0}, sent{"b", "x", 30 * time.Minute})
	in.mark("trail", time.Hour)
	in.at(time.Hour)
	in.must(in.keeper.keep(t.Context()))
	in.mark("trail", 80*time.Hour)
	in.at(80 * time.Hour) // the first hours are let go
	in.now = in.now.Add(time.Minute)
	in.send("trail", sent{"c", "x", 80 * time.Hour}, sent{"d", "x", 79 * time.Hour})

	views := in.views("", 0)
	if len(views) != 2 || views[0].Name != "trail" || views[1].Name != "never" || views[1].First != "" || len(views[1].Hours) != 0 {
		t.Fatalf("%+v", views)
	}
	v := views[0]
	var got []string
	for i, m := range v.Hours {
		if i == 0 || i >= len(v.Hours)-2 {
			got = append(got, fmt.Sprintf("%s.%d %d %s", m.Hour, m.Revision, m.Events, m.Completeness))
		}
	}
	want := []string{"2026-11-16T09.1 2 covered", "2026-11-19T16.2 1 covered", "2026-11-19T17.1 1 behind"}
	if len(v.Hours) != 81 || !slices.Equal(got, want) || !v.Through.Equal(nine.Add(80*time.Hour)) || !v.Heard.Equal(in.now) {
		t.Errorf("%d hours: %q", len(v.Hours), got)
	}
	if hours := in.views("trail", 79*time.Hour)[0].Hours; len(hours) != 2 {
		t.Errorf("%d hours of the last two", len(hours))
	}
	if len(in.views("nobody", 0)) != 0 {
		t.Error("there is a view of a source that does not exist")
	}
}

func TestAViewKnowsWhoIsSilentAndWhatIsNoLongerWatched(t *testing.T) {
	in := newInstallation(t, "trail")
	in.send("trail", sent{"a", "x", 0})
	in.send("gone", sent{"a", "x", 0})
	in.mark("trail", 10*time.Minute)
	in.now = nine.Add(5 * time.Hour)
	in.silent("trail", 10*time.Minute)
	views := in.views("", 0)
	if len(views) != 3 || !views[0].SilentFrom.Equal(nine.Add(10*time.Minute)) || views[0].Hours[1].Completeness != event.Silent {
		t.Fatalf("%+v", views)
	}
	if views[1].Name != "gone" || views[1].Configured || views[1].Hours[0].Events != 1 {
		t.Errorf("%+v", views[1])
	}
}

// BenchmarkFold counts events of four sources, of which each hour has thousands.
func BenchmarkFold(b *testing.B) {
	f := newFolded(limits{remember: rememberEvents, hours: holdHours})
	const size = 100
	for n := range b.N / size {
		b.StopTimer()
		events := make([]sent, size)
		for i := range events {
			events[i] = sent{id: fmt.Sprint(n, ".", i), says: "x", after: time.Duration(n) * time.Second}
		}
		batch := batchOf(fmt.Sprint("source-", n%4), nine.Add(time.Duration(n)*time.Second), events...)
		b.StartTimer()
		f.arrive(stream.Arrival{Batch: &batch})
	}
}
