package stream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sidedoor/stream"
)

// childDir is the environment variable that makes the test binary a monitor on
// a data folder, to be killed.
const childDir = "SIDEDOOR_TEST_CHILD_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		fmt.Fprintln(os.Stderr, child(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// child publishes, matches and judges until it is killed. It says which
// batches were acknowledged.
func child(dir string) error {
	ctx := context.Background()
	s, err := stream.Open(ctx, stream.Config{Dir: dir})
	if err != nil {
		return err
	}
	go s.Match(ctx, 2, matchAll)
	go s.Judge(ctx, &chain{}, 5)
	for i := position0(s); ; i++ {
		if err := s.PublishBatch(ctx, batch("trail", fmt.Sprint(i))); err != nil {
			return err
		}
		fmt.Println(i)
	}
}

// position0 is how many batches there are.
func position0(s *stream.Stream) uint64 {
	all, err := s.Positions(context.Background())
	if err != nil {
		panic(err)
	}
	return all[0].Last
}

// startChild runs a child until it has published n batches. The reader goes on
// with what it says.
func startChild(t *testing.T, dir string, n int) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for range n {
		if !lines.Scan() {
			t.Fatalf("the child ended: %v", cmd.Wait())
		}
	}
	return cmd, lines
}

func TestAKilledProcessLosesNothingThatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	acknowledged := 0
	for round := range 4 {
		cmd, lines := startChild(t, dir, 20+17*round)
		must(t, cmd.Process.Kill())
		last := lines.Text()
		for lines.Scan() { // what it said before it died
			last = lines.Text()
		}
		_ = cmd.Wait()
		must(t, scan(last, &acknowledged))
	}
	s := open(t, dir)
	stored := int(position(t, s, "EVENTS").Last)
	if stored < acknowledged+1 {
		t.Fatalf("%d batches are stored, and batch %d was acknowledged", stored, acknowledged)
	}
	background(t, func(ctx context.Context) error { return s.Match(ctx, 2, matchAll) })
	background(t, func(ctx context.Context) error { return s.Judge(ctx, &chain{}, 5) })
	eventually(t, "a record of every batch", func() bool { return position(t, s, "RECORDS").Last >= uint64(stored) })

	var want, got []string
	for i := range stored {
		want = append(want, fmt.Sprint("act ", i))
		if _, err := s.Batch(within(t), "trail", batch("trail", fmt.Sprint(i)).ID().String()); err != nil {
			t.Errorf("batch %d: %v", i, err)
		}
	}
	got = inputs(t, s)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%d matches of %d batches", len(got), len(want))
	}
	if !slices.Equal(records(t, s), offline(t, s, &chain{})) {
		t.Error("the records are not those of one judge that was never killed")
	}
}

func scan(s string, n *int) error { _, err := fmt.Sscan(s, n); return err }

func TestOnlyOneProcessOwnsADataFolder(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if _, err := stream.Open(within(t), config(t, dir)); !errors.Is(err, stream.ErrLocked) || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second owner: %v", err)
	}
	shut(t, s)
	shut(t, open(t, dir))
}

func TestACommandJoinsTheOwnerOrBecomesIt(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("long/", 40))
	for name, dir := range map[string]string{"short": t.TempDir(), "long": long} {
		t.Run(name, func(t *testing.T) {
			owner := open(t, dir)
			joined, err := stream.Attach(within(t), config(t, dir))
			must(t, err)
			if joined.Owner() || !owner.Owner() {
				t.Errorf("owner: the first %v, the second %v", owner.Owner(), joined.Owner())
			}
			b := batch("trail", "e")
			b.Events[0].Raw = make([]byte, 8<<20)
			must(t, joined.PublishBatch(within(t), b))
			_, err = owner.Batch(within(t), "trail", b.ID().String())
			must(t, err)
			must(t, joined.Healthy())
			shut(t, joined)
			must(t, owner.Healthy())
			shut(t, owner)

			alone, err := stream.Attach(within(t), config(t, dir))
			must(t, err)
			defer shut(t, alone)
			if !alone.Owner() {
				t.Error("with nobody to join it is not the owner")
			}
		})
	}
}

