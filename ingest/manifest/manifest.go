// Package manifest keeps account of what arrived: for each source and hour a record
// of what is on the stream, how it compares with what the source itself says, and
// whether the source was heard; and a record of each gap.
//
// The account is a fold over the EVENTS and DEAD streams and depends on nothing
// else, so anybody can work it out again. Only when a manifest is put on record
// depends on the clock. What was put on record is read back from RECORDS: a process
// that ends between a record and the bookmark behind it comes to the same account
// again, and goes on with the next revision.
package manifest

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sidedoor/event"
	"sidedoor/stream"
)

// Stream is what the account is made of, and where it goes.
type Stream interface {
	Bookmark(ctx context.Context, key string) (value []byte, found bool, err error)
	KeepBookmark(ctx context.Context, key string, value []byte) error
	ReadArrivals(ctx context.Context, after uint64, f func(stream.Arrival) error) error
	DeadAfter(ctx context.Context, after uint64, f func(seq uint64, d event.Dead) error) error
	ReadRecordsOf(ctx context.Context, t event.Type, id string, after uint64, f func(seq uint64, r event.Record) error) error
	AppendRecord(ctx context.Context, r event.Record) (fresh bool, err error)
	Positions(ctx context.Context) ([]stream.Position, error)
}

// Keeper keeps the account.
type Keeper struct {
	Stream  Stream
	Sources []Source
	// Now is the clock that arrivals are dated by: by it an hour is over.
	Now func() time.Time
	// Recorded dates records; nil: Now.
	Recorded func() time.Time
	// Truncated, if it is not nil, says whether an event says of itself that a part
	// of it is left out.
	Truncated func(product string, raw []byte) bool
	Log       *slog.Logger

	limits limits // zero: the usual ones
	fold   *fold
	rounds int // since the account was kept
	events int // likewise
	size   int // of what was kept
}

// The usual limits. Together with the proofs they fit into a bookmark.
const (
	rememberEvents = 500_000
	holdHours      = 4_000
)

const (
	// lookEvery is how often there is a look at what arrived.
	lookEvery = 5 * time.Second
	// roundEvents is how much is read before something is put on record.
	roundEvents = 20_000
	// roundHours is how many hours that are over are taken up in one round.
	roundHours = 500
	// keepRounds and keepEvents are after how much the account is kept at the
	// latest, and keepBytes for how much of it one more round is waited.
	keepRounds = 12
	keepEvents = 200_000
	keepBytes  = 200 << 10
	// lastWithin bounds the last look, when the process is to end.
	lastWithin = 5 * time.Second
)

// Run keeps the account until ctx ends, and a last time then.
func (k *Keeper) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		more, err := k.look(ctx)
		if err != nil && ctx.Err() == nil {
			k.Log.Warn("the account of what arrived cannot be kept now; it will be tried again", "err", err)
		}
		if more && err == nil && ctx.Err() == nil {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWithin)
			defer cancel()
			if _, err := k.look(last); err == nil {
				_ = k.keep(last) // else the next process reads a little more
			}
			return nil
		}
	}
}

// look takes in what arrived since the last look, and puts on record what is due.
// More says that it did not come to the end.
func (k *Keeper) look(ctx context.Context) (more bool, err error) {
	if k.fold == nil {
		if err := k.begin(ctx); err != nil {
			return false, err
		}
	}
	if more, err = k.read(ctx, roundEvents); err != nil {
		return false, err
	}
	if err := k.readDead(ctx); err != nil {
		return false, err
	}
	now := k.Now().UTC()
	opened, err := k.open(ctx, now)
	if err != nil {
		return false, err
	}
	if err := k.publish(ctx, now); err != nil {
		return false, err
	}
	k.fold.release(now)
	k.rounds++
	if k.rounds >= keepRounds+k.size/keepBytes || k.events >= keepEvents {
		err = k.keep(ctx)
	}
	return more || opened == roundHours, err
}

