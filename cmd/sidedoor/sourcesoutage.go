package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/manifest"
)

// outagesOf are the times when no monitor ran for which a source has nothing to show,
// the oldest first.
func outagesOf(v manifest.View, since time.Time) (out []event.Outage) {
	for _, m := range v.Hours {
		for _, o := range m.Outages {
			if m.Completeness == event.Behind && m.Hour.End().After(since) && !slices.ContainsFunc(out, same(o)) {
				out = append(out, o)
			}
		}
	}
	slices.SortFunc(out, func(a, b event.Outage) int { return a.From.Compare(b.From) })
	return out
}

// same says whether an outage is this one.
func same(o event.Outage) func(event.Outage) bool {
	return func(p event.Outage) bool { return p.From.Equal(o.From) && p.To.Equal(o.To) }
}

// shownOutages is how many outages are told one by one.
const shownOutages = 5

// printOutages tells of the outages in which something may be lost, the newest
// first, and of which sources.
func printOutages(w io.Writer, all []glance) {
	var outages []event.Outage
	for _, g := range all {
		for _, o := range g.Outages {
			if !slices.ContainsFunc(outages, same(o)) {
				outages = append(outages, o)
			}
		}
	}
	if len(outages) == 0 {
		return
	}
	slices.SortFunc(outages, func(a, b event.Outage) int { return b.From.Compare(a.From) })
	fmt.Fprintln(w)
	for _, o := range outages[:min(len(outages), shownOutages)] {
		var of []string
		for _, g := range all {
			if slices.ContainsFunc(g.Outages, same(o)) {
				of = append(of, printable(g.Source))
			}
		}
		fmt.Fprintf(w, "No monitor ran %s; what was sent to %s then may be lost, if its sender gave up.\n", outageText(o), strings.Join(of, ", "))
	}
	if more := len(outages) - shownOutages; more > 0 {
		fmt.Fprintf(w, "And %d times more no monitor ran; sidedoor sources show NAME lists them.\n", more)
	}
}

func outageText(o event.Outage) string {
	return fmt.Sprintf("from %s to %s (%v)", when(o.From), when(o.To), o.To.Sub(o.From).Round(time.Minute))
}

// outageLines say of an hour when no monitor ran, and what that means.
func outageLines(m event.Manifest) (lines []string) {
	means := "what was sent then may be lost"
	if m.Completeness == event.Complete {
		means = "the source's own proof covers that"
	}
	for _, o := range m.Outages {
		lines = append(lines, fmt.Sprintf("no monitor ran %s: %s", outageText(o), means))
	}
	return lines
}
