package cloudtrail_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"sidedoor/ingest"
	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/ingesttest"
)

// watched is a folder that is being watched.
type watched struct {
	*ingesttest.Recorder
	dir      string
	registry *prometheus.Registry
	stop     func()
}

// watch watches a folder with a sink, by a clock.
func watch(t *testing.T, dir string, sink *ingesttest.Recorder, now func() time.Time) *watched {
	t.Helper()
	w := &watched{Recorder: sink, dir: dir, registry: prometheus.NewRegistry()}
	src := ingest.Source{Name: "trail", Product: cloudtrail.Product, Service: cloudtrail.Service, Coverage: ingest.Events}
	f := &cloudtrail.Folder{
		Config: cloudtrail.Config{Folder: dir}, Intake: sink.Intake(src, now),
	}
	f.Metrics = ingest.NewMetrics(w.registry)
	w.stop = ingesttest.Run(t, f.Run)
	return w
}

// later is a clock by which every file has long been written.
func later() time.Time { return time.Now().Add(time.Hour) }

func (w *watched) ids() []string {
	ids := []string{}
	for _, e := range w.Events() {
		ids = append(ids, e.ID)
	}
	slices.Sort(ids)
	return ids
}

// eventually waits until is holds. Its patience decides nothing but when a
// broken test gives up.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for give := time.Now().Add(30 * time.Second); !is(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(give) {
			t.Fatal("never came: " + what)
		}
	}
}

func (w *watched) wait(t *testing.T, want ...string) {
	t.Helper()
	eventually(t, fmt.Sprint(want), func() bool { return slices.Equal(w.ids(), want) })
}

// log is a log file with a record for each ID.
func log(ids ...string) []byte {
	var records []string
	for _, id := range ids {
		records = append(records, fmt.Sprintf(`{"eventName":"X","eventID":%q,"eventTime":"2026-11-16T09:00:00Z"}`, id))
	}
	return []byte(`{"Records":[` + strings.Join(records, ",") + `]}`)
}

func packed(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	z.Write(b)
	z.Close()
	return out.Bytes()
}

// put puts a file into a folder, at once.
func put(t *testing.T, path string, b []byte) {
	t.Helper()
	whole := filepath.Join(t.TempDir(), "whole")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o750), os.WriteFile(whole, b, 0o600), os.Rename(whole, path)); err != nil {
		t.Fatal(err)
	}
}

// taken waits until so many events were taken, repeated ones included.
func (w *watched) taken(t *testing.T, want float64) {
	t.Helper()
	var got float64
	eventually(t, fmt.Sprint(want, " events"), func() bool {
		families, err := w.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got = 0
		for _, f := range families {
			if f.GetName() == "sidedoor_ingest_events_total" {
				got = f.GetMetric()[0].GetCounter().GetValue()
			}
		}
		return got >= want
	})
	if got != want {
		t.Errorf("%v events were taken, want %v", got, want)
	}
}

const day = "AWSLogs/111122223333/CloudTrail/eu-central-1/2026/11/16/"

func TestFilesAreReadThatAreThereAndThatCome(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	put(t, filepath.Join(dir, day, "a.json.gz"), packed(log("a1", "a2")))
	w := watch(t, dir, &ingesttest.Recorder{}, later)
	w.wait(t, "a1", "a2")
	put(t, filepath.Join(dir, day, "b.json.gz"), packed(log("b1")))
	put(t, filepath.Join(dir, "new/folder/c.json"), log("c1"))
	put(t, filepath.Join(dir, "misnamed.json"), packed(log("d1")))
	w.wait(t, "a1", "a2", "b1", "c1", "d1")
	if b := w.Batches()[0]; b.Source != "trail" || !strings.HasSuffix(b.Origin, "a.json.gz") || b.Events[1].Index != 1 {
		t.Errorf("stored %+v", b)
	}
}

func TestAFileIsReadOnceThoughTheProgramIsStartedAgain(t *testing.T) {
	dir, sink := t.TempDir(), &ingesttest.Recorder{}
	put(t, filepath.Join(dir, "a.json"), log("a1"))
	before := watch(t, dir, sink, later)
	before.wait(t, "a1")
	before.stop()
	w := watch(t, dir, sink, later)
	put(t, filepath.Join(dir, "b.json"), log("b1"))
	w.taken(t, 1)
	w.wait(t, "a1", "b1")
}

func TestAFileIsReadAgainUntilItIsStored(t *testing.T) {
	dir, sink := t.TempDir(), &ingesttest.Recorder{}
	sink.FailWith(errors.New("the stream is away"))
	put(t, filepath.Join(dir, "a.json"), log("a1"))
	w := watch(t, dir, sink, later)
	put(t, filepath.Join(dir, "b.json"), log("b1"))
	sink.FailWith(nil)
	put(t, filepath.Join(dir, "c.json"), log("c1"))
	w.wait(t, "a1", "b1", "c1")
}

