package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/cloudtrail/trailtest"
	"sidedoor/internal/testserver"
	"sidedoor/stream"
)

// stored returns how often each event of the trail is on the stream.
func (s *site) stored() map[string]int {
	s.t.Helper()
	in := s.open()
	defer in.Close(s.t.Context())
	ids := map[string]int{}
	err := in.ReadArrivals(s.t.Context(), 0, func(a stream.Arrival) error {
		if a.Batch == nil || a.Batch.Source != "trail" {
			return nil
		}
		for _, e := range a.Batch.Events {
			ids[e.ID]++
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return ids
}

// proven returns what was proven of the trail.
func (s *site) proven() (all []event.Proof) {
	s.t.Helper()
	in := s.open()
	defer in.Close(s.t.Context())
	err := in.ReadArrivals(s.t.Context(), 0, func(a stream.Arrival) error {
		if a.Proof != nil {
			all = append(all, *a.Proof)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return all
}

// A monitor that reads a queue is killed again and again. Nothing is lost and
// nothing is there twice; what was never announced is fetched by a back-fill,
// while the monitor runs.
func TestATrailInABucketIsStoredOnceHoweverOftenTheMonitorIsKilled(t *testing.T) {
	c := testserver.AWS(t)
	trail := trailtest.New(c.Bucket, "111122223333", "eu-west-1")
	begin := time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour)
	const files, each = 30, 40
	var logs []trailtest.Object
	put := func(announce bool, n int) {
		var records []string
		for i := range each {
			records = append(records, trail.Record(fmt.Sprintf("e-%d-%d", n, i), "DescribeInstances", begin))
		}
		o := trail.Log(begin.Add(time.Duration(n)*time.Minute), records...)
		c.Put(o.Key, o.Body, o.Metadata)
		logs = append(logs, o)
		if announce {
			c.Send(c.Announced(o.Key))
		}
	}
	s := newSite(t)
	s.write("keys.json", string(trail.PublicKeys()))
	config := s.read("sidedoor.yaml")
	config = strings.Replace(config, "cloudtrail: {folder: trail}",
		fmt.Sprintf("cloudtrail: {queue: %q, bucket: %s, endpoint: %q, digest-keys: keys.json}", c.Queue, c.Bucket, c.Endpoint), 1)
	s.write("sidedoor.yaml", config)
	for n := range files {
		put(true, n)
	}
	for range 4 { // whatever it is doing then
		s.start()
		time.Sleep(700 * time.Millisecond)
		s.kill()
		c.Queues.Advance(2 * time.Minute)
	}
	s.start()
	s.untilReady(http.StatusOK, "")
	for give := time.Now().Add(time.Minute); c.Messages() != "0 visible, 0 in flight"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(give) {
			t.Fatal(c.Messages())
		}
	}
	put(false, files)
	d := trail.Digest(begin.Add(time.Hour), logs...)
	c.Put(d.Key, d.Body, d.Metadata)
	out, err := exec.Command("sidedoor", "backfill", "trail", "--config", filepath.Join(s.dir, "sidedoor.yaml"),
		"--from", begin.Format(time.RFC3339), "--to", begin.Add(time.Hour).Format(time.RFC3339)).CombinedOutput()
	if want := fmt.Sprintf("%d files read, %d events stored that were not before", files+2, each); err != nil || !strings.Contains(string(out), want) ||
		!strings.Contains(string(out), "proofs: 1 complete, 0 missing something, 0 altered") || strings.Contains(string(out), "no monitor is running") {
		t.Errorf("%v: %s\nwant %s", err, out, want)
	}
	ids := s.stored()
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s is on the stream %d times", id, n)
		}
	}
	if len(ids) != (files+1)*each {
		t.Errorf("%d events are on the stream, want %d", len(ids), (files+1)*each)
	}
	if p := s.proven(); len(p) != 1 || p[0].Verdict != event.Complete || p[0].Items != files+1 {
		t.Errorf("proven: %+v", p)
	}
	s.stop()
}
