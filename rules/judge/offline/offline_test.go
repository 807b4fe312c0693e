package offline

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

func config(ends map[string]time.Time) Config {
	return Config{
		Ends: ends,
		Policy: event.Policy{Loaded: nine, Sources: []event.SourcePolicy{
			{Name: "trail"}, {Name: "approvals", Provides: []string{"access-grant"}},
		}},
	}
}

// replayed returns the records of a run, as they would be stored.
func replayed(t *testing.T, s *Sorter, cfg Config) (records []event.Record, wire []byte) {
	t.Helper()
	err := s.Run(t.Context(), cfg, func(r event.Record) error {
		raw, err := r.Encode()
		wire = append(append(wire, raw...), '\n')
		records = append(records, r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return records, wire
}

// states returns the states of an act's verdicts, with when each was given.
func states(records []event.Record, id string) []string {
	var list []string
	for _, r := range records {
		if v, ok := r.Body.(*event.Verdict); ok && v.Event.ID == id {
			list = append(list, r.Time.Format("15:04 ")+string(v.Verdict))
		}
	}
	return list
}

func TestActsInFilesAreJudgedAsIfTheyCameWhenTheyHappened(t *testing.T) {
	minute := func(n int) time.Time { return nine.Add(time.Duration(n) * time.Minute) }
	for _, c := range []struct {
		name    string
		matches []event.Match
		ends    map[string]time.Time
		want    []string
	}{
		{"approved by a grant before it, in a file that was read later",
			[]event.Match{anAct("act", nine), aGrant("g", minute(-5))}, map[string]time.Time{"approvals": minute(0)}, []string{"09:05 approved"}},
		{"a bypass once its grace has passed",
			[]event.Match{anAct("act", nine)}, map[string]time.Time{"approvals": minute(0)}, []string{"09:05 bypass"}},
		{"the last event of a log waits for nothing more",
			[]event.Match{anAct("act", nine), anAct("later", minute(60))}, map[string]time.Time{"approvals": nine}, []string{"09:05 bypass"}},
		{"a log of approvals that ends too early leaves it undetermined",
			[]event.Match{anAct("act", nine)}, map[string]time.Time{"approvals": minute(-1)}, []string{"10:05 undetermined"}},
		{"so does one that was not there",
			[]event.Match{anAct("act", nine)}, nil, []string{"10:05 undetermined"}},
		{"an approval after the act is late",
			[]event.Match{anAct("act", nine), aGrant("g", minute(3))}, map[string]time.Time{"approvals": minute(3)}, []string{"09:05 approved-late"}},
		{"an approval after the grace amends",
			[]event.Match{anAct("act", nine), aGrant("g", minute(8))}, map[string]time.Time{"approvals": minute(8)}, []string{"09:05 bypass", "09:08 approved-late"}},
		{"an approval at the end of the grace is within it",
			[]event.Match{anAct("act", nine), aGrant("g", minute(5))}, map[string]time.Time{"approvals": minute(5)}, []string{"09:05 approved-late"}},
		{"the same match twice is one",
			[]event.Match{anAct("act", nine), anAct("act", nine)}, map[string]time.Time{"approvals": nine}, []string{"09:05 bypass"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, _ := filled(t, 0, c.matches)
			records, _ := replayed(t, s, config(c.ends))
			if got := states(records, "act"); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			if first := records[0]; first.Type != event.TypeRuleSet || first.Time.After(nine) {
				t.Errorf("the first record is %+v", first)
			}
		})
	}
}

func TestARunWithHardlyAnyMemoryGivesTheSameRecords(t *testing.T) {
	cfg := config(map[string]time.Time{"approvals": nine.Add(72 * time.Hour)})
	all := week()
	inMemory, _ := filled(t, 0, all)
	records, want := replayed(t, inMemory, cfg)
	slices.Reverse(all)
	spilled, _ := filled(t, 3, all)
	if _, got := replayed(t, spilled, cfg); !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if _, again := replayed(t, spilled, cfg); !bytes.Equal(again, want) {
		t.Error("a second run gives other records")
	}
	kinds := map[event.State]int{}
	for i, r := range records {
		if v, ok := r.Body.(*event.Verdict); ok {
			kinds[v.Verdict]++
		}
		if i > 0 && r.Time.Before(records[i-1].Time) {
			t.Errorf("record %d goes back to %s", i, r.Time)
		}
	}
	for _, s := range []event.State{event.Approved, event.Bypass, event.ApprovedLate, event.Undetermined} {
		if kinds[s] == 0 {
			t.Errorf("nothing is %s: %v", s, kinds)
		}
	}
}

// Every input of the offline run, applied by hand, gives its records: it is
// the same fold.
func TestOfflineIsTheSameFoldAsBehindTheStream(t *testing.T) {
	ends := map[string]time.Time{"approvals": nine.Add(time.Hour)}
	act, grant := anAct("act", nine), aGrant("g", nine.Add(8*time.Minute))
	s, _ := filled(t, 0, []event.Match{act, grant})
	cfg := config(ends)
	_, got := replayed(t, s, cfg)

	j := judge.New(judge.Config{})
	var want []byte
	for _, in := range []event.Input{
		{Time: nine, Policy: &cfg.Policy},
		{Time: nine, Mark: &event.Mark{Source: "approvals", Through: nine.Add(65 * time.Minute)}},
		{Time: nine, Match: &act},
		{Time: nine.Add(5 * time.Minute), Timer: &event.Timer{Match: act.ID(), Due: nine.Add(5 * time.Minute)}},
		{Time: nine.Add(8 * time.Minute), Match: &grant},
	} {
		records, _ := j.Apply(in)
		for _, r := range records {
			raw, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			want = append(append(want, raw...), '\n')
		}
	}
	if !bytes.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestUntilLeavesActsPending(t *testing.T) {
	s, _ := filled(t, 0, []event.Match{anAct("act", nine)})
	cfg := config(map[string]time.Time{"approvals": nine})
	cfg.Until = nine.Add(4 * time.Minute)
	if records, _ := replayed(t, s, cfg); len(states(records, "act")) != 0 {
		t.Errorf("records: %+v", records)
	}
	cfg.Until = nine.Add(5 * time.Minute)
	if records, _ := replayed(t, s, cfg); !slices.Equal(states(records, "act"), []string{"09:05 bypass"}) {
		t.Errorf("records: %+v", records)
	}
}

func TestWithoutMatchesOnlyThePolicyIsRecorded(t *testing.T) {
	s, _ := filled(t, 0, nil)
	records, _ := replayed(t, s, config(nil))
	if len(records) != 1 || records[0].Type != event.TypeRuleSet || !records[0].Time.Equal(nine) {
		t.Errorf("records: %+v", records)
	}
}

func TestARunEndsWithTheErrorOfItsContextOrItsReader(t *testing.T) {
	s, _ := filled(t, 0, week())
	ctx, cancel := context.WithCancel(t.Context())
	emitted := 0
	err := s.Run(ctx, config(nil), func(event.Record) error {
		if emitted++; emitted == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || emitted < 10 {
		t.Errorf("after %d records: %v", emitted, err)
	}
	full := errors.New("disk full")
	if err := s.Run(t.Context(), config(nil), func(event.Record) error { return full }); !errors.Is(err, full) {
		t.Error(err)
	}
}
