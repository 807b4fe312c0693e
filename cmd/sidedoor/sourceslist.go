package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/manifest"
	"sidedoor/rules/sigma"
	"sidedoor/stream"
)

type sourcesCmd struct {
	List sourcesListCmd `cmd:"" default:"withargs" help:"Show every source at a glance."`
	Show sourcesShowCmd `cmd:"" help:"Show one source: the hours that are not complete, what was missing, and its gaps."`
}

// Help says what the one-line help cannot; it is that of sources list, too.
func (sourcesCmd) Help() string {
	return sourcesListCmd{}.Help() + `
  sidedoor sources show trail               # what is wrong with one of them`
}

type sourcesListCmd struct {
	configFlag
	Hours  int    `help:"Show a character for each of the last hours, too." placeholder:"N"`
	Format string `help:"How to print: ${enum}." enum:"table,json" default:"table"`
	FailOn string `help:"Exit with 3 if an hour of the last 7 days is as bad as this, or worse: ${enum}." enum:"none,behind,silent,missing,altered" default:"none"`
}

// Help says what the one-line help cannot.
func (sourcesListCmd) Help() string {
	return `How do we know that we saw everything? For each source and hour the monitor keeps a record
of what arrived, and of how that compares with what the source itself says. This command sums up
the last seven days, whether the monitor is running or not; the hours are UTC.

An hour is

  complete   the source's own proof covers it and agrees
  covered    the source was heard beyond it, and has no proof of the whole of it
  behind     the source is not known to be complete up to its end, or no monitor ran when
             something of it may have been sent to one
  silent     it lies in a gap, and nothing was recovered of it since
  missing    its own proof names something that did not arrive
  altered    what arrived is not what its own proof says

Its columns: THROUGH is up to when the source is complete as far as it was heard; AGAIN, what
arrived again and changed nothing; DEAD, what could not be read (sidedoor dead lists it); GAPS,
how often it was silent for longer than it ever is, and RECOVERED, how many events of these
gaps arrived later; WORST, the worst hour that is over for long enough to be judged.

  sidedoor sources
  sidedoor sources --hours 72
  sidedoor sources --fail-on missing        # in a nightly job
  sidedoor sources --format json | jq -r 'select(.worst == "missing") | .source'`
}

// glance is one source as sources prints it.
//
//	{"source":"trail","product":"aws","service":"cloudtrail","state":"live","through":"2026-11-16T09:45:00Z",
//	 "today":412,"last_24_hours":1022,"again":3,"dead":0,"gaps":1,"open_gaps":0,"recovered":12,"worst":"covered",
//	 "hours":{"complete":160,"covered":7}}
type glance struct {
	Source     string                     `json:"source"`
	Product    string                     `json:"product,omitempty"`
	Service    string                     `json:"service,omitempty"`
	State      string                     `json:"state"` // live, silent, never heard, no longer watched
	SilentFrom time.Time                  `json:"silent_from,omitzero"`
	Through    time.Time                  `json:"through,omitzero"`
	Heard      time.Time                  `json:"heard,omitzero"`
	Today      int                        `json:"today"` // events since midnight UTC
	Day        int                        `json:"last_24_hours"`
	Again      int                        `json:"again"`
	Reused     int                        `json:"reused"`
	Dead       int                        `json:"dead"`
	Gaps       int                        `json:"gaps"`
	OpenGaps   int                        `json:"open_gaps"` // of which nothing was recovered
	Recovered  int                        `json:"recovered"`
	Worst      event.Completeness         `json:"worst,omitempty"`
	Hours      map[event.Completeness]int `json:"hours,omitempty"` // that are over for long enough
	// Outages are when no monitor ran, so that something may be lost.
	Outages []event.Outage `json:"outages,omitempty"`
	Row     string         `json:"row,omitempty"` // of --hours
}

const glanceDays = 7

func (c *sourcesListCmd) Run(ctx context.Context, e *edges) error {
	now := time.Now().UTC()
	if c.Hours < 0 || c.Hours > maxRow {
		return exit{exitUsage, fmt.Errorf("--hours %d is not between 1 and %d", c.Hours, maxRow)}
	}
	since := now.AddDate(0, 0, -glanceDays)
	if first := now.Add(-time.Duration(c.Hours) * time.Hour); first.Before(since) {
		since = first
	}
	views, err := c.views(ctx, e, "", now, since)
	if err != nil {
		return err
	}
	var all []glance
	for _, v := range views {
		g := glanceOf(v, now)
		if c.Hours > 0 {
			g.Row = row(v, now, c.Hours)
		}
		all = append(all, g)
	}
	if err := c.print(e.out, all, now); err != nil {
		return err
	}
	return c.fail(all)
}

