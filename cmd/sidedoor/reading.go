package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/judge"
	"sidedoor/rules/judge/offline"
)

const (
	// heldVerdicts bounds what a fold keeps in memory of acts that may still be
	// revised.
	heldVerdicts = 8_000
	// heldContributions bounds the events held for correlations. Events come in
	// order here, so only those within a timespan matter.
	heldContributions = 20_000
	// memoryLimit makes the garbage collector work harder rather than let a scan
	// grow beyond 200 MB, whatever the size of its input.
	memoryLimit = 128 << 20
)

// reading is events that are judged offline, by one policy or by several: what
// was seen of each source, and what each policy found in it.
type reading struct {
	scopes  map[string]string // by source
	trials  []*trial
	dir     string // where matches are sorted
	ends    map[string]time.Time
	sources map[string]rules.SourceInfo
	events  map[string]int
	total   int
	unread  *unread
}

// trial is a policy that is tried on a reading, with its matches.
type trial struct {
	policy  *rules.Policy
	matcher *rules.Matcher
	sorter  *offline.Sorter
}

// newReading makes a reading that sorts in a folder of its own below tmp; close it.
func newReading(tmp string, scopes map[string]string) (*reading, error) {
	dir, err := os.MkdirTemp(tmp, "sidedoor-scan-")
	if err != nil {
		return nil, fmt.Errorf("scan: a folder to sort in: %w", err)
	}
	return &reading{
		scopes: scopes, dir: dir, ends: map[string]time.Time{}, sources: map[string]rules.SourceInfo{},
		events: map[string]int{}, unread: newUnread(),
	}, nil
}

// try has the policy match what is read from now on.
func (r *reading) try(policy *rules.Policy, matcher *rules.Matcher) *trial {
	t := &trial{policy: policy, matcher: matcher, sorter: offline.NewSorter(r.dir, 0)}
	r.trials = append(r.trials, t)
	return t
}

func (r *reading) close() error {
	var errs []error
	for _, t := range r.trials {
		errs = append(errs, t.sorter.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(r.dir))...)
}

// read reads log files and folders of them.
func (r *reading) read(ctx context.Context, paths []string, p *progress) error {
	if err := readLogs(ctx, paths, r.scopes, p, r.take, r.unread.add); err != nil {
		return fmt.Errorf("scan: %w", err)
	}
	return nil
}

// take has every policy match a batch.
func (r *reading) take(b event.Batch) error {
	if len(b.Events) > 0 {
		r.sources[b.Source] = rules.SourceInfo{Name: b.Source, Product: b.Product, Service: b.Service}
	}
	for _, e := range b.Events {
		r.total++
		r.events[b.Source]++
		if e.Occurred.After(r.ends[b.Source]) {
			r.ends[b.Source] = e.Occurred
		}
	}
	for i, t := range r.trials {
		matches, dead := t.matcher.Match(b)
		for _, m := range matches {
			if err := t.sorter.Add(m); err != nil {
				return fmt.Errorf("scan: %w", err)
			}
		}
		for _, d := range dead {
			if i == 0 { // to every policy the same events are unreadable
				r.unread.add(logfile.Bad{File: d.Origin, Index: d.Index, Reason: d.Reason})
			}
		}
	}
	return nil
}

// fold judges what a policy found, and emits each revision of each verdict. It may
// be called more than once.
func (r *reading) fold(ctx context.Context, t *trial, emit func(*event.Verdict) error) error {
	sources := make([]rules.SourceInfo, 0, len(r.sources))
	for _, info := range r.sources {
		sources = append(sources, info)
	}
	slices.SortFunc(sources, func(a, b rules.SourceInfo) int { return compareStrings(a.Name, b.Name) })
	return t.sorter.Run(ctx, offline.Config{
		Judge:  judge.Config{MaxHeld: heldVerdicts, MaxContributions: heldContributions},
		Policy: t.policy.Announce(time.Time{}, version, sources),
		Ends:   r.ends,
	}, func(rec event.Record) error {
		if v, ok := rec.Body.(*event.Verdict); ok {
			return emit(v)
		}
		return nil
	})
}
