package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"time"

	"sidedoor"
	"sidedoor/internal/demo"
	"sidedoor/review"
)

type demoCmd struct {
	Once bool   `help:"End when the week is told, instead of going on serving."`
	Dir  string `help:"Where to put the demo; what an earlier demo left there is replaced." default:"demo-data"`
}

// Help says what the one-line help cannot.
func (demoCmd) Help() string {
	return `Plays a working week of a small company, some two thousand events of all sources, through
the real pipeline: webhooks over loopback, a watched CloudTrail folder, embedded JetStream,
the built-in rules, alerts to a receiver on this machine. Then the control owner reviews
and signs the week, and the auditor draws a sample, takes it home and verifies it.

Everything stays in the folder, with a sidedoor.yaml: every other command works on it.`
}

// demonstration is a demo that is being played.
type demonstration struct {
	dir      string
	cfg      *config
	scenario *demo.Scenario
	secrets  map[string]string
	out      io.Writer
	pipeline *pipeline
	told     *toldLog
	clock    atomic.Int64 // the story's, Unix microseconds
}

func (c *demoCmd) Run(ctx context.Context, e *edges) (err error) {
	scenario, err := loadScenario(time.Now())
	if err != nil {
		return err
	}
	d := &demonstration{dir: c.Dir, scenario: scenario, out: e.out, told: &toldLog{}}
	begin, _ := scenario.Period()
	d.clock.Store(begin.UnixMicro())

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	receiver, err := d.prepare(ctx)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	received := make(chan error, 1)
	go func() { received <- receiver.Run(context.WithoutCancel(ctx)) }()

	policy, err := loadPolicy(d.cfg.Policy)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: slog.LevelError}))
	if d.pipeline, err = startPipeline(ctx, d.cfg, policy, log, d.now); err != nil {
		return err
	}
	stopped := false
	defer func() {
		if !stopped {
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
			defer cancel()
			err = errors.Join(err, d.pipeline.stop(stop))
		}
	}()
	if err := d.tell(ctx); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if c.Once {
		return nil
	}
	fmt.Fprintf(d.out, "\nStill watching on http://%s. Ctrl-C ends it.\n", d.pipeline.addr)
	stopped = true
	return d.pipeline.wait(ctx)
}

// loadScenario loads the week, or last week if the clock has not got that far.
func loadScenario(now time.Time) (*demo.Scenario, error) {
	s, err := demo.Load(sidedoor.Week())
	if err != nil {
		return nil, err
	}
	if _, end := s.Period(); weekEnd(end).After(now) {
		return demo.LoadWeek(sidedoor.Week(), weekEnd(now).AddDate(0, 0, -14))
	}
	return s, nil
}

// weekEnd is the Monday after t, 00:00 UTC.
func weekEnd(t time.Time) time.Time {
	t = t.UTC()
	days := (8 - int(t.Weekday())) % 7
	if days == 0 {
		days = 7
	}
	return time.Date(t.Year(), t.Month(), t.Day()+days, 0, 0, 0, 0, time.UTC)
}

// now is the story's clock, by which deliveries are dated as they arrive.
func (d *demonstration) now() time.Time { return time.UnixMicro(d.clock.Load()).UTC() }

// tell plays the week and everything that comes after it.
func (d *demonstration) tell(ctx context.Context) error {
	if err := d.play(ctx); err != nil {
		return err
	}
	if err := d.verdicts(ctx); err != nil {
		return err
	}
	if err := d.account(ctx); err != nil {
		return err
	}
	if err := d.review(ctx); err != nil {
		return err
	}
	if err := d.audit(ctx); err != nil {
		return err
	}
	d.closing()
	return nil
}

func (d *demonstration) chapter(format string, args ...any) {
	fmt.Fprintf(d.out, "\n\033[1m%s\033[0m\n", fmt.Sprintf(format, args...))
}

func (d *demonstration) closing() {
	config := filepath.Join(d.dir, "sidedoor.yaml")
	begin, _ := d.scenario.Period()
	week := review.WeekOf(begin)
	d.chapter("Where everything is")
	fmt.Fprintf(d.out, `  %s
    sidedoor.yaml  the configuration; policy/ the company's people, lists and owners
    data/ledger/   the evidence: sidedoor verify %s
    sample/        what the auditor took home: open sample/index.html
  Look around:
    sidedoor review list --config %s
    sidedoor review show --config %s ALERT
    sidedoor explain --config %s ALERT
    sidedoor audit population --config %s CHG-01 --from %s --to %s
`, d.dir, filepath.Join(d.dir, "data"), config, config, config, config, week.Start().Format(time.DateOnly), week.End().Format(time.DateOnly))
}
