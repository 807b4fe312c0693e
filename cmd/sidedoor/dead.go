package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sidedoor/stream"
)

type deadCmd struct {
	configFlag
	Raw bool `help:"Print the bytes that were kept, too."`
}

func (c *deadCmd) Run(ctx context.Context, e *edges) error {
	n := 0
	err := c.attached(ctx, func(s *stream.Stream) error {
		return s.ReadDead(ctx, func(source, reason, cause string, stored time.Time, raw []byte) error {
			n++
			fmt.Fprintf(e.out, "%s  %-14s %-16s %s\n", stored.UTC().Format(time.RFC3339), source, cause, printable(reason))
			if c.Raw {
				fmt.Fprintf(e.out, "    %s\n", printable(string(raw)))
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.err, "%d dead letters\n", n)
	return nil
}

// configFlag is shared by the commands that work on an installation.
type configFlag struct {
	Config string `short:"c" help:"The configuration file." default:"sidedoor.yaml" type:"path" env:"SIDEDOOR_CONFIG"`
}

func (c configFlag) load() (*config, error) { return loadConfig(c.Config) }

// attached does work on the installation's streams: through the monitor if one
// is running on them.
func (c configFlag) attached(ctx context.Context, work func(*stream.Stream) error) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	s, err := stream.Attach(ctx, cfg.stream())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(context.WithoutCancel(ctx))) }()
	return work(s)
}
