package offline

import (
	"context"
	"slices"
	"testing"
	"time"

	"sidedoor/event"
)

// aPart contributes to a correlation that two events within ten minutes
// complete.
func aPart(id string, at time.Time, is string) event.Match {
	m := anAct(id, at)
	act := m.Act
	m.Act = nil
	m.Parts = []event.Part{{
		Correlation: event.Correlation{
			Rule: event.RuleRef{ID: "correlation", Name: "pair"}, Type: event.EventCount, Rules: 1, Timespan: 10 * time.Minute,
			Condition: []event.Bound{{Is: is, Than: 2}}, Wait: 5 * time.Minute,
		},
		Act: act,
	}}
	return m
}

func TestCorrelationsAreJudgedOfflineInTheOrderOfTheirEvents(t *testing.T) {
	minute := func(n int) time.Time { return nine.Add(time.Duration(n) * time.Minute) }
	policy := event.Policy{Sources: []event.SourcePolicy{{Name: "approvals", Provides: []string{"access-grant"}}}}
	for _, c := range []struct {
		name    string
		matches []event.Match
		want    []string
	}{
		{"two events, in no order", []event.Match{aPart("b", minute(4), "gte"), aPart("a", nine, "gte")}, []string{"b 09:09 bypass"}},
		{"approved at the same moment", []event.Match{aPart("b", minute(4), "gte"), aPart("a", nine, "gte"), aGrant("g", minute(4))}, []string{"b 09:09 approved"}},
		{"too far apart", []event.Match{aPart("a", nine, "gte"), aPart("b", minute(11), "gte")}, nil},
		{"exactly two, when the window has closed", []event.Match{aPart("a", nine, "eq"), aPart("b", minute(4), "eq")}, []string{"b 09:15 bypass"}},
		{"not three", []event.Match{aPart("a", nine, "eq"), aPart("b", minute(4), "eq"), aPart("c", minute(10), "eq")}, nil},
	} {
		s, _ := filled(t, 0, c.matches)
		var got []string
		ends := map[string]time.Time{"approvals": minute(5)}
		err := s.Run(context.Background(), Config{Policy: policy, Ends: ends}, func(r event.Record) error {
			if v, ok := r.Body.(*event.Verdict); ok {
				got = append(got, v.Event.ID+" "+r.Time.Format("15:04 ")+string(v.Verdict))
			}
			return nil
		})
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.want)
		}
	}
}
