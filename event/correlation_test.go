package event_test

import (
	"testing"
	"time"

	"sidedoor/event"
)

func TestWhatSeparatesWindowsIsPartOfTheirIdentity(t *testing.T) {
	part := func(edit func(*event.Part)) event.Part {
		p := event.Part{
			Correlation: event.Correlation{
				Rule: event.RuleRef{ID: "c", Digest: event.DigestOf([]byte("c"))}, Type: event.EventCount, Rules: 2,
				Timespan: time.Minute, Condition: []event.Bound{{Is: "gte", Than: 2}},
			},
			Group: []string{"a", "b"},
		}
		edit(&p)
		return p
	}
	seen := map[string]string{part(func(*event.Part) {}).WindowsID(): "nothing"}
	for name, edit := range map[string]func(*event.Part){
		"the group":     func(p *event.Part) { p.Group = []string{"ab", ""} },
		"its size":      func(p *event.Part) { p.Group = []string{"a"} },
		"the version":   func(p *event.Part) { p.Rule.Digest = event.Digest{} },
		"the rule":      func(p *event.Part) { p.Rule.ID = "d" },
		"the timespan":  func(p *event.Part) { p.Timespan = time.Hour },
		"the condition": func(p *event.Part) { p.Condition = []event.Bound{{Is: "gt", Than: 2}} },
		"the wait":      func(p *event.Part) { p.Wait = time.Minute },
	} {
		id := part(edit).WindowsID()
		if other, twice := seen[id]; twice {
			t.Errorf("%s and %s give the same windows", name, other)
		}
		seen[id] = name
	}
	for name, edit := range map[string]func(*event.Part){
		"which rule it is of": func(p *event.Part) { p.Position = 1 },
		"the value":           func(p *event.Part) { p.Value = "x" },
		"the act":             func(p *event.Part) { p.Act = &event.Act{} },
	} {
		if seen[part(edit).WindowsID()] != "nothing" {
			t.Errorf("%s gives other windows", name)
		}
	}
}

func TestOnlyWhatCannotBecomeUntrueIsAMatchAtOnce(t *testing.T) {
	for _, c := range []struct {
		typ  event.CorrelationType
		is   []string
		want bool
	}{
		{event.EventCount, []string{"gt"}, true},
		{event.ValueSum, []string{"gte", "gt"}, true},
		{event.TemporalOrdered, []string{"gte"}, true},
		{event.EventCount, []string{"gte", "lte"}, false},
		{event.ValueCount, []string{"eq"}, false},
		{event.Temporal, []string{"lt"}, false},
		{event.ValueAvg, []string{"gte"}, false},
		{event.ValuePercentile, []string{"gte"}, false},
	} {
		def := event.Correlation{Type: c.typ}
		for _, is := range c.is {
			def.Condition = append(def.Condition, event.Bound{Is: is})
		}
		if got := def.AtOnce(); got != c.want {
			t.Errorf("%s %v: at once is %v", c.typ, c.is, got)
		}
	}
}

func TestAConditionHoldsIfAllOfItDoes(t *testing.T) {
	for is, want := range map[string][3]bool{ // of 1, 2 and 3
		"gt": {false, false, true}, "gte": {false, true, true}, "lt": {true, false, false}, "lte": {true, true, false},
		"eq": {false, true, false}, "of a later version": {},
	} {
		for i, w := range want {
			c := event.Correlation{Condition: []event.Bound{{Is: "gt", Than: 0}, {Is: is, Than: 2}}}
			if c.Holds(float64(i+1)) != w {
				t.Errorf("%d %s 2 is not %v", i+1, is, w)
			}
		}
	}
}

func TestAMatchIsAnActOrAnApprovalOrContributes(t *testing.T) {
	act, approval, parts := &event.Act{}, &event.Approval{}, []event.Part{{}}
	for _, c := range []struct {
		match event.Match
		sound bool
	}{
		{event.Match{}, false},
		{event.Match{Act: act}, true},
		{event.Match{Approval: approval}, true},
		{event.Match{Act: act, Approval: approval}, false},
		{event.Match{Parts: parts}, true},
		{event.Match{Act: act, Parts: parts}, true},
		{event.Match{Approval: approval, Parts: parts}, true},
		{event.Match{Act: act, Approval: approval, Parts: parts}, false},
	} {
		if err := c.match.Check(); (err == nil) != c.sound {
			t.Errorf("%+v: %v", c.match, err)
		}
	}
}

func TestATimerOfWindowsIsNoTimerOfAnAct(t *testing.T) {
	due := time.Date(2026, 11, 16, 9, 0, 0, 0, time.UTC)
	act, windows := event.Timer{Match: "x", Due: due}, event.Timer{Windows: "x", Due: due}
	if act.ID() == windows.ID() || windows.ID() == (event.Timer{Windows: "x", Due: due.Add(1)}).ID() {
		t.Error("two timers have one identity")
	}
}