func TestAFileThatIsStillBeingWrittenIsWaitedFor(t *testing.T) {
	plain := log("a1", "a2")
	for name, whole := range map[string][]byte{"a.json": plain, "a.json.gz": packed(plain)} {
		for _, n := range []int{1, 2, 5, len(whole) - 1} {
			dir := t.TempDir()
			w := watch(t, dir, &ingesttest.Recorder{}, time.Now)
			put(t, filepath.Join(dir, name), whole[:n])
			put(t, filepath.Join(dir, "b.json"), log("b1"))
			w.wait(t, "b1")
			if err := os.WriteFile(filepath.Join(dir, name), whole, 0o600); err != nil {
				t.Fatal(err)
			}
			w.wait(t, "a1", "a2", "b1")
			if dead := w.Dead(); len(dead) != 0 {
				t.Errorf("%s, first %d bytes: buried %q", name, n, dead[0].Reason)
			}
			w.stop()
		}
	}
}

func TestAFileThatStaysCutIsBuriedAndWhatItHoldsIsStored(t *testing.T) {
	plain := log("a1", "a2")
	for name, cut := range map[string][]byte{"a.json": plain[:len(plain)-5], "b.json": plain[:len(plain)-2], "a.json.gz": packed(log("a1"))[:15]} {
		dir := t.TempDir()
		w := watch(t, dir, &ingesttest.Recorder{}, later)
		put(t, filepath.Join(dir, name), cut)
		eventually(t, "a dead letter of "+name, func() bool { return len(w.Dead()) > 0 })
		if d := w.Dead()[0]; !strings.Contains(d.Reason, name) || d.Cause != "malformed" {
			t.Errorf("%s: %+v", name, d)
		}
		if name != "a.json.gz" && w.ids()[0] != "a1" {
			t.Errorf("%s: stored %v", name, w.ids())
		}
		w.stop()
	}
}

func TestABrokenRecordCostsItselfOnly(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.json"), []byte(`{"Records":[null,`+string(log("a1")[12:len(log("a1"))-2])+`,{"no":"record"}]}`))
	w := watch(t, dir, &ingesttest.Recorder{}, later)
	w.wait(t, "a1")
	eventually(t, "the dead letters", func() bool { return len(w.Dead()) >= 2 })
	if dead := w.Dead(); len(dead) != 2 || dead[0].Index != 0 || string(dead[0].Raw) != "null" || dead[1].Index != 2 || w.Events()[0].Index != 1 {
		t.Errorf("buried %+v", dead)
	}
}

func TestWhatIsNoLogIsCountedAndPassedOver(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "AWSLogs/1/CloudTrail-Digest/x/d.json.gz"), packed(log("digest")))
	put(t, filepath.Join(dir, "README.txt"), []byte("hello"))
	put(t, filepath.Join(dir, ".a.json.tmp"), log("hidden"))
	put(t, filepath.Join(dir, ".hidden.json"), log("hidden"))
	outside := filepath.Join(t.TempDir(), "outside.json")
	put(t, outside, log("outside"))
	if err := os.Symlink(outside, filepath.Join(dir, "link.json")); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "z.json"), log("z1"))
	w := watch(t, dir, &ingesttest.Recorder{}, later)
	w.wait(t, "z1")
	put(t, filepath.Join(dir, "zz.json"), log("z2"))
	w.wait(t, "z1", "z2")
	want := `# HELP sidedoor_ingest_skipped_files_total Files that hold no events for this version, by what they are.
# TYPE sidedoor_ingest_skipped_files_total counter
sidedoor_ingest_skipped_files_total{source="trail",what="digest"} 1
sidedoor_ingest_skipped_files_total{source="trail",what="other"} 1
`
	if err := testutil.GatherAndCompare(w.registry, strings.NewReader(want), "sidedoor_ingest_skipped_files_total"); err != nil {
		t.Error(err)
	}
}

func TestAFolderThatCannotBeReadDoesNotHideTheOthers(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read everything")
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "a"), 0o000); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, "b.json"), log("b1"))
	watch(t, dir, &ingesttest.Recorder{}, later).wait(t, "b1")
}

func TestALargeFileIsStoredInParts(t *testing.T) {
	var ids []string
	for i := range 1201 {
		ids = append(ids, fmt.Sprintf("e%04d", i))
	}
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.json.gz"), packed(log(ids...)))
	w := watch(t, dir, &ingesttest.Recorder{}, later)
	w.wait(t, ids...)
	for i, b := range w.Batches() {
		if len(b.Events) > 500 || b.Events[0].Index != i*500 {
			t.Errorf("batch %d has %d events from %d", i, len(b.Events), b.Events[0].Index)
		}
	}
}

func TestACopyOfAFileIsTheSameBatch(t *testing.T) {
	dir := t.TempDir()
	w := watch(t, dir, &ingesttest.Recorder{}, later)
	put(t, filepath.Join(dir, "a.json"), log("a1", "a2"))
	w.wait(t, "a1", "a2")
	put(t, filepath.Join(dir, "copy.json.gz"), packed(log("a1", "a2")))
	w.taken(t, 4)
	w.wait(t, "a1", "a2")
}

func TestAFolderHasToBeNamed(t *testing.T) {
	if err := (&cloudtrail.Config{}).Validate(); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("got %v", err)
	}
}
