package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/judge/offline"
	"sidedoor/rules/sigma"
)

type rulesTestCmd struct {
	policyArg
	Rule     string `help:"Run the tests of this rule only." placeholder:"NAME"`
	Format   string `help:"How to print: ${enum}." enum:"text,json" default:"text"`
	Verbose  bool   `short:"v" help:"Show the tests that pass, too (JSON always does)."`
	Coverage bool   `help:"Show which rules have no tests, and which kinds of test others lack. Exits with 1 if a rule has none."`
}

// Help says what the one-line help cannot.
func (rulesTestCmd) Help() string {
	return `Each test runs against the whole policy: its event is matched and judged as a live one.

With --format json each test is one line with rule, test, passed and error; the last line has
tests, rules and failed. With --coverage each rule is one line more, with rule, tests and lacks,
and the last line counts the rules that are complete, lacking and untested, too.

A rule is tested if one test shows that it fires and one that it does not always do; where
approvals matter, a third shows an act that waits for one, or that has one too late.

  sidedoor rules test ./policy
  sidedoor rules test ./policy --rule namespace-deleted --verbose
  sidedoor rules test ./policy --coverage`
}

func (c *rulesTestCmd) Run(_ context.Context, e *edges) error {
	policy, err := c.load()
	if err != nil {
		return err
	}
	name := ""
	if c.Rule != "" {
		if name = keepTests(policy, c.Rule); name == "" {
			_, err := ruleNamed(policy, c.Rule)
			return err
		}
	}
	return c.report(e.out, policy.Test(logfile.Identify, offline.Verdict), coverageOf(policy, name))
}

// keepTests drops the tests of all rules and correlations but one, by its name
// or its id, and returns the name of that one.
func keepTests(policy *rules.Policy, name string) (kept string) {
	for _, r := range policy.Rules {
		if r.Name == name || r.ID == name {
			kept = r.Name
		} else {
			r.Tests = nil
		}
	}
	for _, r := range policy.Correlations {
		if r.Name == name || r.ID == name {
			kept = r.Name
		} else {
			r.Tests = nil
		}
	}
	return kept
}

// testLine is one test as rules test prints it.
//
//	{"rule":"k8s-exec","test":"kubectl exec by a person","passed":true}
type testLine struct {
	Rule   string `json:"rule"`
	Test   string `json:"test"`
	Passed bool   `json:"passed"`
	Error  string `json:"error,omitempty"`
}

// testSummary is the last line.
//
//	{"tests":130,"rules":34,"failed":0}
type testSummary struct {
	Tests  int `json:"tests"`
	Rules  int `json:"rules"`
	Failed int `json:"failed"`
	*coverageSummary
}

func (c *rulesTestCmd) report(w io.Writer, results []rules.TestResult, tested []rules.Tested) error {
	sum := testSummary{Tests: len(results), Rules: len(tested)}
	lines := json.NewEncoder(w)
	for _, r := range results {
		line := testLine{Rule: r.Rule, Test: r.Test, Passed: r.Err == nil}
		if r.Err != nil {
			sum.Failed++
			line.Error = r.Err.Error()
		}
		switch {
		case c.Format == "json":
			if err := lines.Encode(line); err != nil {
				return err
			}
		case !line.Passed:
			fmt.Fprintf(w, "FAIL  %s: %s: %s\n", r.Rule, r.Test, line.Error)
		case c.Verbose:
			fmt.Fprintf(w, "ok    %s: %s\n", r.Rule, r.Test)
		}
	}
	if err := c.totals(w, lines, &sum, tested); err != nil {
		return err
	}
	switch {
	case sum.Failed > 0:
		return errors.New("a rule does not do what its tests say")
	case sum.coverageSummary != nil && sum.Untested > 0:
		return errors.New("a rule has no tests")
	}
	return nil
}

// totals prints what comes behind the tests.
func (c *rulesTestCmd) totals(w io.Writer, lines *json.Encoder, sum *testSummary, tested []rules.Tested) (err error) {
	if c.Coverage {
		sum.coverageSummary = countCoverage(tested)
	}
	if c.Format == "json" {
		if c.Coverage {
			err = coverageJSON(lines, tested)
		}
		return errors.Join(err, lines.Encode(sum))
	}
	if c.Coverage {
		coverageText(w, tested, sum.coverageSummary)
	}
	fmt.Fprintf(w, "%d tests of %d rules, %d failed\n", sum.Tests, sum.Rules, sum.Failed)
	return nil
}

// ruleNamed finds a rule by its name or id.
func ruleNamed(policy *rules.Policy, name string) (*rules.Rule, error) {
	var known []string
	for _, r := range policy.Rules {
		if r.Name == name || r.ID == name {
			return r, nil
		}
		known = append(known, r.Name)
	}
	for _, c := range policy.Correlations {
		if c.Name == name || c.ID == name {
			var of []string
			for _, r := range c.Rules {
				of = append(of, r.Name)
			}
			return nil, exit{exitUsage, fmt.Errorf("%s is a correlation, of many events; explain one of its rules: %s", name, strings.Join(of, ", "))}
		}
	}
	for _, r := range policy.Rejected {
		if r.Name == name {
			return nil, fmt.Errorf("rule %s is not in force:\n%w", name, r.Faults)
		}
	}
	return nil, exit{exitUsage, fmt.Errorf("there is no rule %q%s", name, sigma.Suggest(name, known))}
}
