package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sidedoor/event"
)

type explainCmd struct {
	configFlag
	What string `arg:"" name:"alert" help:"An alert's ID or its beginning; or the ID of a verdict, or of the event that was judged."`
	All  bool   `help:"Show every revision of each verdict, not only the last."`
}

// Help says what the one-line help cannot.
func (explainCmd) Help() string {
	return `Prints what is behind a verdict: who acted, and how we know; what would have approved it;
every approval that was considered, with the links that lead on from it, and why it does or
does not count; and what the rule tells whoever is on call to do.

  sidedoor review list --open
  sidedoor explain 3f9a
  sidedoor explain 1b9c7c9e-1d35-4a86-9b0e-7c6d5e4f3a21     # of the event, approved or not

Approved acts raise no alert; name them by the event's ID.`
}

func (c *explainCmd) Run(ctx context.Context, e *edges) (err error) {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	in, err := openInstallation(ctx, cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.close(ctx)) }()
	found, err := c.find(ctx, in)
	if err != nil {
		return err
	}
	p := &verdictExplainer{out: e.out, policy: in.policy}
	p.alert(found.alert)
	for _, revisions := range found.verdicts {
		if !c.All {
			revisions = revisions[len(revisions)-1:]
		}
		for _, v := range revisions {
			p.verdict(v)
		}
	}
	p.runbook(found.rule())
	return p.err
}

// explanation is what the records say about what was asked for.
type explanation struct {
	alert    *event.Alert       // nil if it raised none
	verdicts [][]*event.Verdict // by act, in the order of their times: all revisions
}

func (x explanation) rule() event.RuleRef { return x.verdicts[0][0].Rule }

// find reads the records for the alerts, verdicts and events that answer to the
// name. Several alerts are a question, not an answer.
func (c *explainCmd) find(ctx context.Context, in *installation) (explanation, error) {
	low := strings.ToLower(c.What)
	alerts, acts := map[string]*event.Alert{}, map[string][]*event.Verdict{}
	err := in.stream.ReadRecords(ctx, 0, func(_ uint64, raw []byte) error {
		r, err := event.ParseRecord(raw)
		if err != nil {
			return err
		}
		switch body := r.Body.(type) {
		case *event.Alert:
			if strings.HasPrefix(body.ID, low) {
				alerts[body.ID] = body
			}
		case *event.Verdict:
			named := body.Alert != "" && strings.HasPrefix(body.Alert, low)
			if known := acts[body.ID]; known != nil || named || strings.HasPrefix(body.ID, low) || body.Event.ID == c.What {
				acts[body.ID] = append(acts[body.ID], body)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return explanation{}, err
	case len(alerts) > 1:
		ids := slices.Sorted(maps.Keys(alerts))
		return explanation{}, fmt.Errorf("%d alerts' IDs begin with %q: %s; give more of it", len(ids), c.What, strings.Join(ids[:min(len(ids), 5)], ", "))
	case len(acts) == 0:
		return explanation{}, fmt.Errorf("no alert, verdict or event has an ID that begins with %q; sidedoor review list shows the alerts", c.What)
	}
	var x explanation
	for _, a := range alerts {
		x.alert = a
	}
	for _, id := range slices.SortedFunc(maps.Keys(acts), func(a, b string) int {
		va, vb := acts[a][0], acts[b][0]
		if n := va.Event.At().Compare(vb.Event.At()); n != 0 {
			return n
		}
		return strings.Compare(a, b)
	}) {
		x.verdicts = append(x.verdicts, acts[id])
	}
	return x, nil
}
