package main

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/review"
	"sidedoor/stream"
)

type reviewCmd struct {
	List    reviewListCmd    `cmd:"" help:"List the alerts and how their review stands."`
	Show    reviewShowCmd    `cmd:"" help:"Show one alert with its verdicts and entries."`
	Decide  reviewDecideCmd  `cmd:"" help:"Decide what an alert was."`
	SignOff reviewSignOffCmd `cmd:"" name:"sign-off" help:"Sign off a control's week."`
}

// desk is what a review command works on: the installation's records as of
// now.
type desk struct {
	*installation
	state *review.State
}

// openDesk reads all records of the installation.
func openDesk(ctx context.Context, cfg *config) (*desk, error) {
	in, err := openInstallation(ctx, cfg)
	if err != nil {
		return nil, err
	}
	d := &desk{installation: in, state: review.New(reviewControls(in.policy.Controls))}
	if err := in.stream.ReadRecords(ctx, 0, d.state.Apply); err != nil {
		return nil, errors.Join(err, in.close(ctx))
	}
	return d, nil
}

// append stores a record that was decided on the state as of now.
func (d *desk) append(ctx context.Context, r event.Record) error {
	_, err := d.stream.AppendRecord(ctx, r)
	if errors.Is(err, stream.ErrExists) {
		return fmt.Errorf("somebody else was faster: %s %s exists; look at it again and decide anew", r.Type, r.ID)
	}
	return err
}

type reviewListCmd struct {
	configFlag
	Control string `help:"Only this control." placeholder:"ID"`
	Week    string `help:"Only this ISO week, such as 2026-W47." placeholder:"WEEK"`
	Open    bool   `help:"Only alerts that are not decided."`
}

func (c *reviewListCmd) Run(ctx context.Context, e *edges) error {
	return c.atDesk(ctx, func(d *desk) error {
		printAlerts(e.out, d.state.Alerts(review.Filter{Control: c.Control, Week: c.Week, Open: c.Open}))
		return nil
	})
}

type reviewShowCmd struct {
	configFlag
	Alert string `arg:"" help:"The alert's ID, or its beginning."`
}

func (c *reviewShowCmd) Run(ctx context.Context, e *edges) error {
	return c.atDesk(ctx, func(d *desk) error {
		item, err := d.state.Alert(c.Alert)
		if err != nil {
			return err
		}
		return printAlert(ctx, e.out, d.stream, item)
	})
}

type reviewDecideCmd struct {
	configFlag
	Alert       string `arg:"" help:"The alert's ID, or its beginning."`
	As          string `required:"" help:"Who decides: a person of the estate." placeholder:"PERSON"`
	Disposition string `required:"" help:"What it was: ${enum}." enum:"authorised,emergency,policy-violation,false-positive,needs-investigation"`
	Comment     string `required:"" help:"Why, in your own words." placeholder:"TEXT"`
	Reference   string `help:"The ticket, incident or approval that supports it." placeholder:"REF"`
}

func (c *reviewDecideCmd) Run(ctx context.Context, e *edges) error {
	return c.atDesk(ctx, func(d *desk) error {
		r, err := d.state.Decide(review.Command{
			Alert: c.Alert, Reviewer: c.As, Disposition: event.Disposition(c.Disposition), Comment: c.Comment,
			Reference: c.Reference, Via: "cli", Login: login(), Now: time.Now().UTC(),
		})
		if err != nil {
			return err
		}
		if err := d.append(ctx, r); err != nil {
			return err
		}
		fmt.Fprintf(e.out, "recorded: review %s, %s by %s\n", r.ID, c.Disposition, c.As)
		return nil
	})
}

type reviewSignOffCmd struct {
	configFlag
	Control string `arg:"" help:"The control's ID."`
	Week    string `arg:"" help:"The ISO week, such as 2026-W47."`
	As      string `required:"" help:"Who signs: a person of the estate." placeholder:"PERSON"`
	Comment string `help:"What a reader should know; required if the week has acts that could not be judged." placeholder:"TEXT"`
}

func (c *reviewSignOffCmd) Run(ctx context.Context, e *edges) error {
	return c.atDesk(ctx, func(d *desk) error {
		r, err := d.state.SignOff(review.SignOffCommand{
			Control: c.Control, Week: c.Week, Signer: c.As, Comment: c.Comment, Via: "cli", Login: login(), Now: time.Now().UTC(),
		})
		if err != nil {
			return err
		}
		if err := d.append(ctx, r); err != nil {
			return err
		}
		fmt.Fprintln(e.out, strings.TrimSpace(r.Body.(*event.SignOff).Statement))
		return nil
	})
}

// atDesk does work on the records as of now, and seals what it recorded.
func (c configFlag) atDesk(ctx context.Context, work func(*desk) error) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	d, err := openDesk(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(work(d), d.close(ctx))
}

// login is the operating system's account behind a command: what a person
// claims to be is recorded beside what the machine knows.
func login() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}
