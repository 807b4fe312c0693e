package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"sidedoor/event"
	"sidedoor/review"
	"sidedoor/stream"
)

// printAlerts lists alerts, one a line, with what is left to do.
func printAlerts(w io.Writer, items []review.Item) {
	open := 0
	if len(items) > 0 {
		fmt.Fprintf(w, "%-16s  %-8s  %-7s  %-8s  %-13s  %-13s  %s\n", "ALERT", "WEEK", "CONTROL", "LEVEL", "STATE", "REVIEW", "WHAT")
	}
	for _, it := range items {
		a := it.Alert
		if !it.Done() {
			open++
		}
		fmt.Fprintf(w, "%-16s  %-8s  %-7s  %-8s  %-13s  %-13s  %s: %s, %s\n", a.ID, it.Week, a.Control, a.Rule.Level, a.State,
			it.Standing, printable(a.Rule.Title), printable(a.Actor.Person), printable(a.Resource))
	}
	fmt.Fprintf(w, "%d alerts, %d left to decide\n", len(items), open)
}

// printAlert shows one alert with everything that a reviewer needs.
func printAlert(ctx context.Context, w io.Writer, s *stream.Stream, it review.Item) error {
	a := it.Alert
	fmt.Fprintf(w, "%s\n\n", printable(a.Sentence))
	for _, line := range [][2]string{
		{"alert", fmt.Sprintf("%s, revision %d, %s", a.ID, a.Revision, a.State)},
		{"rule", fmt.Sprintf("%s (%s), version %s", a.Rule.Name, a.Rule.Level, a.Rule.Digest.Short())},
		{"control", a.Control},
		{"actor", fmt.Sprintf("%s, as %s", a.Actor.Person, a.Actor.Name)},
		{"scope", a.Scope},
		{"when", fmt.Sprintf("%s to %s, %d occurrences", when(a.First), when(a.Last), a.Occurrences)},
		{"review", fmt.Sprintf("%s, in week %s", it.Standing, it.Week)},
	} {
		fmt.Fprintf(w, "  %-8s %s\n", line[0], printable(line[1]))
	}
	if err := printVerdicts(ctx, w, s, a.ID); err != nil {
		return err
	}
	for _, entry := range it.Entries {
		fmt.Fprintf(w, "\n%s  %s decided %s %s\n  %s\n", when(entry.Time), entry.Reviewer, entry.Disposition,
			printable(entry.Reference), printable(entry.Comment))
	}
	if !it.Done() {
		fmt.Fprintf(w, "\nTo decide it:\n  sidedoor review decide %s --as PERSON --disposition DISPOSITION --comment 'WHY'\n", a.ID)
	}
	return nil
}

// printVerdicts shows every revision of an alert's verdicts, with the
// approvals that were considered.
func printVerdicts(ctx context.Context, w io.Writer, s *stream.Stream, alert string) error {
	return s.ReadRecords(ctx, 0, func(seq uint64, raw []byte) error {
		if !strings.Contains(string(raw), alert) {
			return nil
		}
		r, err := event.ParseRecord(raw)
		if err != nil {
			return err
		}
		v, ok := r.Body.(*event.Verdict)
		if !ok || v.Alert != alert {
			return nil
		}
		fmt.Fprintf(w, "\nrecord %d  %s  %s: %s\n", seq-1, when(v.Event.At()), v.Verdict, printable(v.Reason))
		fmt.Fprintf(w, "  %s\n  event %s of source %s (%s record %d)\n", printable(v.Resource), printable(v.Event.ID), v.Event.Source,
			printable(v.Event.Origin), v.Event.Index)
		for _, c := range v.Considered {
			fmt.Fprintf(w, "  considered: %s %s for %s by %s: %s\n", c.Kind, printable(c.Reference), printable(c.Covers), printable(c.Approver.Person), c.Why)
		}
		return nil
	})
}
