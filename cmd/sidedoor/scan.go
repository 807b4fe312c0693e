package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/judge"
	"sidedoor/rules/judge/offline"
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

const (
	// heldVerdicts bounds what a scan keeps in memory of acts that may still be
	// revised.
	heldVerdicts = 8_000
	// heldContributions bounds the events held for correlations. Events come in
	// order here, so only those within a timespan matter.
	heldContributions = 20_000
	// memoryLimit makes the garbage collector work harder rather than let a scan
	// grow beyond 200 MB, whatever the size of its input.
	memoryLimit = 128 << 20
)

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
	s := &scan{matcher: matcher, scopes: c.Scope, ends: map[string]time.Time{}, sources: map[string]rules.SourceInfo{}, unread: newUnread()}
	dir, err := os.MkdirTemp(c.Tmp, "sidedoor-scan-")
	if err != nil {
		return fmt.Errorf("scan: a folder to sort in: %w", err)
	}
	s.sorter = offline.NewSorter(dir, 0)
	defer func() { err = errors.Join(err, s.sorter.Close(), os.RemoveAll(dir)) }()

	progress := newProgress(e.err)
	if err := s.read(ctx, c.Paths, progress); err != nil {
		return err
	}
	progress.done()
	return c.judge(ctx, e, policy, s)
}

// judge runs the fold over the sorted matches and prints what comes out.
func (c *scanCmd) judge(ctx context.Context, e *edges, policy *rules.Policy, s *scan) error {
	sources := make([]rules.SourceInfo, 0, len(s.sources))
	for _, info := range s.sources {
		sources = append(sources, info)
	}
	slices.SortFunc(sources, func(a, b rules.SourceInfo) int { return compareStrings(a.Name, b.Name) })
	out := newVerdictPrinter(c.Format, c.All, e.out)
	held := newHeld(heldVerdicts, out.print)
	err := s.sorter.Run(ctx, offline.Config{
		Judge:  judge.Config{MaxHeld: heldVerdicts, MaxContributions: heldContributions},
		Policy: policy.Announce(time.Time{}, version, sources),
		Ends:   s.ends,
	}, func(r event.Record) error {
		if v, ok := r.Body.(*event.Verdict); ok {
			return held.add(v)
		}
		return nil
	})
	if err = errors.Join(err, held.flush(), out.flush()); err != nil {
		return err
	}
	s.summarise(e.err, held.counts)
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

// scan is the state of reading: what was seen of each source, and the matches
// in it.
type scan struct {
	matcher *rules.Matcher
	scopes  map[string]string // by source
	sorter  *offline.Sorter
	ends    map[string]time.Time
	sources map[string]rules.SourceInfo
	events  map[string]int
	total   int
	unread  *unread
}

func (s *scan) read(ctx context.Context, paths []string, p *progress) error {
	s.events = map[string]int{}
	if err := readLogs(ctx, paths, s.scopes, p, s.match, s.unread.add); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// match matches a batch, and keeps what was seen of its source.
func (s *scan) match(b event.Batch) error {
	s.total += len(b.Events)
	s.events[b.Source] += len(b.Events)
	s.sources[b.Source] = rules.SourceInfo{Name: b.Source, Product: b.Product, Service: b.Service}
	for _, e := range b.Events {
		if e.Occurred.After(s.ends[b.Source]) {
			s.ends[b.Source] = e.Occurred
		}
	}
	matches, dead := s.matcher.Match(b)
	for _, m := range matches {
		if err := s.sorter.Add(m); err != nil {
			return err
		}
	}
	for _, d := range dead {
		s.unread.add(logfile.Bad{File: d.Origin, Index: d.Index, Reason: d.Reason})
	}
	return nil
}
