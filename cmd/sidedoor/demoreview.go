package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"sidedoor/evidence"

	"sidedoor/event"
	"sidedoor/review"
)

// review does the week's review as the control owners would.
func (d *demonstration) review(ctx context.Context) error {
	dk, err := d.desk(ctx)
	if err != nil {
		return err
	}
	begin, _ := d.scenario.Period()
	week := review.WeekOf(begin).String()
	items := dk.state.Alerts(review.Filter{Week: week})
	d.chapter("Monday after: the review of %s", week)
	printAlerts(d.out, items)

	fmt.Fprintln(d.out, "\nFirst, somebody tries to decide their own alert:")
	if err := d.selfReview(dk, items); err != nil {
		return err
	}
	fmt.Fprintln(d.out, "\nThen the owners of the controls decide:")
	for _, it := range items {
		if err := d.decide(ctx, dk, it); err != nil {
			return err
		}
	}
	fmt.Fprintln(d.out, "\nAnd the second reviewer signs each control's week off:")
	return d.signOff(ctx, dk, week)
}

// desk reads all records as a review command does.
func (d *demonstration) desk(ctx context.Context) (*desk, error) {
	dk := &desk{
		installation: &installation{cfg: d.cfg, policy: d.pipeline.policy, stream: d.pipeline.stream},
		state:        review.New(reviewControls(d.pipeline.policy.Controls)),
	}
	return dk, d.reload(ctx, dk)
}

// reload takes in what was recorded since.
func (d *demonstration) reload(ctx context.Context, dk *desk) error {
	return dk.stream.ReadRecords(ctx, dk.state.Through(), dk.state.Apply)
}

// selfReview shows that an actor cannot decide their own alert.
func (d *demonstration) selfReview(dk *desk, items []review.Item) error {
	if len(items) == 0 {
		return nil
	}
	a := items[0].Alert
	_, err := dk.state.Decide(review.Command{
		Alert: a.ID, Reviewer: a.Actor.Person, Disposition: event.FalsePositive, Comment: "this was fine, trust me", Via: "cli", Now: time.Now().UTC(),
	})
	if err == nil {
		return fmt.Errorf("%s could decide their own alert %s", a.Actor.Person, a.ID)
	}
	fmt.Fprintf(d.out, "  %s: refused. %v\n", a.Actor.Person, err)
	return nil
}

func (d *demonstration) decide(ctx context.Context, dk *desk, it review.Item) error {
	a := it.Alert
	c := review.Command{
		Alert: a.ID, Reviewer: d.owner(dk, a.Control), Disposition: event.PolicyViolation,
		Comment: "Confirmed with " + a.Actor.Person + ": it was done by hand, and undone or brought in through a pull request since.",
		Via:     "cli", Login: login(), Now: time.Now().UTC(),
	}
	if a.State == event.ApprovedLate {
		c.Disposition, c.Reference = event.Emergency, "AR-1902"
		c.Comment = "Urgent restore, approved twenty minutes later; the request was in the queue."
	}
	r, err := dk.state.Decide(c)
	if err != nil {
		return err
	}
	if err := dk.append(ctx, r); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  %s  %-16s %s: %s\n", a.ID, c.Disposition, a.Rule.Name, a.Actor.Person)
	return d.reload(ctx, dk)
}

func (d *demonstration) owner(dk *desk, control string) string {
	for _, c := range dk.policy.Controls {
		if c.ID == control {
			return c.Owner
		}
	}
	return ""
}

// signOff signs every control's week, by whoever may: the second reviewer
// where the owner decided, the owner where nothing was to be decided.
func (d *demonstration) signOff(ctx context.Context, dk *desk, week string) error {
	for _, control := range dk.policy.Controls {
		r, err := d.signed(dk, control.ID, week, append(append([]string{}, control.Reviewers...), control.Owner))
		if err != nil {
			return err
		}
		if err := dk.append(ctx, r); err != nil {
			return err
		}
		s := r.Body.(*event.SignOff)
		fmt.Fprintf(d.out, "  %-7s %s, %d alerts, signed by %s\n", s.Control, s.Week, len(s.Alerts), s.Signer)
		if err := d.reload(ctx, dk); err != nil {
			return err
		}
	}
	return nil
}

func (d *demonstration) signed(dk *desk, control, week string, by []string) (r event.Record, err error) {
	for _, signer := range by {
		r, err = dk.state.SignOff(review.SignOffCommand{
			Control: control, Week: week, Signer: signer, Via: "cli", Login: login(), Now: time.Now().UTC(),
		})
		if err == nil {
			return r, nil
		}
	}
	return r, err
}

// audit draws a sample as the auditor would, takes it home and verifies it.
func (d *demonstration) audit(ctx context.Context) error {
	b, err := newBench(ctx, &installation{cfg: d.cfg, policy: d.pipeline.policy, stream: d.pipeline.stream})
	if err != nil {
		return err
	}
	begin, _ := d.scenario.Period()
	from := review.WeekOf(begin).Start()
	p := &period{Control: "CHG-01", From: from, To: from.AddDate(0, 0, 7), Of: "verdicts"}
	d.chapter("And the auditor")
	fmt.Fprintln(d.out, "Sam throws dice for a seed, after the population is frozen, and draws from every change that reached a protected branch:")
	out := filepath.Join(d.dir, "sample")
	sample, err := b.export(ctx, p, &draw{Seed: "84120394857120394857", Size: 25, By: "sam"}, out)
	if err != nil {
		return err
	}
	printSample(d.out, sample)
	for _, dir := range []string{out, d.cfg.Data} {
		report, err := evidence.VerifyAny(dir, evidence.VerifyOptions{})
		if err != nil {
			return fmt.Errorf("%s does not verify: %w", dir, err)
		}
		fmt.Fprintf(d.out, "\n%s\n", report)
	}
	return nil
}
