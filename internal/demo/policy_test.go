package demo_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/judge/offline"
	"sidedoor/rules/pack"
)

func TestTheCompanysOwnRulesDoWhatTheirTestsSay(t *testing.T) {
	policy, faults := rules.Load(pack.FS(), load(t).Policy())
	if err := faults.Err(); err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, r := range policy.Test(logfile.Identify, judged) {
		if !strings.HasPrefix(r.Rule, "kestrel-") {
			continue // the pack's are tested without the company's estate
		}
		tested++
		if r.Err != nil {
			t.Errorf("%s: %s: %v", r.Rule, r.Test, r.Err)
		}
	}
	if tested < 15 {
		t.Errorf("only %d tests of the company's rules", tested)
	}
}

// judged folds matches offline and returns the last verdict of the act.
func judged(p event.Policy, ends map[string]time.Time, matches []event.Match, act string, until time.Time) (event.Verdict, error) {
	s := offline.NewSorter("", 0)
	defer s.Close()
	for _, m := range matches {
		if err := s.Add(m); err != nil {
			return event.Verdict{}, err
		}
	}
	last := event.Verdict{Verdict: event.Pending} // which has no record
	err := s.Run(context.Background(), offline.Config{Policy: p, Ends: ends, Until: until}, func(r event.Record) error {
		if v, ok := r.Body.(*event.Verdict); ok && v.ID == act {
			last = *v
		}
		return nil
	})
	return last, err
}
