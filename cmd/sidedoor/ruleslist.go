package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

type rulesListCmd struct {
	policyArg
	Format string `help:"How to print: ${enum}." enum:"text,json,csv" default:"text"`
	Wide   bool   `help:"Show each rule's title, place and the fields it reads, too (JSON and CSV always do)."`
}

// Help says what the one-line help cannot.
func (rulesListCmd) Help() string {
	return `Lists the rules that are in force, by the control that their matches belong to. A rule yields
an act, an approval of some kind, a revocation of some, facts alone or, without any of these
blocks, a detection. CHANGED is the date of
the rule's modified key, or else of its date key.

  sidedoor rules list ./policy
  sidedoor rules list --format csv ./policy > rules.csv
  sidedoor rules list --format json | jq 'select(.tests == 0) | .name'`
}

func (c *rulesListCmd) Run(_ context.Context, e *edges) error {
	policy, err := c.load()
	if policy == nil {
		return err
	}
	if faults, ok := errors.AsType[sigma.Faults](err); ok {
		fmt.Fprintf(e.err, "%d rules are rejected, and there are %d faults; sidedoor rules check shows them\n", len(policy.Rejected), len(faults))
	}
	var listed []listedRule
	for _, r := range policy.Rules {
		listed = append(listed, newListedRule(r))
	}
	for _, r := range policy.Correlations {
		listed = append(listed, newListedCorrelation(r))
	}
	slices.SortStableFunc(listed, func(a, b listedRule) int {
		return cmp.Or(compareControls(a.Control, b.Control), cmp.Compare(a.Name, b.Name))
	})
	switch c.Format {
	case "json":
		return listJSON(e.out, listed)
	case "csv":
		return listCSV(e.out, listed)
	}
	c.text(e.out, policy.Controls, listed)
	return nil
}

// compareControls orders by ID, and what belongs to no control last.
func compareControls(a, b string) int {
	if (a == "") != (b == "") {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

// listedRule is one rule as rules list prints it.
//
//	{"control":"CHG-03","name":"k8s-direct-change","level":"high","log_source":"kubernetes/audit",
//	 "yields":"act","tests":6,"changed":"2026-11-16","fields":["objectRef.namespace","verb"],…}
type listedRule struct {
	Control   string   `json:"control"`
	Name      string   `json:"name"`
	ID        string   `json:"id"`
	Title     string   `json:"title"`
	Level     string   `json:"level"`
	LogSource string   `json:"log_source"`
	Yields    string   `json:"yields"` // act, detection, facts, or approval/ or revocation/ and the kind
	Tests     int      `json:"tests"`
	Changed   string   `json:"changed"`
	Fields    []string `json:"fields"` // that its detection reads; keywords read every text
	Filters   []string `json:"filters,omitempty"`
	States    []string `json:"states,omitempty"`   // what its facts say that somebody is
	Requires  []string `json:"requires,omitempty"` // kinds that have to approve its approvals
	File      string   `json:"file"`
	Line      int      `json:"line"`
	// Correlates says what a correlation makes of which rules.
	Correlates string `json:"correlates,omitempty"`
}

func newListedRule(r *rules.Rule) listedRule {
	out := listedRule{
		Name: r.Name, ID: r.ID, Title: r.Title, Level: r.Level, LogSource: r.LogSource.String(), Yields: "detection",
		Tests: len(r.Tests), Changed: changed(r.Date, r.Extra), Fields: fieldsRead(r.Rule), File: r.File, Line: r.Line,
	}
	for _, f := range r.Filters {
		out.Filters = append(out.Filters, f.Name)
	}
	for _, f := range r.Facts {
		if !slices.Contains(out.States, f.Is) {
			out.States = append(out.States, f.Is)
		}
	}
	_, isAct := r.Extra["act"]
	switch {
	case r.Approval != nil:
		out.Yields = "approval/" + r.Approval.Kind
		out.Requires = kindsOf(r.Approval.Requires)
	case r.Revocation != nil:
		out.Yields = "revocation/" + r.Revocation.Kind
	case r.Act == nil:
		out.Yields = "facts"
	case isAct:
		out.Yields = "act"
	}
	if r.Act != nil {
		out.Control = r.Act.Control
	}
	return out
}

// kindsOf lists the kinds of an approval's links.
func kindsOf(links []rules.Requirement) []string {
	var out []string
	for _, q := range links {
		out = append(out, q.Kind)
		out = append(out, kindsOf(q.Also)...)
	}
	return out
}

func newListedCorrelation(c *rules.Correlation) listedRule {
	out := listedRule{
		Control: c.Act.Control, Name: c.Name, ID: c.ID, Title: c.Title, Level: c.Level, LogSource: "correlation", Yields: "detection",
		Tests: len(c.Tests), Changed: changed(c.Date, c.Extra), Fields: append(append([]string{}, c.GroupBy...), c.Fields...), File: c.File, Line: c.Line,
	}
	if _, isAct := c.Extra["act"]; isAct {
		out.Yields = "act"
	}
	var of []string
	for _, r := range c.Rules {
		of = append(of, r.Name)
	}
	groups := "takes together"
	if len(c.GroupBy) > 0 {
		groups = "groups by " + strings.Join(c.GroupBy, ", ")
	}
	out.Correlates = fmt.Sprintf("%s, within %s, the rules %s", groups, c.Timespan, strings.Join(of, ", "))
	return out
}

// changed is the date of the last change that a document names.
func changed(date string, extra map[string]sigma.Pair) string {
	if modified, ok := sigma.Text(extra["modified"].Value); ok {
		return modified
	}
	return date
}

// fieldsRead lists the fields that a detection reads.
func fieldsRead(r *sigma.Rule) []string {
	read := map[string]bool{}
	var walk func(o *sigma.Outline)
	walk = func(o *sigma.Outline) {
		if o.Kind == sigma.OutlineField && o.Path != "" {
			read[o.Path] = true
			if strings.Contains(o.Text, "|fieldref") {
				for _, other := range o.Parts {
					read[other.Text] = true
				}
			}
			return
		}
		for _, p := range o.Parts {
			walk(p)
		}
	}
	for _, o := range r.Outline() {
		walk(o)
	}
	return append([]string{}, slices.Sorted(maps.Keys(read))...) // none is not null
}

func listJSON(w io.Writer, listed []listedRule) error {
	lines := json.NewEncoder(w)
	for _, r := range listed {
		if err := lines.Encode(r); err != nil {
			return err
		}
	}
	return nil
}

func listCSV(w io.Writer, listed []listedRule) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"control", "name", "id", "title", "level", "log_source", "yields", "tests", "changed", "fields", "filters", "file", "line", "states", "requires"}}
	for _, r := range listed {
		rows = append(rows, []string{
			r.Control, r.Name, r.ID, r.Title, r.Level, r.LogSource, r.Yields, strconv.Itoa(r.Tests), r.Changed,
			strings.Join(r.Fields, " "), strings.Join(r.Filters, " "), r.File, strconv.Itoa(r.Line),
			strings.Join(r.States, " "), strings.Join(r.Requires, " "),
		})
	}
	return out.WriteAll(rows)
}

