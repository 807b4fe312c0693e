package judge

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"sidedoor/event"
)

// snapshotVersion changes whenever an older snapshot can no longer be read;
// the judge then replays the stream.
const snapshotVersion = 1

// snapshot is a judge's state in the order in which it can be built up again,
// so that equal judges give equal bytes.
type snapshot struct {
	Version   int         `json:"version"`
	Clock     time.Time   `json:"clock"`
	LetGo     int         `json:"let_go"`
	Sources   []*source   `json:"sources"`
	Approvals []*approval `json:"approvals"`
	Acts      []*act      `json:"acts"`
	Alerts    []*alert    `json:"alerts"`
	Current   []string    `json:"current"` // IDs of the alerts that may still grow
}

// Snapshot returns the judge's state as bytes.
func (j *Judge) Snapshot() ([]byte, error) {
	s := snapshot{
		Version: snapshotVersion, Clock: j.clock, LetGo: j.letGo,
		Approvals: j.approvals.queue, Acts: j.acts.queue,
	}
	for _, name := range slices.Sorted(maps.Keys(j.sources)) {
		s.Sources = append(s.Sources, j.sources[name])
	}
	for _, id := range slices.Sorted(maps.Keys(j.alerts.byID)) {
		al := j.alerts.byID[id]
		s.Alerts = append(s.Alerts, al)
		if j.alerts.current[al.Group] == al {
			s.Current = append(s.Current, id)
		}
	}
	return json.Marshal(s)
}

// Restore replaces the judge's state by that of a snapshot. After an error the
// judge is as before.
func (j *Judge) Restore(b []byte) error {
	var s snapshot
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("judge: snapshot: %w", err)
	}
	if s.Version != snapshotVersion {
		return fmt.Errorf("judge: snapshot of version %d, this program reads %d", s.Version, snapshotVersion)
	}
	n := New(j.cfg)
	n.clock, n.letGo = s.Clock, s.LetGo
	for _, src := range s.Sources {
		if src == nil {
			return errors.New("judge: snapshot: a source is empty")
		}
		n.sources[src.Name] = src
	}
	for _, p := range s.Approvals {
		if p == nil || p.Match.Approval == nil || !n.approvals.add(p) {
			return errors.New("judge: snapshot: an approval is empty or there twice")
		}
	}
	if err := n.restoreAlerts(s); err != nil {
		return err
	}
	for _, a := range s.Acts {
		if a == nil || a.Match.Act == nil || n.acts.has(a.ID) || (a.Alert != "" && n.alerts.byID[a.Alert] == nil) {
			return errors.New("judge: snapshot: an act is empty, there twice, or in no alert")
		}
		n.acts.add(a)
	}
	*j = *n
	return nil
}

func (j *Judge) restoreAlerts(s snapshot) error {
	for _, al := range s.Alerts {
		if al == nil {
			return errors.New("judge: snapshot: an alert is empty")
		}
		if al.Counts == nil {
			al.Counts = map[event.State]int{}
		}
		j.alerts.byID[al.ID] = al
	}
	for _, id := range s.Current {
		al := j.alerts.byID[id]
		if al == nil {
			return fmt.Errorf("judge: snapshot: alert %q is current and missing", id)
		}
		j.alerts.current[al.Group] = al
	}
	return nil
}
