package judge

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// snapshot adds what is held for correlations.
func (s *correlations) snapshot(to *snapshot) {
	to.Windows = slices.SortedFunc(maps.Values(s.byID), func(a, b *windows) int { return cmp.Compare(a.order, b.order) })
	to.Contributions = s.held.all()
	for e := s.spent.line.Front(); e != nil; e = e.Next() {
		to.Spent = append(to.Spent, e.Value.(memory))
	}
	to.Late = s.late
}

func (s *correlations) rebuild(from snapshot, cfg Config) error {
	s.late = from.Late
	for _, w := range from.Windows {
		if w == nil || s.byID[w.ID] != nil || !sound(w.Definition) {
			return errors.New("windows are empty or there twice")
		}
		w.order = s.arrived
		s.arrived++
		s.byID[w.ID] = w
	}
	for _, m := range from.Spent {
		if s.spent.has(m.ID) {
			return fmt.Errorf("contribution %s is spent twice", m.ID)
		}
		s.spent.add(m.ID, m.Since)
	}
	idle := map[*windows]time.Time{} // for add takes windows out of the queue that they are not yet in
	for _, w := range from.Windows {
		idle[w], w.Since = w.Since, time.Time{}
	}
	for _, c := range from.Contributions {
		if c == nil || s.byID[c.Windows] == nil {
			return errors.New("a contribution is empty or in no windows")
		}
		if err := s.rebuildContribution(c, cfg); err != nil {
			return fmt.Errorf("contribution %s: %w", c.id, err)
		}
	}
	for _, w := range from.Windows {
		if empty := len(w.held) == 0; empty != !idle[w].IsZero() || empty && (w.Through.IsZero() || w.Definition.AtOnce()) {
			return fmt.Errorf("windows %s hold %d contributions, and are empty since %s", w.ID, len(w.held), idle[w])
		}
		if len(w.held) == 0 {
			s.tidy(w, idle[w], cfg)
		}
	}
	return nil
}

func (s *correlations) rebuildContribution(c *contribution, cfg Config) error {
	w := s.byID[c.Windows]
	c.ready()
	if c.Position < 0 || c.Position >= w.Definition.Rules {
		return fmt.Errorf("of rule %d among %d", c.Position, w.Definition.Rules)
	}
	if _, fresh := w.insert(c); !fresh || s.spent.has(c.id) {
		return errors.New("is there twice")
	}
	s.add(c, w, cfg)
	return nil
}
