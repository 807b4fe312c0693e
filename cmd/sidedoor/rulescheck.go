package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

type rulesCheckCmd struct {
	policyArg
	Format string `help:"How to print faults: ${enum}." enum:"text,json,sarif" default:"text"`
}

// Help says what the one-line help cannot.
func (rulesCheckCmd) Help() string {
	return `Reads the built-in pack with the named folders and files laid over it, and reports all that
is wrong, not the first of it. A folder may be a policy, or any folder of Sigma rules, such
as a checkout of SigmaHQ's: a rule without an act or approval block is a detection.

A rule with a fault is rejected: it would not be in force, and the others would. A reference to
a control or kind of approval that does not exist is a fault too, but such a rule is loaded.

With --format json each fault is one line with file, line, column, message, excerpt and rule;
the last line has loaded, rejected and faults. The pack's own rules are counted only if nothing
is laid over it. SARIF 2.1.0 is for code review and editors.

The exit code is 1 if there are faults, and 2 if a path is not there.

  sidedoor rules check ./policy
  sidedoor rules check ./sigma/rules/cloud ./policy/rules/mine.yml
  sidedoor rules check --format sarif ./policy > faults.sarif`
}

func (c *rulesCheckCmd) Run(_ context.Context, e *edges) error {
	policy, err := c.load()
	faults, ok := errors.AsType[sigma.Faults](err)
	if err != nil && !ok {
		return err
	}
	faults = faults.Unique()
	slices.SortStableFunc(faults, func(a, b sigma.Fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	report := newCheckReport(policy, faults, len(c.Paths))
	switch c.Format {
	case "json":
		err = report.json(e.out)
	case "sarif":
		err = report.sarif(e.out)
	default:
		report.text(e.out)
		err = nil
	}
	if err != nil {
		return err
	}
	if len(faults) > 0 {
		return errors.New("there are faults in the rules")
	}
	return nil
}

// checkReport is what rules check found.
type checkReport struct {
	faults  []checkLine
	summary checkSummary
	over    bool // laid over the built-in pack, whose rules are not counted
}

// checkLine is one fault as rules check prints it.
//
//	{"file":"policy/rules/k8s.yml","line":5,"column":17,"message":"there is no modifier …",
//	 "excerpt":"    verb|regex: x","rule":"k8s-exec","rejected":true}
type checkLine struct {
	File     string `json:"file"`
	Line     int    `json:"line"`
	Column   int    `json:"column"`
	Message  string `json:"message"`
	Excerpt  string `json:"excerpt"`
	Rule     string `json:"rule,omitempty"`
	Rejected bool   `json:"rejected"` // the rule is not in force
	fault    sigma.Fault
}

// checkSummary is the last line.
//
//	{"loaded":1736,"rejected":14,"faults":16}
type checkSummary struct {
	Loaded       int `json:"loaded"` // rules
	Correlations int `json:"correlations,omitempty"`
	Filters      int `json:"filters,omitempty"`
	Rejected     int `json:"rejected"` // of all of these; one with several faults counts once
	Faults       int `json:"faults"`
}

func newCheckReport(policy *rules.Policy, faults sigma.Faults, paths int) *checkReport {
	r := &checkReport{summary: checkSummary{Rejected: len(policy.Rejected), Faults: len(faults)}, over: paths > 0}
	named := func(file string) int {
		if r.over && strings.HasPrefix(file, builtIn) {
			return 0
		}
		return 1
	}
	for _, rule := range policy.Rules {
		r.summary.Loaded += named(rule.File)
	}
	for _, c := range policy.Correlations {
		r.summary.Correlations += named(c.File)
	}
	for _, f := range policy.Filters {
		r.summary.Filters += named(f.File)
	}
	off := map[sigma.Fault]string{}
	for _, rejected := range policy.Rejected {
		for _, f := range rejected.Faults {
			off[f] = rejected.Name
		}
	}
	for _, f := range faults {
		line := checkLine{File: f.File, Line: f.Line, Column: f.Column, Message: f.Message, Excerpt: f.Excerpt, fault: f}
		if line.Rule, line.Rejected = off[f]; !line.Rejected {
			line.Rule = policy.RuleAt(f.File, f.Line)
		}
		r.faults = append(r.faults, line)
	}
	return r
}

func (r *checkReport) text(w io.Writer) {
	for _, f := range r.faults {
		for line := range strings.Lines(f.fault.Error()) {
			fmt.Fprintln(w, printableLine(strings.TrimRight(line, "\n")))
		}
		fmt.Fprintln(w)
	}
	loaded := fmt.Sprintf("%d rules", r.summary.Loaded)
	if n := r.summary.Correlations; n > 0 {
		loaded += fmt.Sprintf(", %d correlations", n)
	}
	if n := r.summary.Filters; n > 0 {
		loaded += fmt.Sprintf(", %d filters", n)
	}
	fmt.Fprintf(w, "%s loaded, %d rejected, %d faults", loaded, r.summary.Rejected, r.summary.Faults)
	if r.over {
		fmt.Fprint(w, "; laid over the built-in pack")
	}
	fmt.Fprintln(w)
}

// printableLine is printable for text whose tabs mean something.
func printableLine(s string) string {
	parts := strings.Split(s, "\t")
	for i := range parts {
		parts[i] = printable(parts[i])
	}
	return strings.Join(parts, "\t")
}

func (r *checkReport) json(w io.Writer) error {
	lines := json.NewEncoder(w)
	for _, f := range r.faults {
		if err := lines.Encode(f); err != nil {
			return err
		}
	}
	return lines.Encode(r.summary)
}
