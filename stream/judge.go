package stream

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// Fold is the judge: state in, input in, records and timers out. The same
// inputs must give the same records, byte for byte, also from a state that was
// snapshotted and restored in between.
type Fold interface {
	Apply(event.Input) ([]event.Record, []event.Timer)
	Snapshot() ([]byte, error)
	Restore([]byte) error
}

const (
	defaultSnapshotEvery = 1000
	// judgeIdle is how long nothing has to come before the state is kept.
	judgeIdle = 2 * time.Second
	// stopWithin bounds what is done after ctx has ended.
	stopWithin = 10 * time.Second
)

// Judge runs the judge stage until ctx ends (it returns nil then). It restores
// fold from the last snapshot, or leaves it as it is if there is none, feeds
// it every input on MATCHES from there on, with Input.Time as the server's
// time of storing it, and stores its records on RECORDS and its timers as
// scheduled messages. fold is used by one goroutine only.
//
// The state is kept every snapshotEvery inputs (0: 1000), when nothing comes
// for a while and at the end, always after all records and timers of those
// inputs are on disk. Any number of processes may run the stage: they make the
// same records, and each is stored once. If a record is there already with
// other bytes, the error is [ErrExists]: fold is not deterministic, or somebody
// else wrote the record.
//
// A timer fires at its due time or soon after, at once if that is past, and
// comes back as an input. After a crash it may come back twice.
func (s *Stream) Judge(ctx context.Context, fold Fold, snapshotEvery int) error {
	if snapshotEvery <= 0 {
		snapshotEvery = defaultSnapshotEvery
	}
	fresh, err := fold.Snapshot()
	if err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	for {
		j := &judging{stream: s, fold: fold, fresh: fresh, every: snapshotEvery, out: outbox{stream: s}}
		err := j.run(ctx)
		if ctx.Err() != nil || err == nil || !temporary(err) || s.conn.IsClosed() {
			return unlessDone(ctx, err)
		}
		s.log.Warn("judging is interrupted; starting again from the last snapshot", "err", err)
		_ = pause(ctx, retryEvery) // run looks at ctx
	}
}

// judging is one run of the judge, from a snapshot on.
type judging struct {
	stream *Stream
	fold   Fold
	fresh  []byte // the state before any input
	every  int
	out    outbox

	done  uint64 // sequence of the last input that was applied
	dirty int    // inputs applied since the last snapshot
}

// run ends when ctx does. What is begun by then is finished, so that the state
// that is kept at the end is never behind what was published.
func (j *judging) run(ctx context.Context) error {
	work, cancel := lingering(ctx)
	defer cancel()
	if err := j.restore(ctx); err != nil {
		return err
	}
	r, err := j.stream.read(ctx, inputs(j.done))
	if err != nil {
		return err
	}
	defer r.close(ctx)
	for {
		m, meta, err := r.next(ctx, j.patience())
		switch {
		case err == nil:
			err = j.step(work, m, meta)
		case errors.Is(err, errIdle):
			err = j.keep(work)
		case ctx.Err() != nil:
			return j.keep(work)
		}
		if err != nil {
			return err
		}
	}
}

// step applies one input.
func (j *judging) step(ctx context.Context, m jetstream.Msg, meta *jetstream.MsgMetadata) error {
	in, err := parseInput(m.Data(), meta.Timestamp)
	if err != nil {
		j.stream.log.Error("input is unreadable", "subject", m.Subject(), "sequence", meta.Sequence.Stream, "err", err)
		if err := j.stream.bury(ctx, m, "malformed", err); err != nil {
			return err
		}
	} else if err := j.apply(ctx, in); err != nil {
		return err
	}
	j.done = meta.Sequence.Stream
	j.dirty++
	j.stream.readers.judged(meta.NumPending)
	if meta.NumPending == 0 {
		// Nobody follows who would push these on.
		if err := j.out.settle(ctx, 0); err != nil {
			return err
		}
	}
	if j.dirty >= j.every {
		return j.keep(ctx)
	}
	return nil
}

func (j *judging) apply(ctx context.Context, in event.Input) error {
	records, timers := j.fold.Apply(in)
	for _, r := range records {
		m, err := recordMessage(r)
		if err != nil {
			return fmt.Errorf("judge: %w", err)
		}
		if err := j.out.post(ctx, posting{msg: m, exists: j.stream.compareRecord}); err != nil {
			return err
		}
	}
	for _, t := range timers {
		if err := j.set(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// set sends a timer on its way. One that cannot be written down, because an
// event claims to be of the year 9999, must not stop the judge for all others.
func (j *judging) set(ctx context.Context, t event.Timer) error {
	p, err := timerPosting(t)
	if err != nil {
		j.stream.log.Error("timer cannot be set", "of", waiter(t), "err", err)
		return j.stream.PublishDead(ctx, event.Dead{
			Envelope: event.Envelope{Source: "judge", Origin: waiter(t)}, Reason: err.Error(), Cause: "unscheduled", Index: -1,
		})
	}
	return j.out.post(ctx, p)
}

// patience is how long to wait for an input before the state is kept.
func (j *judging) patience() time.Duration {
	if j.dirty == 0 {
		return 0
	}
	return judgeIdle
}

// keep saves the state once all that follows from it is on disk. That it
// cannot be saved costs time after the next start, and nothing else.
func (j *judging) keep(ctx context.Context) error {
	if j.dirty == 0 {
		return nil
	}
	if err := j.out.settle(ctx, 0); err != nil {
		return err
	}
	state, err := j.fold.Snapshot()
	if err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	if err := j.stream.saveSnapshot(ctx, j.done, state); err != nil {
		j.stream.log.Warn("judge's state not kept", "err", err)
	}
	j.dirty = 0
	return nil
}

// restore puts fold where the last snapshot left it.
func (j *judging) restore(ctx context.Context) error {
	seq, state, err := j.stream.loadSnapshot(ctx)
	if err == nil {
		if err = j.fold.Restore(state); err == nil {
			j.done = seq
			return nil
		}
	}
	if temporary(err) || ctx.Err() != nil {
		return err
	}
	if !errors.Is(err, ErrNotFound) {
		j.stream.log.Warn("judge's state is unusable; judging again from the start", "err", err)
	}
	if err := j.fold.Restore(j.fresh); err != nil {
		return fmt.Errorf("judge: %w", err)
	}
	return nil
}

// lingering returns a context that ends stopWithin after ctx does.
func lingering(ctx context.Context) (context.Context, context.CancelFunc) {
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unwatch := context.AfterFunc(ctx, func() {
		if pause(work, stopWithin) == nil {
			cancel()
		}
	})
	return work, func() { unwatch(); cancel() }
}