func (c *rulesListCmd) text(w io.Writer, controls []rules.Control, listed []listedRule) {
	known := map[string]rules.Control{}
	for _, control := range controls {
		known[control.ID] = control
	}
	groups := map[string][]listedRule{}
	for _, r := range listed {
		groups[r.Control] = append(groups[r.Control], r)
	}
	for id := range known { // a control without a rule is worth seeing
		groups[id] = append([]listedRule{}, groups[id]...)
	}
	for i, id := range slices.SortedFunc(maps.Keys(groups), compareControls) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		listHead(w, id, known)
		if len(groups[id]) > 0 {
			fmt.Fprintf(w, listRow, "LEVEL", "RULE", "LOG SOURCE", "YIELDS", "TESTS", "CHANGED")
		}
		for _, r := range groups[id] {
			fmt.Fprintf(w, listRow, cut(orDash(r.Level), 8), cut(r.Name, 36), cut(r.LogSource, 24), cut(r.Yields, 28), strconv.Itoa(r.Tests), cut(orDash(r.Changed), 10))
			if c.Wide {
				r.more(w)
			}
		}
	}
}

// more prints what does not fit into a row.
func (r *listedRule) more(w io.Writer) {
	fmt.Fprintf(w, "         %s\n         %s:%d ", printable(r.Title), r.File, r.Line)
	if r.Correlates != "" {
		fmt.Fprintln(w, printable(r.Correlates))
		return
	}
	fmt.Fprintf(w, "reads %s\n", printable(orDash(strings.Join(r.Fields, ", "))))
	if len(r.Filters) > 0 {
		fmt.Fprintf(w, "         filtered by %s\n", printable(strings.Join(r.Filters, ", ")))
	}
	if len(r.States) > 0 {
		fmt.Fprintf(w, "         states who is %s\n", printable(strings.Join(r.States, ", ")))
	}
	if len(r.Requires) > 0 {
		fmt.Fprintf(w, "         requires %s\n", printable(strings.Join(r.Requires, ", ")))
	}
}

// listRow is one rule in at most 120 columns.
const listRow = "%-8s %-36s %-24s %-28s %5s %s\n"

func listHead(w io.Writer, id string, known map[string]rules.Control) {
	control, ok := known[id]
	switch {
	case id == "":
		fmt.Fprintln(w, "no control")
	case !ok:
		fmt.Fprintf(w, "%s  which no controls.yaml defines\n", printable(id))
	default:
		fmt.Fprintf(w, "%s  %s\nowner %s; reviewers %s; %s\n", control.ID, printable(control.Title),
			orDash(control.Owner), orDash(strings.Join(control.Reviewers, ", ")), control.Cadence)
	}
}

// cut shortens a text to n characters.
func cut(s string, n int) string {
	s = printable(s)
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}
