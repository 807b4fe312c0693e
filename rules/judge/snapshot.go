package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sidedoor/event"
)

// snapshotVersion is to change whenever an older snapshot, restored, would
// behave differently. The owner of the judge then replays the stream.
const snapshotVersion = 6

// snapshot is a judge's state in the order in which it can be built up again,
// so that judges with equal inputs give equal bytes. It is a line of JSON, behind
// which the approvals and then the facts stand as they are held, since there may
// be a million of each:
//
//	{"version":6,"clock":"2026-11-16T09:05:00Z","let_go":0,"policy":"9f2c….1","sources":[…],…}
type snapshot struct {
	Version     int           `json:"version"`
	Clock       time.Time     `json:"clock"`
	LetGo       int           `json:"let_go"`
	Policy      string        `json:"policy"`
	Sources     []*source     `json:"sources"`     // by name
	Revocations []*revocation `json:"revocations"` // as they arrived
	Alerts      []*alert      `json:"alerts"`      // by ID
	Acts        []*act        `json:"acts"`        // as they arrived
	Settled     []memory      `json:"settled"`     // as they were let go

	Windows       []*windows      `json:"windows"`       // as they were begun
	Contributions []*contribution `json:"contributions"` // as they arrived
	Spent         []memory        `json:"spent"`         // as they were spent
	Late          int             `json:"late"`
}

// Snapshot returns the judge's state as bytes.
func (j *Judge) Snapshot() ([]byte, error) {
	s := snapshot{Version: snapshotVersion, Clock: j.clock, LetGo: j.letGo, Policy: j.policy}
	for _, name := range slices.Sorted(maps.Keys(j.sources)) {
		s.Sources = append(s.Sources, j.sources[name])
	}
	for e := j.revocations.line.Front(); e != nil; e = e.Next() {
		s.Revocations = append(s.Revocations, e.Value.(*revocation))
	}
	for _, id := range slices.Sorted(maps.Keys(j.alerts.byID)) {
		s.Alerts = append(s.Alerts, j.alerts.byID[id])
	}
	for e := j.acts.line.Front(); e != nil; e = e.Next() {
		s.Acts = append(s.Acts, e.Value.(*act))
	}
	for e := j.settled.line.Front(); e != nil; e = e.Next() {
		s.Settled = append(s.Settled, e.Value.(memory))
	}
	j.correlations.snapshot(&s)
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("judge: snapshot: %w", err)
	}
	b = append(slices.Grow(b, 1+j.approvals.size()+j.facts.size()), '\n') // once: it may be large
	return j.facts.save(j.approvals.save(b)), nil
}

// Restore replaces the judge's state by that of a snapshot, after which it
// behaves as the judge that made it. After an error the judge is as before.
func (j *Judge) Restore(b []byte) error {
	line, sections, _ := bytes.Cut(b, []byte{'\n'})
	var s snapshot
	if err := json.Unmarshal(line, &s); err != nil {
		return fmt.Errorf("judge: snapshot: %w", err)
	}
	if s.Version != snapshotVersion {
		return fmt.Errorf("judge: snapshot: version %d, this program reads %d", s.Version, snapshotVersion)
	}
	n := New(j.cfg)
	n.clock, n.letGo, n.policy = s.Clock, s.LetGo, s.Policy
	if err := n.load(sections); err != nil {
		return fmt.Errorf("judge: snapshot: %w", err)
	}
	if err := n.rebuild(s); err != nil {
		return fmt.Errorf("judge: snapshot: %w", err)
	}
	*j = *n
	return nil
}

// load fills what a snapshot holds in sections of its own.
func (j *Judge) load(sections []byte) error {
	rest, err := j.approvals.load(sections, j.cfg)
	if err != nil {
		return fmt.Errorf("approvals: %w", err)
	}
	if rest, err = j.facts.load(rest); err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	if len(rest) > 0 {
		return fmt.Errorf("%d bytes too many", len(rest))
	}
	return nil
}

func (j *Judge) rebuild(s snapshot) error {
	for _, src := range s.Sources {
		if src == nil || j.sources[src.Name] != nil {
			return errors.New("a source is empty or there twice")
		}
		j.sources[src.Name] = src
	}
	for _, r := range s.Revocations {
		if r == nil || !j.revocations.add(r) {
			return errors.New("a revocation is empty or there twice")
		}
	}
	for _, al := range s.Alerts {
		if al == nil || al.Counts == nil || al.Reasons == nil || j.alerts.byID[al.ID] != nil {
			return errors.New("an alert is empty or there twice")
		}
		j.alerts.add(al)
	}
	for _, a := range s.Acts {
		if a == nil || a.Match.Act == nil || j.acts.byID[a.ID] != nil {
			return errors.New("an act is empty or there twice")
		}
		if err := j.rebuildAct(a); err != nil {
			return fmt.Errorf("act %s: %w", a.ID, err)
		}
	}
	for _, al := range s.Alerts {
		if al.held == 0 {
			return fmt.Errorf("alert %q holds no act", al.ID)
		}
	}
	for _, m := range s.Settled {
		if j.settled.has(m.ID) || j.acts.byID[m.ID] != nil {
			return fmt.Errorf("act %s is there twice", m.ID)
		}
		j.settled.add(m.ID, m.Since)
	}
	return j.correlations.rebuild(s, j.cfg)
}

func (j *Judge) rebuildAct(a *act) error {
	unsure := a.State == event.Pending || a.State == event.Undetermined
	al := j.alerts.byID[a.Alert]
	switch {
	case al == nil && (a.Alert != "" || a.State != event.Pending && a.State != event.Approved), al != nil && a.State == event.Pending:
		return fmt.Errorf("%s, and in alert %q", a.State, a.Alert)
	case a.Waiting && !unsure:
		return fmt.Errorf("%s, and waiting", a.State)
	case !a.Waiting && a.Awaits != "":
		return fmt.Errorf("waits for %q without waiting", a.Awaits)
	}
	if al != nil {
		al.held++
	}
	j.acts.add(a)
	if a.State != event.Pending || a.Waiting {
		j.inquire(a)
	}
	if !a.Waiting {
		return nil
	}
	s := j.sources[a.Awaits]
	if s == nil || !s.Through.Before(a.graceEnd()) {
		return fmt.Errorf("waits for %q, which is not behind", a.Awaits)
	}
	a.Waiting = false
	j.await(a, a.Awaits)
	return nil
}
