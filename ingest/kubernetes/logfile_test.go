package kubernetes_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/ingesttest"
	"sidedoor/ingest/kubernetes"
	"sidedoor/stream"
)

// auditLine is an event as the API server writes it to its log.
func auditLine(n int) string {
	return fmt.Sprintf(`{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"a-%d","stage":"ResponseComplete","verb":"get",`+
		`"user":{"username":"alice"},"stageTimestamp":"2026-11-16T09:00:%02d.000000Z"}`+"\n", n, n%60)
}

func appendTo(t testing.TB, path string, lines ...string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Join(lines, "")); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// following follows a log file in a bubble of virtual time.
func following(t *testing.T, path string, sink *ingesttest.Recorder) (stop func()) {
	t.Helper()
	running, err := (&kubernetes.Config{LogFile: path}).Open(sink.Intake(ingest.Source{Name: "prod", Product: "kubernetes", Service: "audit"}, time.Now))
	if err != nil {
		t.Fatal(err)
	}
	stop = ingesttest.Run(t, running.Run)
	settle()
	return stop
}

// settle lets some rounds of following pass.
func settle() {
	time.Sleep(2 * time.Second)
	synctest.Wait()
}

func ids(events []event.Event) string {
	var all []string
	for _, e := range events {
		id, _, _ := strings.Cut(e.ID, "/")
		all = append(all, id)
	}
	return strings.Join(all, " ")
}

func TestALogFileIsFollowedOverRotationsAndRestarts(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path, sink := filepath.Join(dir, "audit.log"), &ingesttest.Recorder{}
		stop := following(t, path, sink)
		appendTo(t, path, auditLine(1), auditLine(2))
		settle()
		stop()
		appendTo(t, path, auditLine(3))
		if err := os.Rename(path, filepath.Join(dir, "audit-2026-11-24T09-00-00.000.log")); err != nil {
			t.Fatal(err)
		}
		appendTo(t, path, auditLine(4), strings.TrimSuffix(auditLine(5), "\n"))
		defer following(t, path, sink)()
		if got := ids(sink.Events()); got != "a-1 a-2 a-3 a-4" {
			t.Errorf("stored %s", got)
		}
		appendTo(t, path, "\n")
		settle()
		if got := ids(sink.Events()); got != "a-1 a-2 a-3 a-4 a-5" || len(sink.Dead()) != 0 {
			t.Errorf("stored %s, buried %v", got, sink.Dead())
		}
	})
}

func TestALineThatCannotBeReadIsBuriedAndTheNextIsTaken(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path, sink := filepath.Join(dir, "audit.log"), &ingesttest.Recorder{}
		secret := `{"auditID":"a-9","stage":"ResponseComplete","verb":"get","objectRef":{"resource":"secrets"},"responseObject":{"data":{"p":"hunter2"}}}`
		appendTo(t, path, auditLine(1), secret[:len(secret)-5]+"\n", `"no event"`+"\n", auditLine(2), `{"x":"`+strings.Repeat("y", 17<<20)+"\n", secret+"\n", auditLine(3))
		defer following(t, path, sink)()
		if got := ids(sink.Events()); got != "a-1 a-2 a-9 a-3" {
			t.Errorf("stored %s", got)
		}
		var causes []string
		for _, d := range sink.Dead() {
			causes = append(causes, fmt.Sprint(d.Index, d.Cause))
			if strings.Contains(string(d.Raw), "hunter2") || !strings.Contains(d.Reason, path) || len(d.Raw) > event.MaxDead {
				t.Errorf("buried %s: %s", d.Reason, d.Raw)
			}
		}
		if got := strings.Join(causes, " "); got != "1malformed 2malformed 4oversized" {
			t.Errorf("buried %s", got)
		}
		for _, e := range sink.Events() {
			if strings.Contains(string(e.Raw), "hunter2") {
				t.Error("a secret is stored")
			}
		}
	})
}

func TestWhatIsLostOfALogFileIsPutOnRecord(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path, sink := filepath.Join(dir, "audit.log"), &ingesttest.Recorder{}
		appendTo(t, path, auditLine(1))
		following(t, path, sink)()
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		appendTo(t, path, auditLine(2))
		defer following(t, path, sink)()
		dead := sink.Dead()
		if got := ids(sink.Events()); got != "a-1 a-2" || len(dead) != 1 || dead[0].Cause != "lost" || !strings.Contains(dead[0].Reason, "was read up to byte") {
			t.Errorf("stored %s, buried %+v", got, dead)
		}
	})
}

