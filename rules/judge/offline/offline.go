// Package offline folds matches from files with a virtual clock: it gives the
// verdicts that the stream would have given, had every event arrived when it
// occurred and every source been complete up to its last event.
//
// [Sorter] sorts the matches by time on disk, so memory stays bounded whatever
// the size of the input, and approvals may lie in other files than the acts
// that they approve. [Sorter.Run] then drives a [judge.Judge]: the same fold
// as behind the stream, with the same records for the same inputs.
package offline

import (
	"cmp"
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
	Judge judge.Config
	// Policy is in force from the start. Its sources delay verdicts unless
	// Ends says how far they reach.
	Policy event.Policy
	// Ends gives for each source the time of its last event, of whatever
	// kind: its log is taken as complete up to there, and an act at its very
	// end waits for nothing more.
	Ends map[string]time.Time
	// Until ends the virtual clock: timers due later do not fire, so acts may
	// stay pending. Zero: all fire.
	Until time.Time
}

// Run folds the matches in the order of their times and emits each record.
// It ends early with the error of ctx or of emit.
func (s *Sorter) Run(ctx context.Context, cfg Config, emit func(event.Record) error) error {
	r := &replay{judge: judge.New(cfg.Judge), until: cfg.Until, emit: emit}
	started := false
	err := s.each(func(m event.Match) error {
		if !started {
			started, r.clock = true, m.Event.At()
			if err := r.begin(cfg, s.grace); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		return r.match(m)
	})
	if err == nil && !started { // no match: the rule-set was in force all the same
		r.clock = cfg.Policy.Loaded
		err = r.begin(cfg, s.grace)
	}
	if err != nil {
		return err
	}
	return r.finish(ctx)
}

// replay drives a judge with a virtual clock.
type replay struct {
	judge  *judge.Judge
	clock  time.Time
	timers timers
	until  time.Time // zero: for ever
	emit   func(event.Record) error
}

// begin gives the policy and the marks. They reach one grace beyond the end of
// a log, or no act near its end could be judged.
func (r *replay) begin(cfg Config, grace time.Duration) error {
	if err := r.apply(event.Input{Policy: &cfg.Policy}); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(cfg.Ends)) {
		mark := event.Mark{Source: name, Through: cfg.Ends[name].Add(grace)}
		if err := r.apply(event.Input{Mark: &mark}); err != nil {
			return err
		}
	}
	return nil
}

// match fires the timers due before the match and folds it in. What happens
// at the very end of an act's grace is still within it.
func (r *replay) match(m event.Match) error {
	at := m.Event.At()
	for len(r.timers) > 0 && r.timers[0].Due.Before(at) {
		if err := r.fire(); err != nil {
			return err
		}
	}
	r.advance(at)
	return r.apply(event.Input{Match: &m})
}

// finish fires what is left.
func (r *replay) finish(ctx context.Context) error {
	for len(r.timers) > 0 && (r.until.IsZero() || !r.timers[0].Due.After(r.until)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.fire(); err != nil {
			return err
		}
	}
	return nil
}

func (r *replay) fire() error {
	t := heap.Pop(&r.timers).(timer).Timer
	r.advance(t.Due)
	return r.apply(event.Input{Timer: &t})
}

// advance moves the clock, never back.
func (r *replay) advance(t time.Time) {
	if t.After(r.clock) {
		r.clock = t
	}
}

func (r *replay) apply(in event.Input) error {
	in.Time = r.clock
	records, due := r.judge.Apply(in)
	for _, t := range due {
		heap.Push(&r.timers, timer{t, t.ID()})
	}
	for _, rec := range records {
		if err := r.emit(rec); err != nil {
			return err
		}
	}
	return nil
}

// timer is a timer with its ID.
type timer struct {
	event.Timer
	id string
}

// timers is a heap by when they are due, then by ID.
type timers []timer

// Len implements [heap.Interface].
func (t timers) Len() int { return len(t) }

// Less implements [heap.Interface].
func (t timers) Less(i, k int) bool {
	return cmp.Or(t[i].Due.Compare(t[k].Due), cmp.Compare(t[i].id, t[k].id)) < 0
}

// Swap implements [heap.Interface].
func (t timers) Swap(i, k int) { t[i], t[k] = t[k], t[i] }

// Push implements [heap.Interface].
func (t *timers) Push(x any) { *t = append(*t, x.(timer)) }

// Pop implements [heap.Interface].
func (t *timers) Pop() any {
	last := len(*t) - 1
	x := (*t)[last]
	*t = (*t)[:last]
	return x
}
