package alerting

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
)

// Dispatcher delivers alerts to receivers, which are independent of each other.
type Dispatcher struct {
	couriers []*courier
}

// New returns a dispatcher. now is the clock of the records; a nil log is
// silent and nil metrics count nothing.
func New(cfg Config, records Records, receivers []Receiver, now func() time.Time, log *slog.Logger, metrics *Metrics) (*Dispatcher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("alerting: %w", err)
	}
	if err := validateReceivers(receivers); err != nil {
		return nil, fmt.Errorf("alerting: %w", err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	cfg = cfg.withDefaults()
	d := &Dispatcher{}
	for _, r := range receivers {
		d.couriers = append(d.couriers, &courier{
			Receiver: r, cfg: cfg, records: records, now: now, metrics: metrics,
			log: log.With("receiver", r.Name), known: newKnown(maxKnown), gate: newGate(cfg),
		})
	}
	return d, nil
}

// Run delivers what feed hands out until ctx ends (it returns nil then) or the
// feed fails. A dispatcher runs once at a time.
func (d *Dispatcher) Run(ctx context.Context, feed Feed) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, c := range d.couriers {
		group.Go(func() error {
			if err := feed.Deliver(ctx, c.Name, c.handle); err != nil {
				return fmt.Errorf("receiver %s: %w", c.Name, err)
			}
			return nil
		})
	}
	group.Go(func() error { <-ctx.Done(); return nil }) // also without receivers
	return group.Wait()
}
