package alerting

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"sidedoor/event"
)

// courier delivers to one receiver. One goroutine uses it.
type courier struct {
	Receiver
	cfg     Config
	records Records
	now     func() time.Time
	log     *slog.Logger
	metrics *Metrics
	known   *known
	gate    *gate
}

// handle looks at the alert of a record: has the receiver to be told of it?
func (c *courier) handle(ctx context.Context, raw []byte, came int) (time.Duration, error) {
	recorded, a, err := readAlert(raw)
	if err != nil {
		c.metrics.withhold(c.Name, whyUnreadable)
		c.log.Error("record is not an alert; not sent", "err", err)
		return 0, nil
	}
	if c.below(a.Rule.Level) {
		return c.withhold(whyLevel, 0)
	}
	k := c.known.of(a.ID)
	k.counted = k.counted || came == 1
	if err := c.settle(ctx, k); err != nil {
		return 0, err
	}
	if k.toldRevision() >= a.Revision {
		return c.withhold(whyTold, 0)
	}
	// Only the first time, so that a clock set back holds nothing for long.
	if wait := recorded.Add(c.cfg.GroupWait).Sub(c.now()); came == 1 && wait > 0 && isNews(k.told, a) {
		return c.withhold(whyHeld, min(wait, c.cfg.GroupWait))
	}
	latest, err := c.latest(ctx, a)
	if err != nil {
		return 0, err
	}
	if !isNews(k.told, latest) {
		return c.withhold(whyNothingNew, 0)
	}
	return c.tell(ctx, k, task{latest: latest, came: came, giveUp: recorded.Add(c.cfg.GiveUp)})
}

// task is an alert that the receiver has to be told of.
type task struct {
	latest event.Alert
	came   int // how often the record has come
	giveUp time.Time
}

// tell makes an attempt, unless the receiver is left alone for now.
func (c *courier) tell(ctx context.Context, k *knowledge, t task) (time.Duration, error) {
	now := c.now()
	wait := c.gate.wait(now)
	switch {
	case wait > 0 && now.Before(t.giveUp):
		return c.withhold(whyDown, wait)
	case wait > 0:
		k.owed = c.newAttempt(k, t)
		k.owed.Error = fmt.Sprintf("gave up after %v: the receiver is down", c.cfg.GiveUp)
		return 0, c.settle(ctx, k)
	}
	k.owed = c.newAttempt(k, t)
	retry := c.send(ctx, k, t)
	if err := c.settle(ctx, k); err != nil {
		return 0, err
	}
	return retry, nil
}

// latest returns the last revision of the alert of a.
func (c *courier) latest(ctx context.Context, a event.Alert) (event.Alert, error) {
	raw, err := c.records.LatestAlert(ctx, a.ID)
	if err != nil {
		return event.Alert{}, fmt.Errorf("alert %s: %w", a.ID, err)
	}
	_, latest, err := readAlert(raw)
	if err != nil {
		return event.Alert{}, fmt.Errorf("alert %s: %w", a.ID, err)
	}
	if latest.Revision < a.Revision { // a replica that lags behind
		return a, nil
	}
	return latest, nil
}

// below says whether alerts of that level are not for this receiver. What
// cannot be compared is sent.
func (c *courier) below(l event.Level) bool {
	return l.Rank() > 0 && l.Rank() < c.MinLevel.Rank()
}

// withhold counts why a revision is not sent now; retry is when to look again.
func (c *courier) withhold(why string, retry time.Duration) (time.Duration, error) {
	c.metrics.withhold(c.Name, why)
	return retry, nil
}

func readAlert(raw []byte) (recorded time.Time, a event.Alert, err error) {
	r, err := event.ParseRecord(raw)
	if err != nil {
		return time.Time{}, event.Alert{}, err
	}
	body, ok := r.Body.(*event.Alert)
	if !ok {
		return time.Time{}, event.Alert{}, fmt.Errorf("record %s %s: is of type %s, not alert", r.Type, r.ID, r.Type)
	}
	return r.Time, *body, nil
}