// While the stream does not take what was written, nothing goes on, and the log is
// not taken as complete.
func TestAStreamThatIsAwayHoldsTheBookmarkAndTheCoverage(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		path, sink := filepath.Join(dir, "audit.log"), &ingesttest.Recorder{}
		src := ingest.Source{Name: "prod", Product: "kubernetes", Service: "audit"}
		in := sink.Intake(src, time.Now)
		running, err := (&kubernetes.Config{LogFile: path}).Open(in)
		if err != nil {
			t.Fatal(err)
		}
		defer ingesttest.Run(t, in.Coverage.Run)()
		defer ingesttest.Run(t, running.Run)()
		appendTo(t, path, auditLine(1))
		settle()
		sink.FailWith(errors.New("away"))
		away := time.Now()
		appendTo(t, path, auditLine(2))
		time.Sleep(3 * time.Minute)
		sink.FailWith(nil)
		for _, through := range sink.Through() {
			if through.After(away.Add(time.Second)) {
				t.Errorf("complete up to %v, and the stream was away at %v", through, away)
			}
		}
		time.Sleep(2 * time.Minute)
		if got := ids(sink.Events()); got != "a-1 a-2" {
			t.Errorf("stored %s", got)
		}
		if marks := sink.Through(); !marks[len(marks)-1].After(away) {
			t.Errorf("complete up to %v only", marks[len(marks)-1])
		}
	})
}

// The bookmark and the events are on the disk of a real stream; every run follows
// for a moment and is cut off.
func TestEveryLineIsOnTheStreamWhateverTheRestarts(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	path := filepath.Join(dir, "audit.log")
	n := 0
	for round := range 4 {
		for range 700 {
			n++
			appendTo(t, path, auditLine(n))
		}
		if round%2 == 1 {
			if err := os.Rename(path, filepath.Join(dir, fmt.Sprintf("audit-2026-11-24T09-00-0%d.000.log", round))); err != nil {
				t.Fatal(err)
			}
		}
		s := openStream(t, data)
		running, err := (&kubernetes.Config{LogFile: path}).Open(intakeOf(s, &kubernetes.Config{LogFile: path}))
		if err != nil {
			t.Fatal(err)
		}
		stop := ingesttest.Run(t, running.Run)
		until(t, func() bool { events, _ := arrived(t, s); return len(events) >= min(n, 600) })
		stop()
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	s := openStream(t, data)
	defer s.Close(context.WithoutCancel(t.Context()))
	running, err := (&kubernetes.Config{LogFile: path}).Open(intakeOf(s, &kubernetes.Config{LogFile: path}))
	if err != nil {
		t.Fatal(err)
	}
	defer ingesttest.Run(t, running.Run)()
	until(t, func() bool { events, _ := arrived(t, s); return len(events) == n })
	for id, times := range idsOn(t, s) {
		if times != 1 {
			t.Errorf("%s is there %d times", id, times)
		}
	}
}

func openStream(t *testing.T, dir string) *stream.Stream {
	t.Helper()
	s, err := stream.Open(t.Context(), stream.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// intakeOf puts a source's deliveries on a stream.
func intakeOf(s *stream.Stream, k ingest.Kind) ingest.Intake {
	in := (&ingesttest.Recorder{}).Intake(ingesttest.Source(k, "prod", "prod-eu"), time.Now)
	in.Sink, in.Bookmarks = s, s
	in.Coverage = ingest.NewCoverage(in.Source, s, time.Now)
	return in
}

// arrived returns the events on a stream, and how many batches came again.
func arrived(t *testing.T, s *stream.Stream) (events []event.Event, repeats int) {
	t.Helper()
	err := s.ReadArrivals(t.Context(), 0, func(a stream.Arrival) error {
		if a.Batch != nil {
			events = append(events, a.Batch.Events...)
		}
		if a.Repeat != nil {
			repeats++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return events, repeats
}

// idsOn counts the events on a stream by ID.
func idsOn(t *testing.T, s *stream.Stream) map[string]int {
	t.Helper()
	events, _ := arrived(t, s)
	all := map[string]int{}
	for _, e := range events {
		all[e.ID]++
	}
	return all
}

// until waits for what has to come.
func until(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatal("it does not come")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// FuzzALineOfTheLog has to end, whatever stands in the file.
func FuzzALineOfTheLog(f *testing.F) {
	f.Add([]byte(auditLine(1)))
	f.Add([]byte("{\n\x00\x00" + auditLine(2) + `{"auditID`))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "audit.log")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		sink := &ingesttest.Recorder{}
		kubernetes.FollowOnce(t.Context(), sink.Intake(ingest.Source{Name: "prod", Product: "kubernetes"}, time.Now), path)
		for _, e := range sink.Events() {
			if len(e.Raw) == 0 || e.Original == (event.Digest{}) {
				t.Errorf("stored %+v", e)
			}
		}
	})
}
