package main

import (
	"context"
	"errors"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
	"sidedoor/rules/judge/offline"
)

type rulesCmd struct {
	Check   rulesCheckCmd   `cmd:"" help:"Report every fault in rules, with its place and what would be right."`
	Test    rulesTestCmd    `cmd:"" help:"Run the tests that rules carry."`
	Explain rulesExplainCmd `cmd:"" help:"Say why a rule matches an event, or why not."`
	List    rulesListCmd    `cmd:"" help:"List the rules by control."`
	Bench   rulesBenchCmd   `cmd:"" help:"Measure what the rules cost on events of yours."`
}

// policyArg chooses a policy.
type policyArg struct {
	Paths []string `arg:"" optional:"" name:"path" help:"Folders of rules, and single files, to lay over the built-in pack."`
}

// load reads the policy; its faults are an error, but for the caller who wants
// them.
func (p policyArg) load() (*rules.Policy, error) { return namedPolicy(p.Paths) }

// namedPolicy is loadPolicy for paths of the command line: one that is not
// there is a mistake in its use.
func namedPolicy(paths []string) (*rules.Policy, error) {
	policy, err := loadPolicy(paths)
	if policy == nil {
		return nil, exit{exitUsage, err}
	}
	return policy, err
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// judgeOffline judges the matches of a rule's test with the fold that judges
// live ones.
func judgeOffline(policy event.Policy, ends map[string]time.Time, matches []event.Match, act string, until time.Time) (last event.Verdict, err error) {
	s := offline.NewSorter("", 0)
	defer func() { err = errors.Join(err, s.Close()) }()
	for _, m := range matches {
		if err := s.Add(m); err != nil {
			return event.Verdict{}, err
		}
	}
	last = event.Verdict{Verdict: event.Pending}
	err = s.Run(context.Background(), offline.Config{Policy: policy, Ends: ends, Until: until}, func(r event.Record) error {
		if v, ok := r.Body.(*event.Verdict); ok && v.ID == act {
			last = *v
		}
		return nil
	})
	return last, err
}
