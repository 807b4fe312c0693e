package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"sidedoor/event"
	"sidedoor/stream"
)

const everySource = `name: site
listen: %s
sources:
  - {name: trail, coverage: clock, lateness: 1ms, cloudtrail: {folder: trail}}
  - {name: cluster, scope: prod, coverage: clock, kubernetes: {path: /k, token-file: secret}}
  - {name: github, coverage: clock, github: {path: /g, secret-file: secret}}
  - {name: gitlab, coverage: clock, gitlab: {path: /gl, token-file: secret}}
  - {name: pipelines, coverage: clock, ci: {path: /ci, token-file: secret}}
  - {name: jira, coverage: clock, jira: {path: /j, secret-file: secret}}
`

// Senders of every kind keep their own ledgers, and the monitor is killed while they
// send. What it says of each source and hour is what they say.
func TestTheManifestsOfARunReconcileWithWhatTheSendersSentToTheLastEvent(t *testing.T) {
	s := newSite(t)
	s.write("sidedoor.yaml", fmt.Sprintf(everySource, s.addr))
	s.write("trail/.keep", "")
	const rounds = 30
	at := time.Now().UTC().Truncate(time.Hour).Add(-3 * time.Hour)
	ledgers := map[string]*ledger{}
	for _, name := range []string{"trail", "cluster", "github", "gitlab", "pipelines", "jira"} {
		ledgers[name] = &ledger{source: name}
	}
	s.start()
	var senders errgroup.Group
	each := func(source string, send func(l *ledger, n int) error) {
		senders.Go(func() error {
			for n := range rounds {
				if err := send(ledgers[source], n); err != nil {
					return err
				}
				time.Sleep(30 * time.Millisecond)
			}
			return nil
		})
	}
	post := func(l *ledger, shipments ...shipment) error {
		for _, sh := range shipments {
			if err := l.send(s.addr, sh); err != nil {
				return err
			}
		}
		return nil
	}
	each("cluster", func(l *ledger, n int) error {
		list := auditList(n, at)
		if n%4 == 0 { // the answer was lost, so it is sent again
			return post(l, list, list)
		}
		return post(l, list)
	})
	each("github", func(l *ledger, n int) error {
		guid := fmt.Sprintf("guid-%d", n)
		first := hook(guid, n, at, "this")
		switch n % 5 {
		case 1: // somebody replays it
			return post(l, first, first)
		case 2: // or says something else under its GUID
			return post(l, first, hook(guid, n, at, "that"), noJSON(first))
		}
		return post(l, first)
	})
	each("gitlab", func(l *ledger, n int) error { return post(l, mergeRequest(n, at), mergeRequest(n/2, at)) })
	each("pipelines", func(l *ledger, n int) error { return post(l, pipelineRun(n, at)) })
	each("jira", func(l *ledger, n int) error {
		if n%7 == 3 {
			return post(l, issue(n, at), noJSON(issue(n, at)))
		}
		return post(l, issue(n, at))
	})
	perFile := 0
	each("trail", func(l *ledger, n int) error {
		file := trailRecords(n, at)
		perFile = len(file.events) + file.bad
		l.put(s, fmt.Sprintf("%d.json", n), file)
		if n%6 == 0 {
			l.put(s, fmt.Sprintf("%d-again.json", n), file)
		}
		return nil
	})
	s.ready()
	time.Sleep(400 * time.Millisecond)
	s.kill()
	s.start()
	if err := senders.Wait(); err != nil {
		t.Fatal(err)
	}
	// A file that was being read is read again, from its beginning.
	ledgers["trail"].unsure = perFile
	for _, l := range ledgers {
		s.arrived(l)
	}
	s.stop()
	for name, l := range ledgers {
		t.Run(name, func(t *testing.T) { reconcile(t, s, l) })
	}
}

