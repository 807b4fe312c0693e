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
	"sidedoor/rules/sigma"
)

type rulesTestCmd struct {
	policyArg
	Rule    string `help:"Run the tests of this rule only." placeholder:"NAME"`
	Format  string `help:"How to print: ${enum}." enum:"text,json" default:"text"`
	Verbose bool   `short:"v" help:"Show the tests that pass, too (JSON always does)."`
}

// Help says what the one-line help cannot.
func (rulesTestCmd) Help() string {
	return `Each test runs against the whole policy: its event is matched and judged as a live one.

With --format json each test is one line with rule, test, passed and error; the last line has
tests, rules and failed.

  sidedoor rules test ./policy
  sidedoor rules test ./policy --rule namespace-deleted --verbose`
}

func (c *rulesTestCmd) Run(_ context.Context, e *edges) error {
	policy, err := c.load()
	if err != nil {
		return err
	}
	tested := len(policy.Documents())
	if c.Rule != "" {
		if !keepTests(policy, c.Rule) {
			_, err := ruleNamed(policy, c.Rule)
			return err
		}
		tested = 1
	}
	return c.report(e.out, policy.Test(logfile.Identify, judgeOffline), tested)
}

// keepTests drops the tests of all rules and correlations but one, and says
// whether that one is there.
func keepTests(policy *rules.Policy, name string) (found bool) {
	for _, r := range policy.Rules {
		if r.Name == name || r.ID == name {
			found = true
		} else {
			r.Tests = nil
		}
	}
	for _, r := range policy.Correlations {
		if r.Name == name || r.ID == name {
			found = true
		} else {
			r.Tests = nil
		}
	}
	return found
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
}

func (c *rulesTestCmd) report(w io.Writer, results []rules.TestResult, tested int) error {
	failed := 0
	lines := json.NewEncoder(w)
	for _, r := range results {
		line := testLine{Rule: r.Rule, Test: r.Test, Passed: r.Err == nil}
		if r.Err != nil {
			failed++
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
	if c.Format == "json" {
		if err := lines.Encode(testSummary{Tests: len(results), Rules: tested, Failed: failed}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w, "%d tests of %d rules, %d failed\n", len(results), tested, failed)
	}
	if failed > 0 {
		return errors.New("a rule does not do what its tests say")
	}
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
