package offline

import (
	"context"
	"errors"
	"time"

	"sidedoor/event"
)

// Verdict judges matches and returns the last verdict on the act with the given
// match ID, one that is [event.Pending] if there is none. ends says up to when
// each source is complete; until, if not zero, is when to stop the clock. It is
// how the tests that rules carry are judged.
func Verdict(p event.Policy, ends map[string]time.Time, matches []event.Match, act string, until time.Time) (last event.Verdict, err error) {
	s := NewSorter("", 0)
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, m := range matches {
		if err := s.Add(m); err != nil {
			return event.Verdict{}, err
		}
	}
	last = event.Verdict{Verdict: event.Pending}
	err = s.Run(context.Background(), Config{Policy: p, Ends: ends, Until: until}, func(r event.Record) error {
		if v, ok := r.Body.(*event.Verdict); ok && v.ID == act {
			last = *v
		}
		return nil
	})
	return last, err
}
