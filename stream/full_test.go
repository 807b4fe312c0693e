package stream_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

// smallDisk is a file system of its own with so many megabytes.
func smallDisk(t *testing.T, megabytes int) string {
	t.Helper()
	dir := t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "none", dir).CombinedOutput()
	if err != nil {
		t.Skipf("SKIPPED: a small file system cannot be mounted here, which takes root on Linux: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

// fill takes all that a disk has left but so many bytes.
func fill(t *testing.T, dir string, left int) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for chunk := make([]byte, 64<<10); ; {
		if _, err := f.Write(chunk); err != nil {
			break
		}
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	must(t, f.Truncate(info.Size()-int64(left)))
	must(t, f.Close())
	return func() { must(t, os.Remove(path)) }
}

func stored(t *testing.T, s *stream.Stream) map[string]int {
	t.Helper()
	all := map[string]int{}
	must(t, s.ReadArrivals(t.Context(), 0, func(a stream.Arrival) error {
		if a.Batch != nil {
			all[a.Batch.ID().String()]++
		}
		return nil
	}))
	return all
}

// publishUntilTaken publishes until it is taken, as senders do.
func publishUntilTaken(t *testing.T, s *stream.Stream, b event.Batch) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		err := s.PublishBatch(ctx, b)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not taken: %v", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func TestEventsAreRefusedBeforeTheDiskIsFullAndTakenWhenItHasRoom(t *testing.T) {
	dir := smallDisk(t, 32)
	s, err := stream.Open(t.Context(), stream.Config{Dir: dir, MinFree: 8 << 20, OwnSource: "sidedoor"})
	must(t, err)
	defer s.Close(context.Background())
	taken := map[string]int{}
	n := 0
	for {
		b := largeBatch(n, 200)
		n++
		err := s.PublishBatch(t.Context(), b)
		if errors.Is(err, stream.ErrFull) {
			break
		}
		must(t, err)
		taken[b.ID().String()] = 1
	}
	if err := s.Healthy(); !errors.Is(err, stream.ErrFull) {
		t.Errorf("healthy: %v", err)
	}
	if space := s.Space(); space.Full == "" || space.Refused == 0 || space.Free < 7<<20 {
		t.Errorf("space: %+v", space)
	}
	if err := s.PublishDead(t.Context(), event.Dead{Envelope: largeBatch(0, 1).Envelope}); !errors.Is(err, stream.ErrFull) {
		t.Errorf("a dead letter: %v", err)
	}
	// What becomes of the events that are there has room, and so has what the
	// monitor says of itself.
	own := largeBatch(n, 1)
	own.Source = "sidedoor"
	must(t, s.PublishBatch(t.Context(), own))
	must(t, s.KeepBookmark(t.Context(), "a", []byte("b")))
	must(t, s.PublishMark(t.Context(), event.Mark{Source: "trail", Through: received}))
	taken[own.ID().String()] = 1

	must(t, exec.Command("mount", "-o", "remount,size=64m", dir).Run())
	more := largeBatch(n+1, 200)
	publishUntilTaken(t, s, more)
	taken[more.ID().String()] = 1
	must(t, s.Healthy())
	compare(t, s, taken)
}

func compare(t *testing.T, s *stream.Stream, want map[string]int) {
	t.Helper()
	got := stored(t, s)
	for id := range want {
		if got[id] != 1 {
			t.Errorf("batch %s was taken and is there %d times", id, got[id])
		}
	}
}

// Somebody else fills the disk, so that writing fails: the reserve is gone, too.
func TestADiskThatIsReallyFullLosesNothingAndTheProcessGoesOn(t *testing.T) {
	dir := smallDisk(t, 48)
	s, err := stream.Open(t.Context(), stream.Config{Dir: dir, MinFree: 4 << 20})
	must(t, err)
	defer s.Close(context.Background())
	var matched atomic.Int64
	matching, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.Match(matching, 2, func(event.Batch) ([]event.Match, []event.Dead) {
			matched.Add(1)
			return nil, nil
		})
	}()
	taken := map[string]int{}
	publish := func(n int) {
		b := largeBatch(n, 50)
		publishUntilTaken(t, s, b)
		taken[b.ID().String()] = 1
	}
	n := 0
	for ; n < 20; n++ {
		publish(n)
	}
	for round := range 3 {
		free := fill(t, dir, round*30<<10) // a message is larger
		refused := false
		for i := 0; i < 200 && !refused; i++ {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			err := s.PublishBatch(ctx, largeBatch(1000*(round+1)+i, 50))
			cancel()
			refused = errors.Is(err, stream.ErrFull)
		}
		if !refused {
			t.Error("nothing is refused")
		}
		free()
		for range 5 {
			publish(n)
			n++
		}
	}
	must(t, s.Healthy())
	compare(t, s, taken)
	deadline := time.Now().Add(30 * time.Second)
	for int(matched.Load()) < len(taken) {
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d batches are matched", matched.Load(), len(taken))
		}
		time.Sleep(20 * time.Millisecond)
	}
	stop()
	must(t, <-ended)
	must(t, s.Close(context.Background()))
	again, err := stream.Open(t.Context(), stream.Config{Dir: dir, MinFree: 4 << 20})
	must(t, err)
	defer again.Close(context.Background())
	compare(t, again, taken)
}

func TestEventsBeyondTheirOwnBoundAreRefusedAndMarksAreNot(t *testing.T) {
	dir := t.TempDir()
	cfg := stream.Config{Dir: dir, MaxEventsBytes: 16 << 20, OwnSource: "sidedoor"}
	s, err := stream.Open(t.Context(), cfg)
	must(t, err)
	taken := map[string]int{}
	for n := 0; ; n++ {
		b := largeBatch(n, 400)
		err := s.PublishBatch(t.Context(), b)
		if errors.Is(err, stream.ErrFull) {
			break
		}
		must(t, err)
		taken[b.ID().String()] = 1
	}
	if len(taken) < 25 {
		t.Errorf("only %d batches are taken", len(taken))
	}
	must(t, s.PublishMark(t.Context(), event.Mark{Source: "trail", Through: received}))
	must(t, s.Close(context.Background()))
	cfg.MaxEventsBytes = 64 << 20
	s, err = stream.Open(t.Context(), cfg)
	must(t, err)
	defer s.Close(context.Background())
	more := largeBatch(1000, 400)
	must(t, s.PublishBatch(t.Context(), more))
	taken[more.ID().String()] = 1
	compare(t, s, taken)
}
