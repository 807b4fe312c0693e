package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/monitor"
	"sidedoor/stream"
)

type policyCmd struct {
	Show policyShowCmd `cmd:"" help:"Say which policy is in force: who loaded it, when, and from which files."`
	Log  policyLogCmd  `cmd:"" help:"List every load of a policy, and what each changed."`
	Diff policyDiffCmd `cmd:"" help:"Say what a policy would have judged differently, before it is loaded."`
}

type policyShowCmd struct {
	configFlag
	Format string `help:"How to print: ${enum}." enum:"text,json" default:"text"`
	Files  bool   `help:"List the files of the built-in pack, too (JSON always does)."`
}

// Help says what the one-line help cannot.
func (policyShowCmd) Help() string {
	return `The answer comes from the evidence: the record that the monitor made when it loaded the
policy, not the files as they are now. A commit that ends in -dirty was checked out, and the
folder held something else than it.

With --format json the record's body is one line.

  sidedoor policy show
  sidedoor policy show --format json | jq -r '.files[] | .digest + "  " + .path'`
}

func (c *policyShowCmd) Run(ctx context.Context, e *edges) error {
	var last *event.Policy
	err := c.ruleSets(ctx, func(p *event.Policy) error { last = p; return nil })
	if err != nil {
		return err
	}
	if last == nil {
		return errors.New("no policy was ever loaded here; sidedoor run loads one")
	}
	if c.Format == "json" {
		return json.NewEncoder(e.out).Encode(last)
	}
	c.print(e.out, last)
	return nil
}

func (c *policyShowCmd) print(w io.Writer, p *event.Policy) {
	fmt.Fprintf(w, "policy    %s\nloaded    %s by %s\n", p.Digest, when(p.Loaded), printable(orDash(p.By)))
	fmt.Fprintf(w, "commit    %s\nprogram   %s\n", printable(commitText(p)), printable(p.Version))
	fmt.Fprintf(w, "in force  %d rules, %d filters, %d controls, %d sources\n", len(p.Rules), len(p.Filters), len(p.Controls), len(p.Sources))
	for _, r := range p.Rejected {
		fmt.Fprintf(w, "rejected  %s\n          %s:%d: %s\n", printable(orDash(r.Name)), printable(r.File), r.Line, printable(r.Message))
	}
	pack := 0
	for _, f := range p.Files {
		if strings.HasPrefix(f.Path, packPrefix) && !c.Files {
			pack++
			continue
		}
		fmt.Fprintf(w, "file      %s  %s\n", f.Digest.Short(), printable(f.Path))
	}
	if pack > 0 {
		fmt.Fprintf(w, "          and %d of the built-in pack; --files lists them\n", pack)
	}
}

type policyLogCmd struct {
	configFlag
	Format string `help:"How to print: ${enum}." enum:"table,json" default:"table"`
}

// Help says what the one-line help cannot.
func (policyLogCmd) Help() string {
	return `Every start of the monitor and every reload is a record. The last column says what it
changed: + for what is new, ~ for what is another, - for what is gone.

With --format json each load is one line with loaded, by, commit, repository, version, digest,
rules (how many) and changes, the names behind the last column.

  sidedoor policy log
  sidedoor policy log --format json | jq 'select(.changes.estate)'`
}

// policyLine is one load as policy log prints it.
//
//	{"loaded":"2026-11-24T09:00:00Z","by":"root","digest":"…","rules":57,"changes":{"rules":{"added":["x"]}}}
type policyLine struct {
	Loaded     time.Time       `json:"loaded"`
	By         string          `json:"by,omitempty"`
	Commit     string          `json:"commit,omitempty"`
	Repository string          `json:"repository,omitempty"`
	Version    string          `json:"version"`
	Digest     event.Digest    `json:"digest"`
	Rules      int             `json:"rules"`
	Changes    *monitor.Change `json:"changes,omitempty"`
}

func (c *policyLogCmd) Run(ctx context.Context, e *edges) error {
	lines := json.NewEncoder(e.out)
	var old *event.Policy
	return c.ruleSets(ctx, func(p *event.Policy) error {
		line := policyLine{
			Loaded: p.Loaded, By: p.By, Commit: p.Commit, Repository: p.Repository,
			Version: p.Version, Digest: p.Digest, Rules: len(p.Rules),
		}
		if old != nil {
			change := monitor.Compare(*old, *p)
			line.Changes = &change
		} else if c.Format != "json" {
			fmt.Fprintf(e.out, "%-20s %-12s %-12s %-20s %5s  %s\n", "LOADED", "BY", "DIGEST", "COMMIT", "RULES", "CHANGED")
		}
		old = p
		if c.Format == "json" {
			return lines.Encode(line)
		}
		_, err := fmt.Fprintf(e.out, "%-20s %-12s %-12s %-20s %5d  %s\n", when(p.Loaded), printable(orDash(p.By)), p.Digest.Short(),
			printable(shortCommit(p.Commit)), len(p.Rules), changeText(line.Changes))
		return err
	})
}

// ruleSets calls f with every policy on record, the oldest first.
func (c configFlag) ruleSets(ctx context.Context, f func(*event.Policy) error) error {
	return c.attached(ctx, func(s *stream.Stream) error {
		return s.RuleSets(ctx, func(_ event.Record, p *event.Policy) error { return f(p) })
	})
}

func commitText(p *event.Policy) string {
	if p.Repository == "" {
		return orDash(p.Commit)
	}
	return p.Commit + " of " + p.Repository
}

// shortCommit leaves of each commit's name what tells it apart.
func shortCommit(commits string) string {
	const digits = 12
	parts := strings.Split(commits, ",")
	for i, c := range parts {
		name, mark, isDirty := strings.Cut(c, "-")
		parts[i] = name[:min(len(name), digits)]
		if isDirty {
			parts[i] += "-" + mark
		}
	}
	return orDash(strings.Join(parts, ","))
}

// changeText says in short what a load changed: rules +1 ~2, estate ~1.
func changeText(c *monitor.Change) string {
	if c == nil {
		return "the first on record"
	}
	var parts []string
	for _, p := range []struct {
		what string
		d    monitor.Difference
	}{{"rules", c.Rules}, {"filters", c.Filters}, {"controls", c.Controls}, {"estate", c.Estate}, {"sources", c.Sources}, {"files", c.Files}} {
		if p.d.None() {
			continue
		}
		text := p.what
		for _, n := range []struct {
			sign  string
			names []string
		}{{"+", p.d.Added}, {"~", p.d.Changed}, {"-", p.d.Removed}} {
			if len(n.names) > 0 {
				text += fmt.Sprintf(" %s%d", n.sign, len(n.names))
			}
		}
		parts = append(parts, text)
	}
	if n := len(c.Rejected); n > 0 {
		parts = append(parts, fmt.Sprintf("rejected %d", n))
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}
