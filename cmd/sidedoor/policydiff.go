package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
	"sidedoor/stream"
)

type policyDiffCmd struct {
	New     string            `arg:"" name:"new" help:"The policy to try: a folder of rules, controls and estate, or a single file, laid over the built-in pack."`
	Logs    []string          `arg:"" optional:"" name:"logs" help:"Log files and folders of them, as sidedoor scan takes them."`
	With    []string          `help:"More folders and files to lay over NEW." placeholder:"DIR"`
	Against []string          `help:"The policy to compare with, likewise; without it the built-in pack alone, or the installation's policy." placeholder:"DIR"`
	Days    int               `help:"Judge the events of the installation's last days instead of log files." placeholder:"N"`
	Config  string            `short:"c" help:"The installation's configuration, for --days." default:"sidedoor.yaml" type:"path" env:"SIDEDOOR_CONFIG"`
	Format  string            `help:"How to print: ${enum}." enum:"table,json" default:"table"`
	FailOn  string            `help:"Exit with 3 if verdicts are gained, lost, changed, or any of these: ${enum}." enum:"none,gained,lost,changed,any" default:"none"`
	Scope   map[string]string `help:"What a source's logs are of, where they do not say: kubernetes=prod-eu." placeholder:"SOURCE=SCOPE"`
	Grace   time.Duration     `help:"How long after an act its approval may still arrive, for rules that do not say; of an installation, what its configuration says." default:"5m"`
	Tmp     string            `help:"Where to sort what does not fit into memory." placeholder:"DIR"`
}

// Help says what the one-line help cannot.
func (policyDiffCmd) Help() string {
	return `Judges the same events by two policies, and says what becomes of each act by the new one:

  gained (+)   an act that only the new policy judges
  lost (-)     an act that only the old one judges
  changed (~)  another state, another reason of the decisive approval, another level or control

With --days the events are those that the installation has received, through the running monitor
or without one, and the old policy is the one that its configuration names. What was approved
before those days is not known, to either of the policies.

With --format json each act is one line with change, rule, actor, resource, time, source, event_id,
and before and after (verdict, why, level, control, reason); the last line has gained, lost,
changed, same and events.

  sidedoor policy diff ./policy ./logs                        # against the built-in pack
  sidedoor policy diff ./new --against ./policy ./logs
  sidedoor policy diff ./new --days 7 --config sidedoor.yaml
  sidedoor policy diff ./new --days 7 --fail-on lost          # in the pipeline of the policy`
}

func (c *policyDiffCmd) Run(ctx context.Context, e *edges) (err error) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	if (c.Days > 0) == (len(c.Logs) > 0) {
		return exit{exitUsage, errors.New("name either log files, or --days of an installation")}
	}
	r, err := newReading(c.Tmp, c.Scope)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	progress := newProgress(e.err)
	d := &policyDiff{reading: r, progress: progress}
	if c.Days > 0 {
		err = c.ofInstallation(ctx, e, d)
	} else if err = c.policies(d, c.Against, rules.Defaults{Grace: c.Grace}); err == nil {
		err = r.read(ctx, c.Logs, progress)
	}
	if err != nil {
		return err
	}
	if err := d.compare(ctx); err != nil {
		return err
	}
	progress.done()
	if err := d.print(e.out, c.Format); err != nil {
		return err
	}
	if c.Format != "json" {
		fmt.Fprintf(e.err, "\n%d events, %d that could not be read\n", r.total, r.unread.total)
		r.unread.text(e.err)
	}
	return c.verdict(d)
}

// policies loads both. The new one has to be without faults; of the old one its
// sound rules are in force.
func (c *policyDiffCmd) policies(d *policyDiff, against []string, defaults rules.Defaults) error {
	old, err := namedPolicy(against)
	if old == nil {
		return err
	}
	matcher, _ := old.Compile(defaults)
	d.old = d.reading.try(old, matcher)
	fresh, err := namedPolicy(append([]string{c.New}, c.With...))
	if err != nil {
		return err
	}
	matcher, faults := fresh.Compile(defaults)
	if err := faults.Err(); err != nil {
		return err
	}
	d.fresh = d.reading.try(fresh, matcher)
	return nil
}

// ofInstallation reads the events of the last days.
func (c *policyDiffCmd) ofInstallation(ctx context.Context, e *edges, d *policyDiff) (err error) {
	cfg, err := loadConfig(c.Config)
	if err != nil {
		return err
	}
	against := c.Against
	if len(against) == 0 {
		against = cfg.Policy
	}
	if err := c.policies(d, against, cfg.ruleDefaults()); err != nil {
		return err
	}
	s, err := stream.Attach(ctx, cfg.stream())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	if len(c.Against) == 0 {
		if err := warnIfOther(ctx, s, d.old.policy, e.err); err != nil {
			return err
		}
	}
	since := time.Now().Add(-time.Duration(c.Days) * 24 * time.Hour)
	err = s.Batches(ctx, since, func(b event.Batch, done, total uint64) error {
		d.progress.step("batches", int(done), int(total))
		return d.reading.take(b)
	})
	if err != nil {
		return err
	}
	return d.reading.complete(ctx, s)
}

// complete takes the sources' own word for up to when they are complete: after
// the last event of a quiet one nothing more may have happened.
func (r *reading) complete(ctx context.Context, s *stream.Stream) error {
	for name := range r.sources {
		m, err := s.LastMark(ctx, name)
		if errors.Is(err, stream.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if m.Through.After(r.ends[name]) {
			r.ends[name] = m.Through
		}
	}
	return nil
}

// warnIfOther says so if the policy in force was loaded from other files than
// there are now: then it is not what is compared with.
func warnIfOther(ctx context.Context, s *stream.Stream, policy *rules.Policy, w io.Writer) error {
	var last *event.Policy
	if err := s.RuleSets(ctx, func(_ event.Record, p *event.Policy) error { last = p; return nil }); err != nil {
		return err
	}
	if last != nil && last.Digest != policy.Digest {
		fmt.Fprintf(w, "note: the policy in force, %s of %s, is another than its files are now, which are compared with\n",
			last.Digest.Short(), when(last.Loaded))
	}
	return nil
}

func (c *policyDiffCmd) verdict(d *policyDiff) error {
	n := map[string]int{
		"gained": d.total.Gained, "lost": d.total.Lost, "changed": d.total.Changed,
		"any": d.total.Gained + d.total.Lost + d.total.Changed,
	}[c.FailOn]
	if n > 0 {
		return exit{exitFound, fmt.Errorf("%d verdicts are what --fail-on %s looks for", n, c.FailOn)}
	}
	return nil
}
