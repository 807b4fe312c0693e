package main

import (
	"testing"

	"sidedoor/event"
)

// What is judged at the end of a window needs a timer that comes back from the
// stream, also if the monitor was killed in between, and gives one verdict.
func TestAWindowIsJudgedAtItsEndThoughTheMonitorWasKilledInBetween(t *testing.T) {
	s := newSiteWithPolicy(t)
	s.write("policy/rules/twice.yml", `title: Listed
id: listed
name: listed
level: low
logsource: {product: kubernetes, service: audit}
detection: {s: {verb: list}, condition: s}
---
title: Listed exactly twice
id: twice
name: twice
level: high
correlation: {type: event_count, rules: [listed], group-by: [user.username], timespan: 3s, condition: {eq: 2}}
`)
	s.start()
	s.ready() // what waits for it to begin would be too far from what follows
	s.act("a-1", "list", "alice")
	s.act("b-1", "list", "bob")
	s.act("a-2", "list", "alice")
	s.kill()
	s.start()
	s.act("c-1", "list", "carol")
	s.settled(1)
	s.stop()
	records := s.records()
	if got := judgedBy(records); len(got) != 1 || len(got["twice"]) != 1 || got["twice"][0] != "alice" {
		t.Errorf("judged are %v", got)
	}
	for _, r := range records {
		if v, ok := r.Body.(*event.Verdict); ok && (v.Verdict != event.Bypass || v.Event.ID != "a-2/ResponseComplete" || v.Together == nil || v.Together.Count != 2) {
			t.Errorf("the verdict is %+v, of %+v", v, v.Together)
		}
	}
	s.checkReplay()
}
