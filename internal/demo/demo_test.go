package demo_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	"sidedoor"
	"sidedoor/event"
	"sidedoor/internal/demo"
)

func load(t *testing.T) *demo.Scenario {
	t.Helper()
	sc, err := demo.Load(sidedoor.Week())
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

func TestEveryPlayingOfTheWeekIsTheSame(t *testing.T) {
	a, b := load(t), load(t)
	if da, db := a.Deliveries(), b.Deliveries(); !reflect.DeepEqual(da, db) {
		t.Errorf("two loads give different deliveries (%d and %d)", len(da), len(db))
	}
	if !reflect.DeepEqual(a.Beats(), b.Beats()) {
		t.Error("two loads give different beats")
	}
}

func TestTheWeekIsMostlyNormal(t *testing.T) {
	sc := load(t)
	normal, bySource := 0, map[string]int{}
	for _, d := range sc.Deliveries() {
		if d.Beat == nil {
			normal += d.Events
			bySource[d.Source] += d.Events
		}
	}
	t.Logf("%d normal events in %d deliveries: %v", normal, len(sc.Deliveries()), bySource)
	if normal < 1900 || normal > 2600 {
		t.Errorf("%d normal events, want some two thousand", normal)
	}
	for _, s := range []string{demo.SourceCloudTrail, demo.SourceKubernetes, demo.SourceGitHub, demo.SourceApprovals} {
		if bySource[s] < 200 {
			t.Errorf("%s has only %d normal events", s, bySource[s])
		}
	}
	bypasses := 0
	for _, b := range sc.Beats() {
		if len(b.Expect) > 0 && b.Expect[0].Final() == event.Bypass {
			bypasses++
		}
	}
	if bypasses < 12 {
		t.Errorf("%d beats are bypasses, want a dozen", bypasses)
	}
}

func TestEveryEventIsJSONWithAnIDOfItsOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range load(t).Deliveries() {
		list := records(t, d)
		if len(list) != d.Events {
			t.Errorf("%s of %s: says %d events and holds %d", d.Source, d.At, d.Events, len(list))
		}
		for _, raw := range list {
			id := identity(t, d, raw)
			if id == "" || seen[id] {
				t.Errorf("%s of %s: the id %q is empty or not new", d.Source, d.At, id)
			}
			seen[id] = true
		}
	}
}

// records takes a delivery's body apart.
func records(t *testing.T, d demo.Delivery) []json.RawMessage {
	t.Helper()
	var body struct {
		Records, Items []json.RawMessage
	}
	if err := json.Unmarshal(d.Body, &body); err != nil {
		t.Fatalf("%s of %s: %v", d.Source, d.At, err)
	}
	switch d.Source {
	case demo.SourceCloudTrail:
		return body.Records
	case demo.SourceKubernetes:
		return body.Items
	}
	return []json.RawMessage{d.Body}
}

func identity(t *testing.T, d demo.Delivery, raw []byte) string {
	t.Helper()
	var e struct{ EventID, AuditID, ID string }
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	switch d.Source {
	case demo.SourceGitHub:
		return d.GUID
	case demo.SourceApprovals:
		return e.ID
	}
	return e.EventID + e.AuditID
}

func TestDeliveriesComeInTheOrderOfTime(t *testing.T) {
	var last time.Time
	ends := map[string]time.Time{}
	sc := load(t)
	for _, d := range sc.Deliveries() {
		if d.At.Before(last) {
			t.Errorf("%s of %s comes after %s", d.Source, d.At, last)
		}
		last = d.At
		ends[d.Source] = d.At
	}
	beats := sc.Beats()
	for source, end := range ends {
		if lastAct := beats[len(beats)-1].Until; end.Before(lastAct.Add(time.Hour)) {
			t.Errorf("%s ends at %s, and the last beat at %s: its coverage may not reach that far", source, end, lastAct)
		}
	}
}

func TestBeatsFollowEachOtherWithTimeForTheirVerdicts(t *testing.T) {
	beats := load(t).Beats()
	for i, b := range beats {
		if b.Title == "" || b.Telling == "" {
			t.Errorf("beat of %s: it has no title or no telling", b.At)
		}
		if i > 0 && b.At.Before(beats[i-1].Until.Add(15*time.Minute)) {
			t.Errorf("%q begins %s after %q", b.Title, b.At.Sub(beats[i-1].Until), beats[i-1].Title)
		}
	}
}

func TestAGrantArrivesBeforeTheRoleIsTaken(t *testing.T) {
	granted := map[string]bool{} // role and person
	normal, beats := 0, 0
	for _, d := range load(t).Deliveries() {
		for _, raw := range records(t, d) {
			var e struct {
				Type, EventName   string
				Data              struct{ Actor, Scope string }
				RequestParameters struct{ RoleArn, RoleSessionName string }
			}
			if err := json.Unmarshal(raw, &e); err != nil {
				t.Fatal(err)
			}
			switch {
			case e.Type == "dev.sidedoor.access-grant":
				granted[e.Data.Scope+" "+e.Data.Actor] = true
			case e.EventName == "AssumeRole" && e.RequestParameters.RoleArn == "arn:aws:iam::111122223333:role/ProductionAdmin":
				key := fmt.Sprintf("%s %s@kestrel.example", e.RequestParameters.RoleArn, e.RequestParameters.RoleSessionName)
				if d.Beat != nil {
					beats++
					continue
				}
				normal++
				if !granted[key] {
					t.Errorf("%s: %s before any grant", d.At, key)
				}
			}
		}
	}
	if normal < 5 || beats < 2 {
		t.Errorf("the role is taken %d times in the normal week and %d times in the story", normal, beats)
	}
}
