package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/stream"
)

type backfillCmd struct {
	configFlag
	Source string `arg:"" help:"The source's name in the configuration."`
	From   moment `required:"" help:"Since when, such as 2026-11-16 or 2026-11-16T09:00Z (UTC)." placeholder:"TIME"`
	To     moment `required:"" help:"Until when, likewise, and without it." placeholder:"TIME"`
}

// Help says what the one-line help cannot.
func (backfillCmd) Help() string {
	return `Fetches what a source has of a period of the past, and stores what was not stored before: after the
monitor was down, for a gap that sidedoor sources shows, or for the time before it was set up.

It works through the monitor if one is running, which goes on with what arrives meanwhile, and
without one; then the events are judged when the monitor is started. Ctrl-C ends it, and the same
command goes on where it was. Doing it twice stores nothing twice.

Of CloudTrail the log files are read that were delivered in the period and up to two hours after it,
whole, and then the digest files of the period are checked, if the configuration does not say
otherwise: signature, chain, and the hash of every log file that they name.

  sidedoor backfill trail --from 2026-11-16T09:00Z --to 2026-11-16T12:00Z
  sidedoor backfill trail --from 2026-11-01 --to 2026-12-01`
}

// moment is a time in UTC: a day, or with hours and minutes and perhaps seconds.
type moment struct{ time.Time }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (m *moment) UnmarshalText(text []byte) error {
	for _, form := range []string{time.DateOnly, "2006-01-02T15:04Z07:00", time.RFC3339} {
		if t, err := time.Parse(form, string(text)); err == nil {
			m.Time = t.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is no time; write 2026-11-16 or 2026-11-16T09:00Z", text)
}

func (c *backfillCmd) Run(ctx context.Context, e *edges) error {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	p := ingest.Period{From: c.From.Time, To: c.To.Time}
	if !p.From.Before(p.To) {
		return exit{exitUsage, fmt.Errorf("--from %s is not before --to %s", stamp(p.From), stamp(p.To))}
	}
	cfg, err := c.load()
	if err != nil {
		return err
	}
	src, kind, err := cfg.backfiller(c.Source)
	if err != nil {
		return err
	}
	return c.attached(ctx, func(s *stream.Stream) error {
		return c.backfill(ctx, e, s, src, kind, p)
	})
}

// backfiller finds a source by its name, and says why it has no past.
func (c *config) backfiller(name string) (ingest.Source, ingest.Backfiller, error) {
	var names []string
	for i := range c.Sources {
		s := &c.Sources[i]
		names = append(names, s.Name)
		if s.Name != name {
			continue
		}
		kind, _ := s.kind()
		b, ok := kind.(ingest.Backfiller)
		if !ok {
			return ingest.Source{}, nil, exit{exitUsage, fmt.Errorf("source %s: its kind sends what happens and cannot be asked for the past", name)}
		}
		return s.source(), b, nil
	}
	return ingest.Source{}, nil, exit{exitUsage, fmt.Errorf("there is no source %q; the configuration has %s", name, strings.Join(names, ", "))}
}

func (c *backfillCmd) backfill(ctx context.Context, e *edges, s *stream.Stream, src ingest.Source, kind ingest.Backfiller, p ingest.Period) error {
	sink := &proofSink{Sink: s}
	in := ingest.Intake{
		Source: src, Sink: sink, Bookmarks: s,
		Coverage: ingest.NewCoverage(src, s, time.Now), // which nobody states: the past says nothing of now
		Metrics:  ingest.NewMetrics(prometheus.NewRegistry()), Now: time.Now,
		Log: slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	shown := newProgress(e.err)
	var last ingest.Progress
	err := kind.Backfill(ctx, in, p, func(now ingest.Progress) {
		last = now
		shown.step(now.At, now.Done, now.Total)
	})
	shown.done()
	if ctx.Err() != nil {
		return fmt.Errorf("stopped after %d of %d; what was read is stored, and this goes on from there:\n  sidedoor backfill %s --from %s --to %s",
			last.Done, last.Total, src.Name, stamp(p.From), stamp(p.To))
	}
	if err != nil {
		return fmt.Errorf("source %s: %w\nwhat was read is stored; the same command goes on from there", src.Name, err)
	}
	fmt.Fprintf(e.out, "%s from %s to %s: %d files read, %d events stored that were not before\n", src.Name, stamp(p.From), stamp(p.To), last.Done, last.Events)
	sink.print(e.out)
	if s.Owner() {
		fmt.Fprintln(e.err, "no monitor is running on this data folder: the events are judged when it is started")
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// proofSink remembers what was proven on the way.
type proofSink struct {
	ingest.Sink

	mu     sync.Mutex
	proofs []event.Proof // those that are not complete, up to maxProofs
	by     map[event.Completeness]int
}

// maxProofs bounds the proofs that are printed.
const maxProofs = 100

// PublishProof implements [ingest.Sink].
func (s *proofSink) PublishProof(ctx context.Context, p event.Proof) error {
	err := s.Sink.PublishProof(ctx, p)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by == nil {
		s.by = map[event.Completeness]int{}
	}
	s.by[p.Verdict]++
	if p.Verdict != event.Complete && len(s.proofs) < maxProofs {
		s.proofs = append(s.proofs, p)
	}
	return nil
}

// PublishMark implements [ingest.Sink].
func (s *proofSink) PublishMark(context.Context, event.Mark) error {
	return errors.New("a back-fill says nothing of how complete a source is now")
}

func (s *proofSink) print(w io.Writer) {
	if len(s.by) == 0 {
		return
	}
	fmt.Fprintf(w, "proofs: %d complete, %d missing something, %d altered\n", s.by[event.Complete], s.by[event.Missing], s.by[event.Altered])
	for _, p := range s.proofs {
		fmt.Fprintf(w, "  %-8s %s to %s  %s\n", p.Verdict, stamp(p.From), stamp(p.To), printable(p.Part))
		for _, f := range p.Faults {
			fmt.Fprintf(w, "           %s\n", printable(f))
		}
	}
}
