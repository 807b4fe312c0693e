package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/judge/offline"
)

type rulesCmd struct {
	Check rulesCheckCmd `cmd:"" help:"Report every fault in a policy."`
	Test  rulesTestCmd  `cmd:"" help:"Run the tests that rules carry."`
	List  rulesListCmd  `cmd:"" help:"List controls with their rules."`
}

// policyFlag chooses a policy.
type policyFlag struct {
	Policy []string `arg:"" optional:"" name:"dir" help:"Folders to lay over the built-in pack." type:"path"`
}

type rulesCheckCmd struct{ policyFlag }

func (c *rulesCheckCmd) Run(_ context.Context, e *edges) error {
	policy, err := loadPolicy(c.Policy)
	if err != nil {
		return err
	}
	if _, faults := policy.Compile(rules.Defaults{}); faults.Err() != nil {
		return faults.Err()
	}
	fmt.Fprintf(e.out, "%d rules, %d correlations, %d filters, %d controls, %d lists, %d people: no faults\n",
		len(policy.Rules), len(policy.Correlations), len(policy.Filters), len(policy.Controls), len(policy.Estate.Lists), len(policy.Estate.People))
	return nil
}

type rulesTestCmd struct {
	policyFlag
	Verbose bool `short:"v" help:"Show the tests that pass, too."`
}

func (c *rulesTestCmd) Run(_ context.Context, e *edges) error {
	policy, err := loadPolicy(c.Policy)
	if err != nil {
		return err
	}
	failed := 0
	results := policy.Test(logfile.Identify, judgeOffline)
	for _, r := range results {
		switch {
		case r.Err != nil:
			failed++
			fmt.Fprintf(e.out, "FAIL  %s: %s: %v\n", r.Rule, r.Test, r.Err)
		case c.Verbose:
			fmt.Fprintf(e.out, "ok    %s: %s\n", r.Rule, r.Test)
		}
	}
	fmt.Fprintf(e.out, "%d tests of %d rules, %d failed\n", len(results), len(policy.Documents()), failed)
	if failed > 0 {
		return errors.New("a rule does not do what its tests say")
	}
	return nil
}

type rulesListCmd struct{ policyFlag }

func (c *rulesListCmd) Run(_ context.Context, e *edges) error {
	policy, err := loadPolicy(c.Policy)
	if err != nil {
		return err
	}
	for _, control := range policy.Controls {
		fmt.Fprintf(e.out, "%s  %s\n    owner %s; reviewers %s; %s\n", control.ID, control.Title,
			orDash(control.Owner), orDash(strings.Join(control.Reviewers, ", ")), control.Cadence)
		for _, r := range policy.Rules {
			if r.Act != nil && r.Act.Control == control.ID {
				fmt.Fprintf(e.out, "    %-9s %-34s %s\n", r.Level, r.Name, r.Title)
			}
		}
		for _, r := range policy.Correlations {
			if r.Act.Control == control.ID {
				fmt.Fprintf(e.out, "    %-9s %-34s %s\n", r.Level, r.Name, r.Title)
			}
		}
	}
	return nil
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// judgeOffline judges the matches of a rule's test with the fold that judges
// live ones.
func judgeOffline(policy event.Policy, ends map[string]time.Time, matches []event.Match, act string, until time.Time) (state event.State, err error) {
	s := offline.NewSorter("", 0)
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, m := range matches {
		if err := s.Add(m); err != nil {
			return "", err
		}
	}
	state = event.Pending
	err = s.Run(context.Background(), offline.Config{Policy: policy, Ends: ends, Until: until}, func(r event.Record) error {
		if v, ok := r.Body.(*event.Verdict); ok && v.ID == act {
			state = v.Verdict
		}
		return nil
	})
	return state, err
}
