package alerting

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"sidedoor/event"
)

// Config says how alerts are delivered. Zero values are the defaults.
type Config struct {
	// GroupWait is how long news of an alert wait, from when they were
	// recorded, so that one message carries the burst; default 2s.
	GroupWait time.Duration `yaml:"group-wait"`
	// GiveUp is how long after an alert was recorded its delivery is tried;
	// default 24h.
	GiveUp time.Duration `yaml:"give-up"`
	// Timeout bounds one attempt; default 10s.
	Timeout time.Duration `yaml:"timeout"`
	// FirstRetry is about how long after a first failure a receiver is tried
	// again; the time doubles with each failure up to MaxRetry. Defaults 2s
	// and 5m.
	FirstRetry time.Duration `yaml:"first-retry"`
	MaxRetry   time.Duration `yaml:"max-retry"`
	// Exists is the error of [Records.AppendRecord] that says that another
	// record has that ID already. Required.
	Exists error `yaml:"-"`
}

// Validate reports every fault.
func (c Config) Validate() error {
	var faults []error
	for _, f := range []struct {
		name string
		d    time.Duration
	}{
		{"group-wait", c.GroupWait}, {"give-up", c.GiveUp}, {"timeout", c.Timeout},
		{"first-retry", c.FirstRetry}, {"max-retry", c.MaxRetry},
	} {
		if f.d < 0 {
			faults = append(faults, fmt.Errorf("%s: %v is negative", f.name, f.d))
		}
	}
	if d := c.withDefaults(); d.FirstRetry > d.MaxRetry {
		faults = append(faults, fmt.Errorf("first-retry: %v is longer than max-retry, %v", d.FirstRetry, d.MaxRetry))
	}
	if c.Exists == nil {
		faults = append(faults, errors.New("exists: the error of a record that exists is not set"))
	}
	return errors.Join(faults...)
}

func (c Config) withDefaults() Config {
	for _, f := range []struct {
		field *time.Duration
		value time.Duration
	}{
		{&c.GroupWait, 2 * time.Second}, {&c.GiveUp, 24 * time.Hour}, {&c.Timeout, 10 * time.Second},
		{&c.FirstRetry, 2 * time.Second}, {&c.MaxRetry, 5 * time.Minute},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	return c
}

// Receiver is somebody to tell.
type Receiver struct {
	Name    string // unique; lower-case letters, digits and '-'
	Channel Channel
	// MinLevel is the least level of the alerts to send; "" for all. Alerts of
	// a rule without a level are always sent.
	MinLevel event.Level
}

// receiverName is a name that can be a part of a record's ID.
var receiverName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

func validateReceivers(receivers []Receiver) error {
	var faults []error
	names := map[string]bool{}
	for i, r := range receivers {
		if !receiverName.MatchString(r.Name) || names[r.Name] {
			faults = append(faults, fmt.Errorf("receivers[%d]: name %q is not a new name of lower-case letters, digits and '-'", i, r.Name))
		}
		names[r.Name] = true
		if r.Channel == nil {
			faults = append(faults, fmt.Errorf("receiver %s: has no channel", r.Name))
		}
		if r.MinLevel != "" && r.MinLevel.Rank() == 0 {
			faults = append(faults, fmt.Errorf("receiver %s: min-level %q is not informational, low, medium, high or critical", r.Name, r.MinLevel))
		}
	}
	return errors.Join(faults...)
}

// Records is the store of records.
type Records interface {
	// AppendRecord stores r if there is no record of its type and ID; the same
	// bytes again are no error, other bytes are [Config.Exists].
	AppendRecord(ctx context.Context, r event.Record) (fresh bool, err error)
	// LatestAlert returns the record of the last revision of an alert.
	LatestAlert(ctx context.Context, id string) (raw []byte, err error)
}

// Feed hands out the records of alerts.
type Feed interface {
	// Deliver calls handle with each record, one after the other, until ctx
	// ends. If handle returns retry > 0 the record comes again after that long,
	// meanwhile others; with 0 and nil it is acknowledged; with an error it
	// comes again. attempt counts from 1 how often the record has come.
	Deliver(ctx context.Context, receiver string, handle func(ctx context.Context, raw []byte, attempt int) (retry time.Duration, err error)) error
}
