package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"time"

	"sidedoor/audit"
	"sidedoor/event"
)

type auditCmd struct {
	Population auditPopulationCmd `cmd:"" help:"List everything that a control produced in a period."`
	Sample     auditSampleCmd     `cmd:"" help:"Draw a reproducible random sample, and record the draw."`
	Export     auditExportCmd     `cmd:"" help:"Draw a sample and write its evidence to a folder that verifies offline."`
}

// period chooses a population.
type period struct {
	configFlag
	Control string    `arg:"" help:"The control's ID."`
	From    time.Time `required:"" format:"2006-01-02" help:"First day, such as 2026-11-16 (UTC)." placeholder:"DATE"`
	To      time.Time `required:"" format:"2006-01-02" help:"First day that is no longer in the period." placeholder:"DATE"`
	Of      string    `help:"What the population is of: ${enum}." enum:"alerts,verdicts" default:"alerts"`
}

// bench is what an audit command works on: the sealed records.
type bench struct {
	*installation
	index *audit.Index
}

// atBench does work on the records as of now, and seals what it recorded.
func (p *period) atBench(ctx context.Context, work func(*bench) error) error {
	cfg, err := p.load()
	if err != nil {
		return err
	}
	in, err := openInstallation(ctx, cfg)
	if err != nil {
		return err
	}
	b, err := newBench(ctx, in)
	switch {
	case err != nil:
	case !knowsControl(in, p.Control):
		err = exit{exitUsage, fmt.Errorf("there is no control %q; sidedoor rules list shows them", p.Control)}
	default:
		err = work(b)
	}
	return errors.Join(err, in.close(ctx))
}

func newBench(ctx context.Context, in *installation) (*bench, error) {
	b := &bench{installation: in}
	return b, b.reindex(ctx)
}

// reindex reads all records that are stored now.
func (b *bench) reindex(ctx context.Context) error {
	b.index = audit.NewIndex()
	return b.stream.ReadRecords(ctx, 0, func(seq uint64, raw []byte) error { return b.index.Add(seq-1, raw) })
}

func knowsControl(in *installation, id string) bool {
	for _, c := range in.policy.Controls {
		if c.ID == id {
			return true
		}
	}
	return false
}

func (b *bench) population(p *period) audit.Population {
	return b.index.Population(p.Control, p.From, p.To, p.Of)
}

type auditPopulationCmd struct{ period }

func (c *auditPopulationCmd) Run(ctx context.Context, e *edges) error {
	return c.atBench(ctx, func(b *bench) error {
		enc := json.NewEncoder(e.out)
		enc.SetIndent("", "  ")
		return enc.Encode(b.population(&c.period))
	})
}

// draw chooses a sample.
type draw struct {
	Seed string `help:"The seed, best 20 digits from dice thrown after the population is known; default: drawn by this machine." placeholder:"DIGITS"`
	Size int    `help:"How many items." default:"25"`
	By   string `help:"Who draws." placeholder:"NAME"`
}

// sample draws and records the draw: every draw counts, also those that are
// abandoned.
func (b *bench) sample(ctx context.Context, p *period, d *draw) (audit.Population, event.Record, error) {
	pop := b.population(p)
	if d.Seed == "" {
		seed, err := newSeed()
		if err != nil {
			return pop, event.Record{}, err
		}
		d.Seed = seed
	}
	if d.By == "" {
		d.By = login()
	}
	rec := audit.SampleRecord(pop, d.Seed, d.Size, d.By, time.Now().UTC())
	_, err := b.stream.AppendRecord(ctx, rec)
	return pop, rec, err
}

// newSeed returns 20 random decimal digits.
func newSeed() (string, error) {
	n, err := rand.Int(rand.Reader, new(big.Int).Exp(big.NewInt(10), big.NewInt(20), nil))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%020d", n), nil
}

func printSample(w io.Writer, s *event.Sample) {
	fmt.Fprintf(w, "population  %d %s of %s, %s to %s, root %s\n", s.Count, s.Of, s.Control,
		s.From.Format(time.DateOnly), s.To.Format(time.DateOnly), s.Population)
	fmt.Fprintf(w, "seed        %s (recorded; anybody can draw again with it)\n", s.Seed)
	for i, id := range s.Items {
		fmt.Fprintf(w, "%4d  %s\n", i+1, id)
	}
}

type auditSampleCmd struct {
	period
	draw
}

func (c *auditSampleCmd) Run(ctx context.Context, e *edges) error {
	return c.atBench(ctx, func(b *bench) error {
		_, rec, err := b.sample(ctx, &c.period, &c.draw)
		if err != nil {
			return err
		}
		printSample(e.out, rec.Body.(*event.Sample))
		return nil
	})
}

type auditExportCmd struct {
	period
	draw
	Out string `required:"" help:"The folder to write; it must not exist." type:"path" placeholder:"DIR"`
}

func (c *auditExportCmd) Run(ctx context.Context, e *edges) error {
	if _, err := os.Stat(c.Out); err == nil {
		return exit{exitUsage, fmt.Errorf("%s exists; name a new folder", c.Out)}
	}
	return c.atBench(ctx, func(b *bench) error {
		s, err := b.export(ctx, &c.period, &c.draw, c.Out)
		if err != nil {
			return err
		}
		printSample(e.out, s)
		fmt.Fprintf(e.out, "written to %s; check it with: sidedoor verify %s\n", c.Out, c.Out)
		return nil
	})
}
