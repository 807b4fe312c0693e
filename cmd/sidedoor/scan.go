package main

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
)

type scanCmd struct {
	Paths  []string          `arg:"" name:"path" help:"Log files and folders of them: CloudTrail, Kubernetes audit, GitHub audit log and webhook deliveries, approvals as CloudEvents; plain or gzip."`
	Format string            `help:"How to print verdicts: ${enum}." enum:"table,json" default:"table"`
	FailOn string            `help:"Exit with 3 if there is a bypass, or also if there is an undetermined act: ${enum}." enum:"none,bypass,undetermined" default:"none"`
	All    bool              `help:"Print approved acts too (JSON always does)."`
	Policy []string          `help:"Folder of rules, controls and estate to lay over the built-in pack." placeholder:"DIR"`
	Scope  map[string]string `help:"What a source's logs are of, where they do not say: kubernetes=prod-eu." placeholder:"SOURCE=SCOPE"`
	Grace  time.Duration     `help:"How long after an act its approval may still arrive, for rules that do not say." default:"5m"`
	Tmp    string            `help:"Where to sort what does not fit into memory." placeholder:"DIR"`
}

// Help says what the one-line help cannot.
func (scanCmd) Help() string {
	return `Kinds are recognised from the content. The events of all files are judged together in
the order of their times, so approvals may lie in other files than the acts they approve.

With --format json each verdict is one line with verdict, rule, control, level, actor,
resource, time, reason, file, index (of the record in its file, from 0) and event_id. An
approval that came late revises a verdict; the last revision is printed.

Without a policy every namespace counts as production and the usual names count as
privileged roles and protected branches: expect noise, then narrow it with an estate.yaml.

  sidedoor scan ./AWSLogs ./kube-audit.log
  sidedoor scan --format json ./logs | jq 'select(.verdict=="bypass")'
  sidedoor scan --fail-on bypass --policy ./policy ./logs`
}

func (c *scanCmd) Run(ctx context.Context, e *edges) (err error) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	policy, err := loadPolicy(c.Policy)
	if err != nil {
		return err
	}
	matcher, faults := policy.Compile(rules.Defaults{Grace: c.Grace})
	if err := faults.Err(); err != nil {
		return err
	}
	r, err := newReading(c.Tmp, c.Scope)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	trial := r.try(policy, matcher)
	progress := newProgress(e.err)
	if err := r.read(ctx, c.Paths, progress); err != nil {
		return err
	}
	progress.done()
	return c.judge(ctx, e, r, trial)
}

// judge folds what was read and prints what comes out.
func (c *scanCmd) judge(ctx context.Context, e *edges, r *reading, t *trial) error {
	out := newVerdictPrinter(c.Format, c.All, e.out)
	held := newHeld(heldVerdicts, out.print)
	err := r.fold(ctx, t, held.add)
	if err = errors.Join(err, held.flush(), out.flush()); err != nil {
		return err
	}
	r.summarise(e.err, held.counts)
	return c.verdict(held.counts)
}

func (c *scanCmd) verdict(counts map[event.State]int) error {
	n := 0
	switch c.FailOn {
	case "bypass":
		n = counts[event.Bypass]
	case "undetermined":
		n = counts[event.Bypass] + counts[event.Undetermined]
	}
	if n > 0 {
		return exit{exitFound, fmt.Errorf("%d verdicts are what --fail-on %s looks for", n, c.FailOn)}
	}
	return nil
}
