package judge

import (
	"slices"
	"strconv"
	"time"

	"sidedoor/event"
)

// correlations holds what events contribute to correlations.
type correlations struct {
	byID    map[string]*windows
	held    holding         // of all windows
	idle    queue[*windows] // empty ones that still know what has been judged
	spent   *remembered     // contributions that count no more, and matches
	arrived int
	late    int
}

func newCorrelations() *correlations {
	return &correlations{byID: map[string]*windows{}, held: newHolding(), spent: newRemembered()}
}

// match takes in a match: one that was stored, or that of a correlation with
// the events that completed it.
func (j *Judge) match(m event.Match, of *event.Together) {
	id := m.ID()
	for i, f := range m.Facts {
		j.fact(f, id+"."+strconv.Itoa(i))
	}
	var now, then []event.Part
	for _, p := range m.Parts {
		if len(p.Verdicts) > 0 {
			then = append(then, p)
		} else {
			now = append(now, p)
		}
	}
	m.Parts, m.Facts = nil, nil
	switch {
	case m.Act != nil:
		j.act(m, id, of, then)
	case m.Approval != nil:
		j.approval(m, id)
	case m.Revocation != nil:
		j.revocation(m, id)
	}
	for _, p := range now {
		j.contribute(p, m.Event)
	}
}

// contribute takes in an event's part in a correlation. One that is known, or
// comes after the judgement of its window, changes nothing.
func (j *Judge) contribute(p event.Part, ref event.Ref) {
	s := j.correlations
	c := newContribution(p, ref, j.clock)
	if !sound(p.Correlation) || s.spent.has(c.id) || s.spent.has(c.match) {
		return
	}
	w := s.windows(c, p.Correlation)
	if !w.Through.IsZero() && c.at <= w.Through.UnixMicro() {
		s.late++
		s.spent.add(c.id, j.clock)
		return
	}
	i, fresh := w.insert(c)
	if !fresh {
		return
	}
	s.add(c, w, j.cfg)
	if w.Definition.AtOnce() {
		j.completeAtOnce(w, i)
	} else {
		s.drop(w, w.needless(i), j.clock)
		j.schedule(w)
	}
	j.trim(w)
}

// maxRules is far more than a correlation refers to.
const maxRules = 1000

// sound says whether the definition is one that windows can be made for.
func sound(c event.Correlation) bool {
	switch c.Type {
	case event.EventCount, event.ValueCount, event.Temporal, event.TemporalOrdered, event.ValueSum, event.ValueAvg, event.ValuePercentile:
		return c.Timespan > 0 && c.Rules > 0 && c.Rules <= maxRules
	}
	return false // of a later version
}

// windows returns those that the contribution belongs to.
func (s *correlations) windows(c *contribution, def event.Correlation) *windows {
	w := s.byID[c.Windows]
	if w == nil {
		def.Rule = event.RuleRef{}
		w = &windows{ID: c.Windows, Definition: def}
		w.order = s.arrived
		s.arrived++
		s.byID[w.ID] = w
	}
	return w
}

// add holds a contribution that is in its windows.
func (s *correlations) add(c *contribution, w *windows, cfg Config) {
	if !w.Since.IsZero() {
		s.idle.remove(w)
		w.Since = time.Time{}
	}
	c.due = w.keptUntil(later(c.Stored, c.Match.Event.At()), cfg)
	c.order = s.arrived
	s.arrived++
	s.held.add(c)
}

// keptUntil is up to when something that is of a moment may still matter: other
// events within the timespan may be as late as that.
func (w *windows) keptUntil(t time.Time, cfg Config) time.Time {
	return t.Add(w.Definition.Timespan).Add(w.Definition.Wait).Add(cfg.Lateness)
}

// completeAtOnce looks for a window that the contribution at i has made
// complete. No other can be, but that a sum may grow where something negative
// was taken from it.
func (j *Judge) completeAtOnce(w *windows, i int) {
	first, last, ok := w.complete(i)
	if !ok {
		j.correlations.drop(w, w.needless(i), j.clock)
		return
	}
	for ok {
		j.found(w, w.take(first, last))
		if ok = w.Definition.Type == event.ValueSum; ok {
			first, last, ok = w.completeAny()
		}
	}
}

// found folds in the match of the contributions taken, the last of which
// completes it. What else its event contributes to the correlation, by other
// rules, counts no more: it could complete another match of the same identity.
func (j *Judge) found(w *windows, taken []*contribution) {
	s, last := j.correlations, taken[len(taken)-1]
	s.spend(w, taken, j.clock, j.cfg)
	s.spent.add(last.match, j.clock)
	for _, c := range slices.Clone(s.held.byMatch[last.match]) {
		s.letGo(c, j.clock, j.cfg)
	}
	j.match(last.Match, together(taken))
}

