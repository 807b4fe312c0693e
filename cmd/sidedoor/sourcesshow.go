package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/manifest"
)

type sourcesShowCmd struct {
	configFlag
	Name   string `arg:"" help:"The source."`
	Days   int    `help:"How many days back." default:"7"`
	All    bool   `help:"List every hour, those that are complete or covered, too."`
	Format string `help:"How to print: ${enum}." enum:"text,json" default:"text"`
}

// Help says what the one-line help cannot.
func (sourcesShowCmd) Help() string {
	return `Lists the hours of a source that are neither complete nor covered, and those in which ids
were reused or something could not be read; below each, what its own proof names as missing or
altered, and which of its parts (an account and region, a hook) have stopped proving. Then its gaps,
with how much of each was recovered.

With --format json each hour is a line with its manifest, and then each gap.

  sidedoor sources show trail
  sidedoor sources show trail --days 30 --all
  sidedoor sources show trail --all --format json | jq -r 'select(.completeness == "missing") | .hour'`
}

const maxShowDays = 400

func (c *sourcesShowCmd) Run(ctx context.Context, e *edges) error {
	if c.Days < 1 || c.Days > maxShowDays {
		return exit{exitUsage, fmt.Errorf("--days %d is not between 1 and %d", c.Days, maxShowDays)}
	}
	now := time.Now().UTC()
	views, err := c.views(ctx, e, c.Name, now, now.AddDate(0, 0, -c.Days))
	if err != nil {
		return err
	}
	v := views[0]
	var shown []event.Manifest
	for _, m := range v.Hours {
		if c.All || remarkable(v, m, now) {
			shown = append(shown, m)
		}
	}
	if c.Format == "json" {
		return c.json(e.out, shown, v.Gaps)
	}
	c.print(e.out, v, shown, now)
	return nil
}

func (c *sourcesShowCmd) json(w io.Writer, hours []event.Manifest, gaps []event.Gap) error {
	lines := json.NewEncoder(w)
	for _, m := range hours {
		if err := lines.Encode(m); err != nil {
			return err
		}
	}
	for _, g := range gaps {
		if err := lines.Encode(g); err != nil {
			return err
		}
	}
	return nil
}

// remarkable says whether somebody should look at an hour.
func remarkable(v manifest.View, m event.Manifest, now time.Time) bool {
	good := m.Completeness == event.Complete || m.Completeness == event.Covered
	return countable(v, m, now) && !good || m.Reused > 0 || len(m.Dead) > 0 || len(m.Unproved) > 0 && countable(v, m, now)
}

func (c *sourcesShowCmd) print(w io.Writer, v manifest.View, shown []event.Manifest, now time.Time) {
	g := glanceOf(v, now)
	fmt.Fprintf(w, "%s  %s\n", printable(v.Name), printable(kindText(v.Product, v.Service)))
	fmt.Fprintf(w, "state     %s\n", g.stateText())
	if v.First != "" {
		fmt.Fprintf(w, "since     %s\n", when(v.First.Begin()))
	}
	fmt.Fprintf(w, "through   %s\nheard     %s\n", when(v.Through), when(v.Heard))
	fmt.Fprintf(w, "hours     %s\n", hoursText(v, now))
	if len(shown) == 0 {
		fmt.Fprintf(w, "\nIn %d days there is no hour to look at.\n", c.Days)
	} else {
		fmt.Fprintf(w, "\n%-14s %-9s %8s %7s %6s %5s %5s\n", "HOUR (UTC)", "IS", "EVENTS", "AGAIN", "LATE", "DEAD", "REV.")
	}
	for i := 0; i < len(shown); {
		n := alike(shown[i:])
		if n > 2 {
			fmt.Fprintf(w, "%-14s %-9s %8d  in each of %d hours up to %s\n", shown[i].Hour, shown[i].Completeness, 0, n, shown[i+n-1].Hour)
			for _, s := range outageLines(shown[i]) {
				fmt.Fprintf(w, "    %s\n", s)
			}
		} else {
			n = 1
			printHour(w, v, shown[i], now)
		}
		i += n
	}
	if len(v.Gaps) > 0 {
		fmt.Fprintln(w, "\nGAPS")
	}
	for _, g := range v.Gaps {
		fmt.Fprintf(w, "  %s to %s (%v), noticed %s: %s\n", when(g.From), when(g.To), g.To.Sub(g.From).Round(time.Minute), when(g.Noticed), recoveredText(g))
	}
}

// alike is how many hours at the beginning follow one another, are the same for the
// same reason and have nothing in them.
func alike(hours []event.Manifest) int {
	for i, m := range hours {
		empty := m.Events+m.Repeats+len(m.Dead)+len(m.Proofs)+len(m.Unproved) == 0
		reason := slices.EqualFunc(m.Outages, hours[0].Outages, func(a, b event.Outage) bool { return same(a)(b) })
		if !empty || !reason || m.Completeness != hours[0].Completeness || i > 0 && !m.Hour.Begin().Equal(hours[i-1].Hour.End()) {
			return i
		}
	}
	return len(hours)
}

// hoursText counts the hours that are judged, from best to worst.
func hoursText(v manifest.View, now time.Time) string {
	counts := map[event.Completeness]int{}
	for _, m := range v.Hours {
		if countable(v, m, now) {
			counts[m.Completeness]++
		}
	}
	var parts []string
	for _, s := range signs {
		if n := counts[s.is]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, s.is))
		}
	}
	return orDash(strings.Join(parts, ", "))
}

func recoveredText(g event.Gap) string {
	if g.Recovered == 0 {
		return "nothing of it was recovered; sidedoor backfill or the source's own logs may fill it"
	}
	return fmt.Sprintf("%d events of it were recovered", g.Recovered)
}

// printHour prints an hour, and below it what is to be said of it.
func printHour(w io.Writer, v manifest.View, m event.Manifest, now time.Time) {
	dead := 0
	for _, n := range m.Dead {
		dead += n
	}
	is := string(m.Completeness)
	if v.Configured && !countable(v, m, now) {
		is = "open"
	}
	fmt.Fprintf(w, "%-14s %-9s %8d %7d %6d %5d %5d\n", m.Hour, is, m.Events, m.Repeats, m.Late, dead, m.Revision)
	line := func(format string, args ...any) { fmt.Fprintf(w, "    %s\n", printable(fmt.Sprintf(format, args...))) }
	if m.Reused > 0 {
		line("%d events have the id of another one and other content", m.Reused)
	}
	for _, cause := range slices.Sorted(maps.Keys(m.Dead)) {
		line("%d could not be read: %s", m.Dead[cause], cause)
	}
	for _, p := range m.Proofs {
		if p.Verdict == event.Complete {
			continue
		}
		line("%s by the %s%s of %s to %s, of %d compared:", p.Verdict, p.Kind, partText(p.Part), when(p.From), when(p.To), p.Items)
		for _, f := range p.Faults {
			line("  %s", f)
		}
	}
	for _, s := range outageLines(m) {
		line("%s", s)
	}
	if len(m.Unproved) > 0 {
		line("not proved for the whole hour: %s", strings.Join(m.Unproved, ", "))
	}
}

func partText(part string) string {
	if part == "" {
		return ""
	}
	return " of " + part
}