// begin takes up the account where it was kept last.
func (k *Keeper) begin(ctx context.Context) error {
	l := k.limits
	if l == (limits{}) {
		l = limits{remember: rememberEvents, hours: holdHours}
	}
	f := newFold(l)
	b, found, err := k.Stream.Bookmark(ctx, bookmark)
	if err != nil {
		return err
	}
	if found {
		if f, err = decode(b, l); err != nil {
			k.Log.Warn("the account is worked out anew from all that ever arrived", "err", err)
			f = newFold(l)
		}
		k.size = len(b)
	}
	events, dead, _, err := k.ends(ctx)
	if err != nil {
		return err
	}
	if f.Position > events || f.Dead > dead { // streams that were made anew
		f = newFold(l)
	}
	f.configure(k.Sources, k.Truncated)
	if err := k.known(ctx, f); err != nil {
		return err
	}
	k.fold = f
	return nil
}

// configure says of which sources an account is kept whatever arrives.
func (f *fold) configure(sources []Source, truncated func(string, []byte) bool) {
	f.truncated = truncated
	f.sources = make(map[string]Source, len(sources))
	for _, s := range sources {
		f.sources[s.Name] = s
	}
}

// ends are the last sequences on EVENTS, DEAD and RECORDS.
func (k *Keeper) ends(ctx context.Context) (events, dead, records uint64, err error) {
	positions, err := k.Stream.Positions(ctx)
	for _, p := range positions {
		switch p.Stream {
		case "EVENTS":
			events = p.Last
		case "DEAD":
			dead = p.Last
		case "RECORDS":
			records = p.Last
		}
	}
	return events, dead, records, err
}

// known takes in what was put on record since the account was kept.
func (k *Keeper) known(ctx context.Context, f *fold) error {
	after := f.Records
	for _, t := range []event.Type{event.TypeManifest, event.TypeGap} {
		err := k.Stream.ReadRecordsOf(ctx, t, "", after, func(seq uint64, r event.Record) error {
			switch b := r.Body.(type) {
			case *event.Manifest:
				f.said(*b, r.Time)
			case *event.Gap:
				f.saidGap(*b, r.Time)
			}
			f.Records = max(f.Records, seq)
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// errEnough ends a reading that goes on in the next round.
var errEnough = errors.New("enough")

// read takes in what is on EVENTS, most events at most.
func (k *Keeper) read(ctx context.Context, most int) (more bool, err error) {
	n := 0
	err = k.Stream.ReadArrivals(ctx, k.fold.Position, func(a stream.Arrival) error {
		if n >= most || k.fold.held() > k.fold.limits.hours+roundHours {
			return errEnough
		}
		n++
		if a.Batch != nil {
			n += len(a.Batch.Events)
		}
		hard, soft := k.fold.touches(a)
		if err := k.takeUp(ctx, hard, soft); err != nil {
			return err
		}
		k.fold.take(a)
		return nil
	})
	k.events += n
	if errors.Is(err, errEnough) {
		return true, nil
	}
	return false, err
}

func (k *Keeper) readDead(ctx context.Context) error {
	return k.Stream.DeadAfter(ctx, k.fold.Dead, func(seq uint64, d event.Dead) error {
		at := key{k.fold.buried(d), event.HourOf(d.Received)}
		if !k.fold.holds(at) {
			if err := k.takeUp(ctx, []key{at}, nil); err != nil {
				return err
			}
		}
		k.fold.bury(seq, d)
		return nil
	})
}

// open takes up the hours that are over.
func (k *Keeper) open(ctx context.Context, now time.Time) (n int, err error) {
	hours := k.fold.opens(now, roundHours)
	for _, h := range hours {
		if !k.fold.holds(h) {
			if err := k.takeUp(ctx, []key{h}, nil); err != nil {
				return 0, err
			}
		}
		k.fold.opened(h)
	}
	return len(hours), nil
}

// keep keeps the account. All that is on RECORDS now of manifests and gaps it knows.
func (k *Keeper) keep(ctx context.Context) error {
	_, _, records, err := k.ends(ctx)
	if err != nil {
		return err
	}
	k.fold.Records = records
	b, err := k.fold.encode(maxState)
	if err != nil {
		return err
	}
	if err := k.Stream.KeepBookmark(ctx, bookmark, b); err != nil {
		return err
	}
	k.rounds, k.events, k.size = 0, 0, len(b)
	return nil
}
