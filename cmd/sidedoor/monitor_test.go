package main

import (
	"slices"
	"testing"
	"time"

	"sidedoor/event"
)

// accused waits until a rule has found n acts of the monitor's own source.
func (s *site) accused(rule string, n int) []*event.Verdict {
	s.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		var of []*event.Verdict
		for _, r := range s.records() {
			if v, ok := r.Body.(*event.Verdict); ok && v.Rule.Name == rule && v.Revision == 1 {
				of = append(of, v)
			}
		}
		if len(of) >= n {
			return of
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s found %d acts, want %d", rule, len(of), n)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// A monitor says nothing against itself when it begins. Whoever changes it answers to the policy before the change, while it
// runs and while it does not.
func TestWhoeverChangesTheMonitorAnswersForIt(t *testing.T) {
	s := newSiteWithPolicy(t)
	s.write("policy/rules/listed.yml", listRule("listed", "verb: list"))
	s.start()
	s.act("a-1", "list", "one")
	s.settled(1)

	// A change that would hide itself: its filter is for the rules that find it.
	s.write("policy/filter.yml", `title: Nothing to see here
name: hush
logsource: {product: sidedoor, service: monitor}
filter:
  rules: [monitor-policy-changed, monitor-filter-added]
  all: {kind: policy-changed}
  condition: all
`)
	s.hangUp()
	v := s.accused("monitor-filter-added", 1)[0]
	if v.Control != "MON-01" || v.Verdict != event.Bypass || v.Actor.Name != account() || v.Scope != "site" {
		t.Errorf("%+v", v)
	}
	s.accused("monitor-policy-changed", 1)
	s.stop()

	s.write("policy/rules/listed.yml", listRule("listed", "verb|contians: list"))
	s.write("policy/estate.yaml", "lists: {verbs: [list, watch]}\n")
	s.start()
	s.act("a-2", "get", "two") // waits until it is up
	if v := s.accused("monitor-rule-disabled", 1)[0]; v.Resource != "sidedoor/policy/listed" {
		t.Errorf("%+v", v)
	}
	s.accused("monitor-estate-changed", 1)
	s.stop()

	got := map[string]int{}
	for _, r := range s.records() {
		if v, ok := r.Body.(*event.Verdict); ok && v.Event.Product == "sidedoor" && v.Revision == 1 {
			got[v.Rule.Name]++
		}
	}
	for rule, n := range got {
		if n != 1 {
			t.Errorf("%s found %d acts, want 1", rule, n)
		}
	}
	s.checkReplay()
}

// Every load is on record, with who loaded what.
func TestEveryLoadOfAPolicyIsARecord(t *testing.T) {
	s := newSiteWithPolicy(t)
	for range 2 {
		s.start()
		s.act("a-1", "list", "one")
		s.stop()
	}
	var loads []*event.Policy
	for _, r := range s.records() {
		if p, ok := r.Body.(*event.Policy); ok {
			loads = append(loads, p)
		}
	}
	if len(loads) != 2 {
		t.Fatalf("%d loads are on record, want 2", len(loads))
	}
	p := loads[1]
	var paths []string
	for _, f := range p.Files {
		paths = append(paths, f.Path)
	}
	if p.By != account() || !slices.Contains(paths, "pack/controls.yaml") || !slices.Contains(paths, s.dir+"/policy/estate.yaml") || len(p.Estate) == 0 {
		t.Errorf("by %q, files %v, %d parts of the estate", p.By, paths, len(p.Estate))
	}
	if last := p.Sources[len(p.Sources)-1]; last.Name != "sidedoor" || last.Product != "sidedoor" {
		t.Errorf("the last source is %+v", last)
	}
}