// arrived waits until all that a sender sent is on the stream, as often as it did.
func (s *site) arrived(l *ledger) {
	s.t.Helper()
	in := s.open()
	defer in.Close(context.Background())
	for give := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		order, dead := s.order(in, l.source), s.deadOf(in, l.source)
		n, distinct := len(order)+dead, map[said]bool{}
		for _, e := range order {
			distinct[e] = true
		}
		err := in.ReadArrivals(s.t.Context(), 0, func(a stream.Arrival) error {
			if a.Repeat != nil && a.Repeat.Source == l.source {
				for _, again := range a.Repeat.Hours {
					n += again
				}
			}
			return nil
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if n >= l.items && len(distinct) >= len(l.events) && dead >= l.bad {
			return
		}
		if time.Now().After(give) {
			s.t.Fatalf("%s: %d items are on the stream, %d were sent", l.source, n, l.items)
		}
	}
}

func (s *site) deadOf(in *stream.Stream, source string) (n int) {
	s.t.Helper()
	err := in.DeadAfter(s.t.Context(), 0, func(_ uint64, d event.Dead) error {
		if d.Source == source {
			n++
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// order are the events of a source in the order of the stream, by no more than what
// their sender knows of them.
func (s *site) order(in *stream.Stream, source string) (out []said) {
	s.t.Helper()
	err := in.ReadArrivals(s.t.Context(), 0, func(a stream.Arrival) error {
		if a.Batch == nil || a.Batch.Source != source {
			return nil
		}
		for _, e := range a.Batch.Events {
			out = append(out, said{e.ID, e.Kind, e.Occurred, e.Original})
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// hourly is an hour as its sender knows it.
type hourly struct {
	events, reused int
	first, last    time.Time
	rolling        event.Digest
	ids            map[[2]string]bool
}

func (h *hourly) add(e said) {
	h.events++
	id := [2]string{e.id, e.kind}
	if h.ids[id] {
		h.reused++
	}
	h.ids[id] = true
	if h.first.IsZero() || e.at.Before(h.first) {
		h.first = e.at
	}
	if e.at.After(h.last) {
		h.last = e.at
	}
	h.rolling = sha256.Sum256(append(h.rolling[:], e.digest[:]...))
}

// reconcile compares a sender's ledger with what the monitor says.
func reconcile(t *testing.T, s *site, l *ledger) {
	in := s.open()
	want, seen := map[event.Hour]*hourly{}, map[said]bool{}
	for _, e := range s.order(in, l.source) {
		if !l.events[e] {
			t.Fatalf("%+v was never sent", e)
		}
		if seen[e] {
			continue
		}
		seen[e] = true
		hour := event.HourOf(e.at)
		if want[hour] == nil {
			want[hour] = &hourly{ids: map[[2]string]bool{}}
		}
		want[hour].add(e)
	}
	in.Close(context.Background())
	if len(seen) != len(l.events) {
		t.Errorf("%d events arrived, %d were sent", len(seen), len(l.events))
	}
	total, dead := 0, 0
	for _, m := range manifestsOf(t, s, l.source) {
		total += m.Events + m.Repeats
		for _, n := range m.Dead {
			dead += n
		}
		h := want[m.Hour]
		if h == nil {
			h = &hourly{}
		}
		delete(want, m.Hour)
		if m.Events != h.events || m.Reused != h.reused || m.Unchecked != 0 || !m.First.Equal(h.first) || !m.Last.Equal(h.last) || m.Rolling != h.rolling {
			t.Errorf("%s: the manifest says %d events, %d reused, %d unchecked, %s to %s, %s;\nthe sender %d, %d, 0, %s to %s, %s", m.Hour,
				m.Events, m.Reused, m.Unchecked, when(m.First), when(m.Last), m.Rolling.Short(), h.events, h.reused, when(h.first), when(h.last), h.rolling.Short())
		}
	}
	if len(want) > 0 {
		t.Errorf("%d hours have no manifest", len(want))
	}
	total += dead
	if total < l.items || total > l.items+l.unsure || dead < l.bad || l.unsure == 0 && dead != l.bad {
		t.Errorf("the manifests sum up to %d items, %d of them dead; sent were %d, %d no events, and perhaps %d more", total, dead, l.items, l.bad, l.unsure)
	}
	t.Logf("%d items in the manifests, %d dead; %d sent and answered, %d without an answer", total, dead, l.items, l.unsure)
}

// manifestsOf are those that the monitor shows of a source.
func manifestsOf(t *testing.T, s *site, source string) (out []event.Manifest) {
	t.Helper()
	b, err := exec.Command("sidedoor", "sources", "show", source, "--all", "--format", "json", "--config", filepath.Join(s.dir, "sidedoor.yaml")).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := json.NewDecoder(bytes.NewReader(b))
	for lines.More() {
		var m event.Manifest
		if err := lines.Decode(&m); err != nil {
			t.Fatal(err)
		}
		if m.Hour != "" { // and no gap
			out = append(out, m)
		}
	}
	return out
}
