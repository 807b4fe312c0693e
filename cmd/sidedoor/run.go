package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

type runCmd struct {
	configFlag
	Log string `help:"How much to log: ${enum}." enum:"debug,info,warn,error" default:"info"`
}

// Help says what the one-line help cannot.
func (runCmd) Help() string {
	return `Reads sidedoor.yaml, starts the embedded NATS JetStream (or connects to nats.url), receives
the configured sources, matches, judges, alerts, and seals every record in the ledger.

Ctrl-C stops in the order of the data, and seals what is recorded; a second one ends at
once. Nothing that a sender was told is stored is ever lost, however the process ends.

SIGHUP reloads the policy: rules that are sound are in force from then on, and those that are not
are named in the log. A policy that cannot be loaded at all leaves the old one in force.

  GET /healthz   the process is alive
  GET /readyz    the process can take events and keep them
  GET /metrics   for Prometheus`
}

func (c *runCmd) Run(ctx context.Context, e *edges) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.Log)); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: level}))
	hangUps := make(chan os.Signal, 1) // one that comes while another is obeyed waits
	signal.Notify(hangUps, syscall.SIGHUP)
	defer signal.Stop(hangUps)
	policy, err := loadPolicy(cfg.Policy)
	if err := tolerateFaults(policy, err, log); err != nil {
		return err
	}
	p, err := startPipeline(ctx, cfg, policy, log, time.Now)
	if err != nil {
		return err
	}
	p.reloadOn(ctx, hangUps)
	return p.wait(ctx)
}

// tolerateFaults lets a monitor go on with the rules that are sound: a bad rule
// must not switch the others off. Each rule that is off is logged, and every
// other fault.
func tolerateFaults(policy *rules.Policy, err error, log *slog.Logger) error {
	if err == nil {
		return nil
	}
	if policy == nil || len(policy.Rules) == 0 {
		return err
	}
	off := map[sigma.Fault]bool{}
	for _, r := range policy.Rejected {
		f := r.Faults[0]
		log.Warn("rule rejected", "rule", rejectedName(r), "file", f.File, "line", f.Line, "err", f.Message, "faults", len(r.Faults))
		for _, f := range r.Faults {
			off[f] = true
		}
	}
	faults, _ := errors.AsType[sigma.Faults](err)
	for _, f := range faults {
		if !off[f] {
			log.Warn("policy has a fault", "file", f.File, "line", f.Line, "err", f.Message)
		}
	}
	return nil
}

// stopWithin bounds an orderly stop.
const stopWithin = 20 * time.Second

// wait returns when ctx has ended and everything is put down, or when a stage
// failed.
func (p *pipeline) wait(ctx context.Context) error {
	var failure error
	select {
	case <-ctx.Done():
		p.log.Info("stopping")
	case failure = <-p.failed:
		p.log.Error("a stage failed; stopping", "err", failure)
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(failure, p.stop(stop))
}

// stage is a part of the pipeline that runs until its context ends.
type stage struct {
	name string
	run  func(context.Context) error

	cancel context.CancelFunc
	done   chan struct{}
}

// start starts the stage; an error that ends it goes to failed.
func (s *stage) start(ctx context.Context, failed chan<- error) {
	ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	s.done = make(chan struct{})
	go func() {
		defer close(s.done)
		if err := s.run(ctx); err != nil && ctx.Err() == nil {
			select {
			case failed <- fmt.Errorf("%s: %w", s.name, err):
			default: // the first failure is the one to report
			}
		}
	}()
}

// stop ends the stage and waits for it, but not longer than ctx.
func (s *stage) stop(ctx context.Context) error {
	s.cancel()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: did not stop in time", s.name)
	}
}