func TestAKilledOwnersSocketStandsInNobodysWay(t *testing.T) {
	dir := t.TempDir()
	cmd, _ := startChild(t, dir, 1)
	joined, err := stream.Attach(within(t), config(t, dir))
	must(t, err)
	if joined.Owner() {
		t.Error("it owns what the child owns")
	}
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	eventually(t, "the end of the connection", func() bool { return joined.Healthy() != nil })
	_ = joined.Close(t.Context()) // what it says about a server that was killed is no matter
	if _, err := os.Stat(filepath.Join(dir, "sidedoor.sock")); err != nil {
		t.Fatalf("a killed process removes no socket: %v", err)
	}
	s, err := stream.Attach(within(t), config(t, dir))
	must(t, err)
	defer shut(t, s)
	if !s.Owner() {
		t.Error("nobody owns the folder")
	}
}

func TestNothingIsLeftRunningAfterClose(t *testing.T) {
	before := goleak.IgnoreCurrent()
	dir := t.TempDir()
	s := open(t, dir)
	joined, err := stream.Attach(within(t), config(t, dir))
	must(t, err)
	stops := []func(){
		background(t, func(ctx context.Context) error { return joined.Match(ctx, 2, matchAll) }),
		background(t, func(ctx context.Context) error { return s.Judge(ctx, &chain{}, 1) }),
		background(t, func(ctx context.Context) error {
			return s.Deliver(ctx, "slack", func(context.Context, []byte, int) (time.Duration, error) { return 0, nil })
		}),
		background(t, func(ctx context.Context) error {
			return s.Records(ctx, 0, func(uint64, []byte) error { return nil })
		}),
	}
	must(t, s.PublishBatch(within(t), batch("trail", "1")))
	eventually(t, "a record", func() bool { return position(t, s, "RECORDS").Last == 1 })
	for _, stop := range stops {
		stop()
	}
	shut(t, joined)
	shut(t, s)
	goleak.VerifyNone(t, before)
}

func TestAFolderInTheTemporaryOneThatIsNotPrivateIsRefused(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	trap := filepath.Join(tmp, fmt.Sprintf("sidedoor-%d", os.Getuid()))
	must(t, os.Mkdir(trap, 0o777))
	must(t, os.Chmod(trap, 0o777))
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 40))
	if s, err := stream.Open(within(t), config(t, dir)); err == nil || !strings.Contains(err.Error(), "private") {
		t.Errorf("opened %v, %v", s, err)
	}
}

func TestAStreamThatIsClosedIsNotHealthy(t *testing.T) {
	s := open(t, t.TempDir())
	must(t, s.Healthy())
	shut(t, s)
	if s.Healthy() == nil {
		t.Error("it is")
	}
	shut(t, s) // again, harmlessly
}

func TestRecordsWithAGapAreNotOpened(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	js := s.JetStream()
	must(t, js.DeleteStream(within(t), "RECORDS"))
	for i := range 3 {
		if i == 0 { // one that allows what the real one does not
			cfg := stream.Layout("RECORDS")
			cfg.DenyDelete, cfg.DenyPurge = false, false
			_, err := js.CreateStream(within(t), cfg)
			must(t, err)
		}
		_, err := s.AppendRecord(within(t), record(fmt.Sprint(i), "x"))
		must(t, err)
	}
	str, err := js.Stream(within(t), "RECORDS")
	must(t, err)
	must(t, str.DeleteMsg(within(t), 2))
	if err := s.ReadRecords(within(t), 0, func(uint64, []byte) error { return nil }); err == nil || !strings.Contains(err.Error(), "missing") {
		t.Errorf("reading over the gap: %v", err)
	}
	shut(t, s)
	if _, err := stream.Open(within(t), config(t, dir)); err == nil || !strings.Contains(err.Error(), "gaps") {
		t.Errorf("opened with a gap: %v", err)
	}
}
