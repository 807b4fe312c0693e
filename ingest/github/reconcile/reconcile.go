// Package reconcile compares what arrived from a GitHub webhook with what GitHub
// says that it sent.
//
// GitHub lists the attempts of the last three days to deliver events, and repeats
// none by itself. Whatever it lists and the stream does not have is asked for again;
// what cannot be had is reported. So are events that GitHub says were taken when
// they were not, since somebody else answers at the hook's address, and events that
// arrived and that GitHub did not send: somebody who has the hook's secret, or a
// delivery that was sent before, under another GUID. Each hour that is over becomes a
// proof.
//
// What arrived is read back from the stream, and not remembered when it arrives: so
// nothing has to be stored twice, the account survives a crash at any point, and
// holds what other replicas took.
//
// Hours are of GitHub's clock, which may differ from ours by a few minutes.
//
// Sources: GitHub documentation, "Handling failed webhook deliveries", "Redelivering
// webhooks", "REST API endpoints for organization webhooks".
package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/github/api"
)

const (
	// skew is by how much GitHub's clock may differ from ours.
	skew = 10 * time.Minute
	// flight is how long after GitHub lists a delivery it may still arrive.
	flight = time.Minute
	// settle is how long after its end an hour is looked at for the last time.
	settle = 5 * time.Minute
	// maxAsks bounds the events that are asked for in one pass: GitHub takes 80
	// requests a minute and 500 an hour that make it do something.
	maxAsks = 80
	// arrive is how long events that were asked for are waited for; GitHub gives
	// a delivery ten seconds.
	arrive = 10 * time.Second
	// lookEvery is how often it is looked whether they are there.
	lookEvery = 200 * time.Millisecond
)

// Reconciler keeps the account of one hook. One goroutine uses it.
type Reconciler struct {
	cfg    Config
	in     ingest.Intake
	client *api.Client
	wait   time.Duration // for what was asked for

	loaded bool
	// through is up to when all hours are closed: no event of them can be added.
	through time.Time
	hours   map[event.Hour]*hour
	kept    map[event.Hour]string // as it was kept last
	sent    map[string]*sent      // by GUID
	listed  time.Time             // of the newest attempt that was listed
	here    arrivals
}

// sent is an event that GitHub says it sent.
type sent struct {
	delivery
	counted bool // in its hour
}

// New returns a reconciler. It reads secrets, and asks nobody else.
func New(cfg Config, in ingest.Intake) (*Reconciler, error) {
	cfg.Every = cmp.Or(cfg.Every, defaultEvery)
	client, err := cfg.client(in)
	if err != nil {
		return nil, err
	}
	return &Reconciler{
		cfg: cfg, in: in, client: client, wait: arrive,
		hours: map[event.Hour]*hour{}, kept: map[event.Hour]string{}, sent: map[string]*sent{},
	}, nil
}

// Run reconciles until ctx ends.
func (r *Reconciler) Run(ctx context.Context) error { return r.in.Poll(ctx, r.cfg.Every, r.Pass) }

// Pass compares once, asks for what is missing, and states the hours that are
// over. That all is there says that the source is complete up to now; that
// something may still come says nothing.
func (r *Reconciler) Pass(ctx context.Context) (newest time.Time, err error) {
	now := r.in.Now().UTC()
	if err := r.load(ctx, now); err != nil {
		return newest, err
	}
	// The list first: what it says was taken is on the stream by then.
	if err := r.list(ctx, now); err != nil {
		return newest, err
	}
	if err := r.look(ctx); err != nil {
		return newest, err
	}
	r.account(now)
	failure := r.ask(ctx, now)
	// What was recovered is kept before it is stated: after a crash in between it
	// would seem never to have been missing.
	if err := errors.Join(failure, r.keep(ctx)); err != nil {
		return newest, err
	}
	if err := errors.Join(r.state(ctx, now), r.keep(ctx)); err != nil {
		return newest, err
	}
	for _, h := range r.hours {
		if !h.final(now) {
			return newest, ingest.ErrNothing
		}
	}
	return newest, nil
}

// look reads what has arrived since it looked last.
func (r *Reconciler) look(ctx context.Context) error {
	return r.here.read(ctx, r.in, func(guid string) {
		for _, h := range r.hours {
			h.find(guid)
		}
	})
}

// account enters the events that are listed, once it is known whether they
// arrived.
func (r *Reconciler) account(now time.Time) {
	for _, s := range r.sent {
		if s.counted || s.Redelivery || s.At.Before(r.through) {
			continue
		}
		h := r.hour(s.At)
		switch {
		case r.here.has(s.GUID), h.Missing[s.GUID] != nil: // which was known before a restart
		case now.Sub(s.At) < flight:
			continue
		default:
			h.lose(s.delivery)
		}
		h.Items++
		s.counted = true
	}
}

func (r *Reconciler) hour(at time.Time) *hour {
	key := event.HourOf(at)
	if r.hours[key] == nil {
		r.hours[key] = &hour{}
	}
	return r.hours[key]
}

// ask has GitHub redeliver what is missing, the oldest first, and waits for it.
func (r *Reconciler) ask(ctx context.Context, now time.Time) error {
	asked := map[string]*hour{}
	failure := r.askEach(ctx, now, asked)
	if len(asked) == 0 {
		return failure
	}
	r.in.Log.Info("deliveries that did not arrive are asked for again", "source", r.in.Source.Name, "deliveries", len(asked))
	deadline := time.NewTimer(r.wait)
	defer deadline.Stop()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := r.look(ctx); err != nil {
			return errors.Join(failure, err)
		}
		maps.DeleteFunc(asked, func(guid string, h *hour) bool { return h.Missing[guid] == nil })
		if len(asked) == 0 {
			return failure
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return failure
		case <-ctx.Done():
			return errors.Join(failure, ctx.Err())
		}
	}
}

// askEach enters what it has asked for into asked.
func (r *Reconciler) askEach(ctx context.Context, now time.Time, asked map[string]*hour) error {
	for _, key := range slices.Sorted(maps.Keys(r.hours)) {
		h := r.hours[key]
		for _, guid := range h.oldestFirst() {
			m := h.Missing[guid]
			if !m.due(now) {
				continue
			}
			if len(asked) == maxAsks {
				return nil
			}
			err := r.client.Post(ctx, r.cfg.hook()+"/deliveries/"+strconv.FormatInt(m.ID, 10)+"/attempts")
			if said, ok := errors.AsType[*api.Error](err); ok && hopeless(said.Status) {
				m.Gone, m.Refuse = true, fmt.Sprintf("GitHub refuses with status %d", said.Status)
				continue
			}
			if err != nil {
				return err
			}
			m.Asked++
			m.Last = now
			asked[guid] = h
		}
	}
	return nil
}
