package main

import (
	"context"
	"fmt"
	"time"

	"sidedoor/event"
)

// account tells what the monitor knows of its own completeness: every source at a
// glance, and the gap of the evening on which the trail went quiet.
func (d *demonstration) account(ctx context.Context) error {
	if err := d.look(ctx); err != nil {
		return err
	}
	gaps, err := d.gaps(ctx, len(d.scenario.Silences()))
	if err != nil {
		return err
	}
	begin, _ := d.scenario.Period()
	views, err := d.pipeline.keeper().Views(ctx, "", begin)
	if err != nil {
		return err
	}
	d.chapter("What the monitor knows of itself")
	fmt.Fprintln(d.out, "Of each source and hour it keeps account: what arrived, how often, and whether that is all. At a glance:")
	var all []glance
	for _, v := range views {
		all = append(all, glanceOf(v, d.now()))
	}
	if err := printGlances(d.out, all); err != nil {
		return err
	}
	fmt.Fprintln(d.out, "\nA silence that is over stays on record, with what arrived of it later:")
	for _, g := range gaps {
		fmt.Fprintf(d.out, "  gap of %s, from %s to %s, noticed %s: %s\n", g.Source,
			g.From.Format("Mon 15:04"), g.To.Format("Mon 15:04"), g.Noticed.Format("Mon 15:04"), recoveredText(g))
	}
	return nil
}

// gaps waits until n gaps are on record of which something was recovered, and
// returns them.
func (d *demonstration) gaps(ctx context.Context, n int) ([]event.Gap, error) {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for {
		var closed []event.Gap
		err := d.pipeline.stream.ReadRecordsOf(ctx, event.TypeGap, "", 0, func(_ uint64, r event.Record) error {
			g, ok := r.Body.(*event.Gap)
			switch last := len(closed) - 1; {
			case !ok || g.Recovered == 0:
			case last >= 0 && closed[last].Source == g.Source && closed[last].From.Equal(g.From): // a later revision
				closed[last] = *g
			default:
				closed = append(closed, *g)
			}
			return nil
		})
		if err != nil || len(closed) >= n {
			return closed, err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil, fmt.Errorf("%d of %d gaps are on record: %w", len(closed), n, ctx.Err())
		}
	}
}
