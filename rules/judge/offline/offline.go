package offline

import (
	"container/heap"
	"context"
	"maps"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/rules/judge"
)

// Config says what is folded besides the matches.
type Config struct {
	Judge  judge.Config
	Policy event.Policy
	// Ends gives for each source the time of its last event: a log is taken as
	// complete up to there.
	Ends map[string]time.Time
	// Until ends the virtual clock: timers due later do not fire, so acts may
	// stay pending. Zero: all fire.
	Until time.Time
}

// Run folds the matches in the order of their times and hands on each record.
// It may be called once.
func (s *Sorter) Run(ctx context.Context, cfg Config, emit func(event.Record) error) error {
	r := &replay{judge: judge.New(cfg.Judge), until: cfg.Until, ends: cfg.Ends, emit: emit}
	if err := r.apply(event.Input{Policy: &cfg.Policy}); err != nil {
		return err
	}
	err := s.each(func(m event.Match) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.advance(m.Event.At()); err != nil {
			return err
		}
		return r.match(m)
	})
	if err != nil {
		return err
	}
	return r.finish()
}

// replay drives a judge with a virtual clock.
type replay struct {
	judge  *judge.Judge
	clock  time.Time
	until  time.Time
	timers timers
	ends   map[string]time.Time
	slack  time.Duration // the longest grace so far
	emit   func(event.Record) error
}

// match folds a match in. A log is complete up to its last event, so an act at
// that very moment must not wait for more: marks reach one grace beyond it.
func (r *replay) match(m event.Match) error {
	if m.Act != nil && m.Act.Grace > r.slack {
		r.slack = m.Act.Grace
		for _, name := range slices.Sorted(maps.Keys(r.ends)) {
			mark := &event.Mark{Source: name, Through: r.ends[name].Add(r.slack)}
			if err := r.apply(event.Input{Mark: mark}); err != nil {
				return err
			}
		}
	}
	return r.apply(event.Input{Match: &m})
}

func (r *replay) apply(in event.Input) error {
	in.Time = r.clock
	records, timers := r.judge.Apply(in)
	for _, t := range timers {
		heap.Push(&r.timers, t)
	}
	for _, rec := range records {
		if err := r.emit(rec); err != nil {
			return err
		}
	}
	return nil
}

// advance moves the clock to t and fires the timers due by then.
func (r *replay) advance(t time.Time) error {
	for len(r.timers) > 0 && !r.timers[0].Due.After(t) {
		if err := r.fire(); err != nil {
			return err
		}
	}
	if t.After(r.clock) {
		r.clock = t
	}
	return nil
}

func (r *replay) fire() error {
	t := heap.Pop(&r.timers).(event.Timer)
	if t.Due.After(r.clock) {
		r.clock = t.Due
	}
	return r.apply(event.Input{Timer: &t})
}

// finish fires what is left.
func (r *replay) finish() error {
	if !r.until.IsZero() {
		return r.advance(r.until)
	}
	for len(r.timers) > 0 {
		if err := r.fire(); err != nil {
			return err
		}
	}
	return nil
}

// timers is a heap by due time, then by match.
type timers []event.Timer

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	if !t[i].Due.Equal(t[j].Due) {
		return t[i].Due.Before(t[j].Due)
	}
	return t[i].Match < t[j].Match
}

func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }

// Push implements [heap.Interface].
func (t *timers) Push(x any) { *t = append(*t, x.(event.Timer)) }

// Pop implements [heap.Interface].
func (t *timers) Pop() any {
	old := *t
	x := old[len(old)-1]
	*t = old[:len(old)-1]
	return x
}
