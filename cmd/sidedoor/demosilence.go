package main

import (
	"context"
	"fmt"
	"time"

	"sidedoor/ingest/monitor"
	"sidedoor/internal/demo"
)

// storyLooks is how often the monitor looks at itself by the clock on the wall
// while a story is told: never. In the story hours pass in a moment, and what has
// not been read in that moment is not silent; the narrator says when to look. The
// pauses between are told with its marks, so that they are no outages.
const storyLooks = 30 * 24 * time.Hour

// silence lets the monitor look after a source has said nothing for hours.
func (d *demonstration) silence(ctx context.Context, s demo.Silence) error {
	heard, _ := s.Heard()
	if err := d.complete(ctx, s.Source, heard); err != nil {
		return err
	}
	d.clock.Store(s.Noticed().UnixMicro())
	return d.look(ctx)
}

// heardAgain lets it look again when all that was missing has arrived.
func (d *demonstration) heardAgain(ctx context.Context, b demo.Beat) error {
	for _, s := range d.scenario.Silences() {
		if !s.Until.Equal(b.Until) {
			continue
		}
		_, heard := s.Heard()
		if err := d.complete(ctx, s.Source, heard); err != nil {
			return err
		}
		if err := d.look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// look has the monitor look at itself, and waits until it has.
func (d *demonstration) look(ctx context.Context) error {
	d.pipeline.self.tell()
	return d.complete(ctx, monitor.Source, d.now())
}

// complete waits until a source is complete up to a time.
func (d *demonstration) complete(ctx context.Context, source string, through time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, beatTimeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		mark, err := d.pipeline.stream.LastMark(ctx, source)
		if err == nil && !mark.Through.Before(through) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("source %s is not complete up to %s: %w", source, through.Format("Mon 15:04"), ctx.Err())
		}
	}
}
