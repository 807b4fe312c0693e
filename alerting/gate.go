package alerting

import (
	"time"

	"github.com/cenkalti/backoff/v5"
)

// gate keeps a receiver that fails from being asked by every alert there is:
// while it is closed, alerts wait without an attempt. The first success opens
// it.
type gate struct {
	until    time.Time
	failures int
	backoff  *backoff.ExponentialBackOff
}

func newGate(cfg Config) *gate {
	return &gate{backoff: newBackoff(cfg.FirstRetry, cfg.MaxRetry)}
}

// wait is how much longer the receiver is to be left alone.
func (g *gate) wait(now time.Time) time.Duration { return max(0, g.until.Sub(now)) }

// fail closes the gate, for at least as long as the receiver asked.
func (g *gate) fail(now time.Time, asked time.Duration) {
	g.failures++
	g.until = now.Add(max(g.backoff.NextBackOff(), asked))
}

// succeed opens the gate.
func (g *gate) succeed() {
	g.failures = 0
	g.until = time.Time{}
	g.backoff.Reset()
}

func newBackoff(first, most time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval, b.Multiplier = first, most, 2
	b.Reset()
	return b
}
