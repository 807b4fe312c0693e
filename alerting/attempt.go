package alerting

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sidedoor/event"
)

// Bounds on what a receiver's answer adds to a record, in bytes.
const (
	maxError    = 512
	maxRemoteID = 128
)

// storeWithin bounds the storing of a record while the process stops.
const storeWithin = 10 * time.Second

// attempt is one attempt, and what it tells the receiver.
type attempt struct {
	event.Delivery
	at    time.Time // when it ended
	alert event.Alert
}

// newAttempt returns the next attempt, which is rejected until it is known
// otherwise. Attempts are numbered from 1. After a restart nobody knows how
// many there were, but not more than the record has come: numbers rise, and may
// then skip.
func (c *courier) newAttempt(k *knowledge, t task) *attempt {
	if !k.counted && k.attempts == 0 {
		k.attempts = t.came - 1
	}
	k.counted = true
	k.attempts++
	return &attempt{
		Delivery: event.Delivery{
			Alert: t.latest.ID, Revision: t.latest.Revision, Receiver: c.Name, Channel: c.Channel.Name(),
			Attempt: k.attempts, Outcome: event.Rejected,
		},
		at: c.now(), alert: t.latest,
	}
}

// send makes the attempt that k owes a record of, and returns when to make the
// next. An attempt that has begun is not interrupted by ctx: nobody would know
// whether the receiver got it.
func (c *courier) send(ctx context.Context, k *knowledge, t task) (retry time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout)
	defer cancel()
	start := c.now()
	result, err := c.Channel.Send(ctx, Message{Alert: t.latest, Before: k.told})
	a := k.owed
	a.at = c.now()
	a.Latency, a.Status, a.RemoteID = since(start, a.at), result.Status, clip(result.RemoteID, maxRemoteID)
	if err == nil {
		a.Outcome = event.Delivered
	} else {
		retry = c.fail(k, err, t.giveUp)
	}
	if a.Outcome == event.Delivered || errors.Is(err, ErrRejected) {
		c.gate.succeed()
	}
	c.metrics.attempted(a.Delivery, c.gate.failures)
	return retry
}

// fail says in the attempt that k owes what has gone wrong, and when to try
// again, if at all.
func (c *courier) fail(k *knowledge, err error, giveUp time.Time) (retry time.Duration) {
	a := k.owed
	a.Error = clip(err.Error(), maxError)
	if errors.Is(err, ErrRejected) {
		return 0
	}
	wasUp := c.gate.failures == 0
	c.gate.fail(a.at, RetryAfter(err))
	// A little after the pause, so that the next attempt is another alert's: if
	// this is one that the receiver cannot take, it must not hold the others up.
	retry = c.gate.wait(a.at) + c.cfg.FirstRetry
	// Only a failure amid successes counts against the alert. While nothing gets
	// through, the pauses are enough, and end for all alerts at once.
	if wasUp {
		if k.retry == nil {
			k.retry = newBackoff(c.cfg.FirstRetry, c.cfg.MaxRetry)
		}
		retry = max(retry, k.retry.NextBackOff())
	}
	if a.at.Add(retry).After(giveUp) {
		a.Error = clip(fmt.Sprintf("gave up after %v: %s", c.cfg.GiveUp, a.Error), maxError)
		return 0
	}
	a.Outcome = event.Failed
	return retry
}

// settle records the attempt that k owes a record of, if any. What could not
// be recorded stays owed, so that the next look at the alert records it and
// does not send again.
func (c *courier) settle(ctx context.Context, k *knowledge) error {
	a := k.owed
	if a == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeWithin)
	defer cancel()
	if err := c.record(ctx, a); err != nil {
		return fmt.Errorf("alert %s revision %d, attempt %d: %w", a.Alert, a.Revision, a.Attempt, err)
	}
	k.owed, k.attempts = nil, a.Attempt
	c.metrics.recorded(a.Delivery)
	c.logAttempt(ctx, a)
	if a.Outcome != event.Failed {
		k.told, k.attempts, k.retry = &a.alert, 0, nil
	}
	return nil
}

// maxNumbers bounds the search for a number that no attempt has.
const maxNumbers = 1000

// record stores the attempt. If there is one of its number, made by a process
// that ended before it could acknowledge, then this one is another attempt and
// gets the next number.
func (c *courier) record(ctx context.Context, a *attempt) error {
	for range maxNumbers {
		_, err := c.records.AppendRecord(ctx, event.DeliveryRecord(a.Delivery, a.at.UTC()))
		if !errors.Is(err, c.cfg.Exists) {
			return err
		}
		a.Attempt++
	}
	return fmt.Errorf("%d attempts before it: %w", a.Attempt-1, c.cfg.Exists)
}

func (c *courier) logAttempt(ctx context.Context, a *attempt) {
	log := c.log.With("alert", a.Alert, "revision", a.Revision, "attempt", a.Attempt)
	switch a.Outcome {
	case event.Delivered:
		log.InfoContext(ctx, "alert delivered", "state", string(a.alert.State), "occurrences", a.alert.Occurrences)
	case event.Failed:
		log.WarnContext(ctx, "alert not delivered; will be tried again", "status", a.Status, "err", a.Error)
	case event.Rejected:
		log.ErrorContext(ctx, "alert not delivered; will not be tried again", "status", a.Status, "err", a.Error)
	}
}

// clip shortens s to n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}