// views works out what is known of the sources, through the monitor if one is
// running.
func (c configFlag) views(ctx context.Context, e *edges, only string, now, since time.Time) (views []manifest.View, err error) {
	cfg, err := c.load()
	if err != nil {
		return nil, err
	}
	err = c.attached(ctx, func(s *stream.Stream) error {
		if s.Owner() {
			fmt.Fprintln(e.err, "no monitor is running here: nothing is heard now")
		}
		k := &manifest.Keeper{
			Stream: s, Sources: cfg.accounted(), Now: func() time.Time { return now }, Truncated: truncated, Log: slog.New(slog.DiscardHandler),
		}
		views, err = k.Views(ctx, only, since)
		return err
	})
	if err == nil && only != "" && len(views) == 0 {
		var names []string
		for _, s := range cfg.accounted() {
			names = append(names, s.Name)
		}
		return nil, exit{exitUsage, fmt.Errorf("there is no source %q%s; sidedoor sources lists them", only, sigma.Suggest(only, names))}
	}
	return views, err
}

func glanceOf(v manifest.View, now time.Time) glance {
	g := glance{
		Source: v.Name, Product: v.Product, Service: v.Service, State: state(v), SilentFrom: v.SilentFrom,
		Through: v.Through, Heard: v.Heard, Hours: map[event.Completeness]int{},
		Outages: outagesOf(v, now.AddDate(0, 0, -glanceDays)),
	}
	for _, m := range v.Hours {
		if !m.Hour.End().After(now.AddDate(0, 0, -glanceDays)) {
			continue
		}
		if !m.Hour.Begin().Before(now.Truncate(24 * time.Hour)) {
			g.Today += m.Events
		}
		if m.Hour.End().After(now.Add(-24 * time.Hour)) {
			g.Day += m.Events
		}
		g.Again, g.Reused = g.Again+m.Repeats, g.Reused+m.Reused
		for _, n := range m.Dead {
			g.Dead += n
		}
		if countable(v, m, now) {
			g.Hours[m.Completeness]++
			if g.Worst == "" || m.Completeness.Worse(g.Worst) {
				g.Worst = m.Completeness
			}
		}
	}
	for _, gap := range v.Gaps {
		if !gap.To.After(now.AddDate(0, 0, -glanceDays)) {
			continue
		}
		g.Gaps++
		g.Recovered += gap.Recovered
		if gap.Recovered == 0 {
			g.OpenGaps++
		}
	}
	return g
}

// countable says whether an hour counts: one that is just over is behind by nature.
func countable(v manifest.View, m event.Manifest, now time.Time) bool {
	if m.Hour.End().After(now) || !v.Configured {
		return false
	}
	return m.Completeness != event.Behind || v.Settled(m.Hour, now)
}

func state(v manifest.View) string {
	switch {
	case !v.Configured:
		return "no longer watched"
	case !v.SilentFrom.IsZero():
		return "silent"
	case v.First == "":
		return "never heard"
	}
	return "live"
}

func (c *sourcesListCmd) print(w io.Writer, all []glance, now time.Time) error {
	if c.Format == "json" {
		lines := json.NewEncoder(w)
		for _, g := range all {
			if err := lines.Encode(g); err != nil {
				return err
			}
		}
		return nil
	}
	if err := printGlances(w, all); err != nil {
		return err
	}
	if c.Hours > 0 {
		printRows(w, all, now, c.Hours)
	}
	return nil
}

func printGlances(w io.Writer, all []glance) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SOURCE\tKIND\tSTATE\tTHROUGH\tTODAY\t24 H\tAGAIN\tDEAD\tGAPS\tRECOVERED\tWORST")
	for _, g := range all {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%d\t%s\t%d\t%s\n", printable(g.Source), printable(kindText(g.Product, g.Service)), g.stateText(),
			when(g.Through), g.Today, g.Day, g.Again, g.Dead, gapsText(g), g.Recovered, orDash(string(g.Worst)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	printOutages(w, all)
	return nil
}

func (g glance) stateText() string {
	if g.State == "silent" {
		return "silent since " + when(g.SilentFrom)
	}
	return g.State
}

func kindText(product, service string) string {
	if product == "" && service == "" {
		return "-"
	}
	return product + "/" + service
}

func gapsText(g glance) string {
	if g.OpenGaps == 0 {
		return fmt.Sprint(g.Gaps)
	}
	return fmt.Sprintf("%d, %d open", g.Gaps, g.OpenGaps)
}

// fail ends with an exit code of its own if an hour is as bad as is looked for.
func (c *sourcesListCmd) fail(all []glance) error {
	looked := event.Completeness(c.FailOn)
	if c.FailOn == "none" {
		return nil
	}
	n := 0
	for _, g := range all {
		for is, hours := range g.Hours {
			if !looked.Worse(is) {
				n += hours
			}
		}
	}
	if n > 0 {
		return exit{exitFound, fmt.Errorf("%d hours are what --fail-on %s looks for; sidedoor sources show says more", n, c.FailOn)}
	}
	return nil
}
