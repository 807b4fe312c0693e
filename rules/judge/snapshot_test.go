package judge_test

import (
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// busy is a judge with something of everything.
func busy(t testing.TB) *stream {
	s := newStream(t, judge.Config{})
	s.match(aGrant())
	s.match(aGrant(named("wild"), covering("*"), valid(time.Time{}, clock("08:30"))))
	s.pass(nine)
	for id, edit := range map[string]func(*event.Match){
		"approved":     func(*event.Match) {},
		"bypass":       act(func(a *event.Act) { a.ApprovedBy = nil }),
		"undetermined": act(func(a *event.Act) { a.Actor.Person, a.Limit = "carol", 0 }),
		"waiting":      act(func(a *event.Act) { a.Actor.Person = "dave" }),
	} {
		s.match(anAct(withID(id), edit))
	}
	s.match(contributes(correlation(event.TemporalOrdered, is("gte", 2)), happened("first", 0, 0, "")))
	s.match(contributes(correlation(event.ValueAvg, is("lt", 5)), happened("judged", 0, 0, "5")))
	s.match(contributes(correlation(event.ValueCount, is("gte", 2)), happened("counted", 0, 0, "x")))
	s.pass(clock("09:30"))
	s.match(contributes(correlation(event.ValueSum, is("eq", 5)), happened("open", 1500, 0, "5")))
	return s
}

func TestASnapshotOfAnotherVersionIsRefusedAndChangesNothing(t *testing.T) {
	s := busy(t)
	before, err := s.judge.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string]string{
		"another version":                  strings.Replace(string(before), `{"version":6`, `{"version":5`, 1),
		"no version":                       `{}`,
		"nothing":                          ``,
		"cut by one byte":                  string(before[:len(before)-1]),
		"too long":                         string(before) + "x",
		"cut":                              string(before[:len(before)/2]),
		"an empty act":                     `{"version":6,"acts":[null]}`,
		"an act without its alert":         strings.Replace(string(before), `"alert":"`, `"alert":"x`, 1),
		"an act in no known state":         strings.Replace(string(before), `"state":"pending"`, `"state":"lost"`, 1),
		"a contribution in no windows":     `{"version":6,"contributions":[{"windows":"w"}]}`,
		"an empty contribution":            `{"version":6,"contributions":[null]}`,
		"empty windows":                    `{"version":6,"windows":[null]}`,
		"windows of no known type":         strings.Replace(string(before), `"type":"value_count"`, `"type":"value_cuont"`, 1),
		"windows that lost what they hold": strings.Replace(string(before), `"through":"2026-11-16T09:10:00Z"`, `"due":"2026-11-16T09:10:00Z"`, 1),
		"a contribution of no rule":        strings.Replace(string(before), `"position":0`, `"position":7`, 1),
		"an alert without any acts":        `{"version":6,"alerts":[{"id":"a","counts":{},"reasons":{}}]}`,
	} {
		if err := s.judge.Restore([]byte(b)); err == nil || !strings.HasPrefix(err.Error(), "judge: snapshot: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	after, err := s.judge.Snapshot()
	if err != nil || string(after) != string(before) {
		t.Errorf("a refused snapshot changed the judge: %s, %v", after, err)
	}
}

func TestARestoredJudgeStillFreesWhatWaits(t *testing.T) {
	s := busy(t)
	b, err := s.judge.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.judge.Restore(b); err != nil {
		t.Fatal(err)
	}
	s.mark("approvals", clock("09:05"))
	for id, want := range map[string]event.State{
		"approved": event.Approved, "bypass": event.Bypass, "undetermined": event.Bypass, "waiting": event.Bypass,
	} {
		if got := s.state(id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
}

func FuzzRestore(f *testing.F) {
	b, err := busy(f).judge.Snapshot()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte(`{"version":6,"acts":[{"id":"x","state":"pending","waiting":true,"match":{"act":{"approved_by":[{}]}}}]}`))
	f.Add([]byte(`{"version":6,"windows":[{"id":"w","definition":{"type":"value_sum","rules":1,"timespan":1,"condition":[{"is":"lt","than":5}]},"due":"2026-11-16T09:10:00Z"}],"contributions":[{"windows":"w","value":"1e14","match":{"act":{}}}]}`))
	f.Add([]byte(`{"version":6,"sources":[{"name":"approvals","provides":[""]}],"acts":[{"id":"x","state":"pending","waiting":true,"awaits":"approvals","match":{"act":{"approved_by":[{}]}}}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		j := judge.New(judge.Config{MaxHeld: 2, MaxApprovals: 2})
		if j.Restore(b) != nil {
			return
		}
		again, err := j.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if err := judge.New(judge.Config{}).Restore(again); err != nil {
			t.Fatalf("cannot restore its own snapshot: %v", err)
		}
		a, p := anAct(), aGrant(covering("*"))
		for _, in := range []event.Input{
			{Match: &a}, {Match: &p}, {Policy: thePolicy()}, {Mark: &event.Mark{Source: "approvals", Through: clock("23:00")}},
			{Timer: &event.Timer{Match: "x", Due: clock("23:00")}}, {Timer: &event.Timer{Windows: "w", Due: clock("23:00")}}, {Match: &a},
		} {
			in.Time = clock("23:00").Add(1000 * time.Hour)
			j.Apply(in)
		}
	})
}