// schedule has a timer come back when the first window is to be judged.
func (j *Judge) schedule(w *windows) {
	if len(w.held) == 0 {
		return
	}
	if due := w.closes(); w.Due.IsZero() || due.Before(w.Due) {
		j.setTimer(w, due)
	}
}

func (j *Judge) setTimer(w *windows, due time.Time) {
	w.Due = due
	j.timers = append(j.timers, event.Timer{Windows: w.ID, Due: due})
}

// windowsTimer judges the windows that are over. The first may begin later than
// when the timer was set, if what began it had to be let go.
func (j *Judge) windowsTimer(t event.Timer) {
	w := j.correlations.byID[t.Windows]
	if w == nil || w.Definition.AtOnce() || len(w.held) == 0 {
		return
	}
	if t.Due.Before(w.Due) {
		return // it came again, or an earlier one took its place
	}
	if j.clock.Sub(t.Due) > max(w.Definition.Wait, punctual) {
		// Nothing ran when it was due, so events of its window may have piled up.
		j.setTimer(w, civil(j.clock.Add(w.Definition.Wait)))
		return
	}
	for len(w.held) > 0 && !t.Due.Before(w.closes()) {
		j.judgeFirst(w)
	}
	w.Due = time.Time{}
	j.schedule(w)
}

// punctual is how late a timer may come though everything runs.
const punctual = time.Minute

// judgeFirst judges the first open window.
func (j *Judge) judgeFirst(w *windows) {
	if taken, holds := w.close(); holds {
		j.found(w, taken)
	} else {
		j.correlations.spend(w, taken, j.clock, j.cfg)
	}
}

// spend lets go of contributions that have been taken out of their windows,
// and remembers that they count no more.
func (s *correlations) spend(w *windows, taken []*contribution, clock time.Time, cfg Config) {
	for _, c := range taken {
		s.held.remove(c)
		s.spent.add(c.id, clock)
	}
	s.tidy(w, clock, cfg)
}

// drop takes contributions that no window needs out, as spent.
func (s *correlations) drop(w *windows, needless []*contribution, clock time.Time) {
	for _, c := range needless {
		w.remove(c)
		s.held.remove(c)
		s.spent.add(c.id, clock)
	}
}

// tidy forgets windows that are empty, at once unless they know what has been
// judged.
func (s *correlations) tidy(w *windows, clock time.Time, cfg Config) {
	switch {
	case len(w.held) > 0:
	case w.Through.IsZero():
		delete(s.byID, w.ID)
	default:
		w.Since = clock
		w.due = w.keptUntil(clock, cfg)
		s.idle.add(w)
	}
}

// letGo stops holding a contribution that no match has used.
func (s *correlations) letGo(c *contribution, clock time.Time, cfg Config) {
	w := s.byID[c.Windows]
	w.remove(c)
	s.held.remove(c)
	s.tidy(w, clock, cfg)
}

// trim keeps a group within its bound.
func (j *Judge) trim(w *windows) {
	for c := w.surplus(); c != nil; c = w.surplus() {
		j.correlations.letGo(c, j.clock, j.cfg)
		j.letGo++
	}
}

// forgetContributions drops what is too old, or too much.
func (j *Judge) forgetContributions() {
	s := j.correlations
	for c := s.held.first(); c != nil && j.clock.After(c.due); c = s.held.first() {
		if w := s.byID[c.Windows]; w.Definition.AtOnce() {
			s.letGo(c, j.clock, j.cfg)
		} else { // the timer is late by days; nothing vanishes without a judgement
			j.judgeThrough(w, c)
		}
	}
	for s.held.Len() > j.cfg.MaxContributions {
		s.letGo(s.held.most(), j.clock, j.cfg)
		j.letGo++
	}
	s.forgetIdle(j.clock, j.cfg)
	s.spent.forget(j.clock, j.cfg)
}

// judgeThrough judges the open windows up to the one that holds c.
func (j *Judge) judgeThrough(w *windows, c *contribution) {
	for len(w.held) > 0 && byTime(w.held[0], c) <= 0 {
		j.judgeFirst(w)
	}
}

// forgetIdle forgets what was judged so long ago that nothing comes to it, or
// for too many groups.
func (s *correlations) forgetIdle(clock time.Time, cfg Config) {
	for w := s.idle.first(); w != nil && (s.idle.Len() > cfg.MaxContributions || clock.After(w.due)); w = s.idle.first() {
		s.idle.remove(w)
		delete(s.byID, w.ID)
	}
}
