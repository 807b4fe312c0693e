package main

import (
	"sidedoor/rules"
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
