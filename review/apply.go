package review

import (
	"fmt"

	"sidedoor/event"
)

func (s *State) applyAlert(a event.Alert) {
	t, ok := s.alerts[a.ID]
	if !ok {
		t = &tracked{}
		s.alerts[a.ID] = t
	}
	t.bar(a.Considered)
	if a.Revision <= t.alert.Revision {
		return
	}
	t.alert, t.settled = a, nil
	t.week = s.openWeek(a.Control, WeekOf(a.First))
}

// openWeek returns the first week from w on that is not signed. Only weeks
// that are over are signed, so it is at most the week after the last.
func (s *State) openWeek(control string, w Week) Week {
	for s.signed[campaign{control, w}] != nil {
		w = w.Next()
	}
	return w
}

// applyVerdict counts the verdicts that are undetermined. Those of a week that
// is signed are counted there still: the sign-off has its own number.
func (s *State) applyVerdict(v event.Verdict) {
	if c, ok := s.campaignOf[v.ID]; ok {
		delete(s.undetermined[c], v.ID)
		delete(s.campaignOf, v.ID)
	}
	if v.Verdict != event.Undetermined {
		return
	}
	c := campaign{v.Control, WeekOf(v.Event.At())}
	if s.undetermined[c] == nil {
		s.undetermined[c] = map[string]bool{}
	}
	s.undetermined[c][v.ID] = true
	s.campaignOf[v.ID] = c
}

func (s *State) applyReview(e Entry) error {
	t, ok := s.alerts[e.Alert]
	if !ok {
		return fmt.Errorf("review of alert %s, of which there is no record", e.Alert)
	}
	if want := len(t.entries) + 1; e.Entry != want {
		return fmt.Errorf("review of alert %s: entry %d where entry %d should be", e.Alert, e.Entry, want)
	}
	t.entries = append(t.entries, e)
	return nil
}

// applySignOff settles what the sign-off lists. An alert of its week that it
// does not list, or lists at an older revision, was recorded while it was
// being signed: it is carried over.
func (s *State) applySignOff(so *event.SignOff) error {
	w, err := ParseWeek(so.Week)
	if err != nil {
		return fmt.Errorf("sign-off of control %s: %w", so.Control, err)
	}
	s.signed[campaign{so.Control, w}] = so
	listed := map[string]int{}
	for _, i := range so.Alerts {
		listed[i.Alert] = i.Revision
	}
	for id, t := range s.alerts {
		if t.alert.Control != so.Control || t.week != w {
			continue
		}
		if listed[id] == t.alert.Revision {
			t.settled = so
		} else {
			t.week = s.openWeek(so.Control, w)
		}
	}
	return nil
}
