package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/evidence"
)

// onSmallDisk gives a site's data folder a disk of so many megabytes.
func (s *site) onSmallDisk(megabytes int) (dir string) {
	s.t.Helper()
	dir = filepath.Join(s.dir, "data")
	if err := os.Mkdir(dir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", megabytes), "none", dir).CombinedOutput()
	if err != nil {
		s.t.Skipf("SKIPPED: a small file system cannot be mounted here, which takes root on Linux: %v %s", err, out)
	}
	s.t.Cleanup(func() {
		s.kill()
		if out, err := exec.Command("umount", "-l", dir).CombinedOutput(); err != nil {
			s.t.Errorf("umount: %v %s", err, out)
		}
	})
	return dir
}

// ready returns what /readyz says; 0 where nobody answers.
func (s *site) ready() (status int, said string) {
	s.t.Helper()
	resp, err := http.Get("http://" + s.addr + "/readyz")
	if err != nil {
		return 0, err.Error() // it is still starting, or gone
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

func (s *site) untilReady(want int, saying string) {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		status, said := s.ready()
		if status == want && strings.Contains(said, saying) {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("/readyz says %d %s, want %d %s", status, said, want, saying)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// A monitor whose disk fills refuses events in time, judges those that it has,
// and takes up again; also where somebody else fills the disk to the last byte.
func TestAFullDiskIsSurvivedAndSaid(t *testing.T) {
	s := newSite(t)
	dir := s.onSmallDisk(128)
	s.write("sidedoor.yaml", s.read("sidedoor.yaml")+"nats: {min-free: 48MiB}\n")
	s.start()
	s.awaitUp()
	s.untilReady(http.StatusOK, "ready")
	begin := time.Now()
	const acts = 12
	for i := range 6 {
		s.deliver(i, begin)
	}

	ballast := filepath.Join(dir, "ballast")
	fillDisk(t, ballast, 32<<20)
	s.untilReady(http.StatusServiceUnavailable, "nats.min-free")
	if status := s.postOnce("/k", `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{"auditID":"x","verb":"get","user":{"username":"nobody"}}]}`); status != http.StatusServiceUnavailable {
		t.Errorf("a delivery is answered %d while the disk is nearly full", status)
	}
	s.shows("sidedoor_stream_full 1")
	s.settled(6) // what was taken is judged meanwhile

	fillDisk(t, ballast, 0) // now nothing at all can be written
	time.Sleep(3 * time.Second)
	if status, _ := s.ready(); status != http.StatusServiceUnavailable {
		t.Errorf("/readyz says %d", status)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.untilReady(http.StatusOK, "ready")
	for i := 6; i < acts; i++ {
		s.deliver(i, begin)
	}
	s.settled(acts)
	s.untilTold() // also of what could not be recorded meanwhile
	s.stop()
	s.checkVerdicts(acts)
	if _, err := evidence.VerifyAny(dir, evidence.VerifyOptions{}); err != nil {
		t.Errorf("the ledger does not verify: %v", err)
	}
	s.checkReplay()
	if log := s.read("log"); strings.Count(log, "no more events are taken") > 5 {
		t.Errorf("it is said again and again:\n%s", log)
	}
}

// untilTold waits until every bypass was delivered.
func (s *site) untilTold() {
	s.t.Helper()
	for range 300 {
		waiting := map[string]bool{}
		for _, r := range s.records() { // an alert is recorded before its deliveries
			switch b := r.Body.(type) {
			case *event.Alert:
				waiting[b.ID] = true
			case *event.Delivery:
				if b.Outcome == event.Delivered {
					delete(waiting, b.Alert)
				}
			}
		}
		if len(waiting) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.t.Error("somebody is not told in half a minute")
}

// fillDisk makes a file of all that a disk has but so many bytes.
func fillDisk(t *testing.T, path string, left int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 16<<10); ; {
		if _, err := f.Write(chunk); err != nil {
			break
		}
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(info.Size() - left); err != nil {
		t.Fatal(err)
	}
}

// postOnce sends a delivery, whatever is answered.
func (s *site) postOnce(path, body string) (status int) {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header = bearer.Clone()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}
