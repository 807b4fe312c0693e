package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/manifest"
)

// maxRow bounds a row of hours: four weeks.
const maxRow = 28 * 24

// signs are how an hour is drawn, from best to worst.
var signs = []struct {
	is   event.Completeness
	sign byte
}{
	{event.Complete, '#'}, {event.Covered, '+'}, {event.Behind, '?'}, {event.Silent, '_'}, {event.Missing, '!'}, {event.Altered, 'X'},
}

// row draws the last hours of a source, the one that is not over last.
func row(v manifest.View, now time.Time, hours int) string {
	drawn := map[event.Hour]byte{}
	for _, m := range v.Hours {
		for _, s := range signs {
			if s.is == m.Completeness {
				drawn[m.Hour] = s.sign
			}
		}
		if !countable(v, m, now) && v.Configured {
			drawn[m.Hour] = '~'
		}
	}
	var b strings.Builder
	for i := range hours {
		at := now.Add(time.Duration(i+1-hours) * time.Hour)
		sign, ok := drawn[event.HourOf(at)]
		switch {
		case ok:
		case i == hours-1 && v.Configured && v.First != "":
			sign = '~'
		default:
			sign = '.'
		}
		b.WriteByte(sign)
	}
	return b.String()
}

func printRows(w io.Writer, all []glance, now time.Time, hours int) {
	width := 0
	for _, g := range all {
		width = max(width, len(g.Source))
	}
	fmt.Fprintf(w, "\nThe last %d hours, one character each, from %s to %s UTC:\n\n", hours,
		now.Add(time.Duration(1-hours)*time.Hour).Format("Mon 2 Jan 15:00"), now.Format("Mon 2 Jan 15:00"))
	for _, g := range all {
		fmt.Fprintf(w, "  %-*s  %s\n", width, printable(g.Source), g.Row)
	}
	var legend []string
	for _, s := range signs {
		legend = append(legend, fmt.Sprintf("%c %s", s.sign, s.is))
	}
	fmt.Fprintf(w, "\n  %s\n  ~ not over, or only just   . before its first appearance\n", strings.Join(legend, "   "))
}
