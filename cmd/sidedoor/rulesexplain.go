package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/explain"
	"sidedoor/rules/sigma"
)

type rulesExplainCmd struct {
	Rule   string   `arg:"" name:"rule" help:"A rule's name or id, or a file of rules."`
	Events string   `arg:"" name:"event-file" help:"What scan reads, or one event as JSON; - for standard input."`
	Event  int      `help:"Explain only this record, counted from 0 in its file." default:"-1" placeholder:"N"`
	Scope  string   `help:"What the events are of, where they do not say: a cluster, an account." placeholder:"SCOPE"`
	Policy []string `help:"Folder or file to lay over the built-in pack." placeholder:"PATH"`
	Format string   `help:"How to print: ${enum}." enum:"text,json" default:"text"`
}

// Help says what the one-line help cannot.
func (rulesExplainCmd) Help() string {
	return `Prints the rule as a tree, with what each part of it saw in the event and whether it held, one
sentence that says why the rule came out as it did, and the act or approval that a match would
be. Of many events those that match are printed, and the others counted; --event prints any.

With --format json each event is one line with matches, fits (the log source), because,
conditions and act or approval; conditions stand where the tree would be printed.

  sidedoor rules explain k8s-direct-change audit.jsonl
  sidedoor rules explain k8s-direct-change audit.jsonl --event 17
  kubectl get … | sidedoor rules explain ./policy/rules/mine.yml -`
}

func (c *rulesExplainCmd) Run(ctx context.Context, e *edges) error {
	asked, err := c.rules()
	if err != nil {
		return err
	}
	for i, a := range asked {
		if i > 0 && c.Format == "text" {
			fmt.Fprintln(e.out)
		}
		if err := a.read(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

// rules are those that the command names, ready to be explained.
func (c *rulesExplainCmd) rules() ([]*explaining, error) {
	paths := c.Policy
	info, err := os.Stat(c.Rule)
	isFile := err == nil && !info.IsDir()
	switch isPath := strings.ContainsRune(c.Rule, os.PathSeparator); {
	case isPath && err != nil:
		return nil, exit{exitUsage, fmt.Errorf("explain: %w", err)}
	case isPath && !isFile:
		return nil, exit{exitUsage, fmt.Errorf("explain: %s is a folder; name a rule, and the folder with --policy", c.Rule)}
	}
	if isFile {
		paths = append(paths[:len(paths):len(paths)], c.Rule)
	}
	policy, err := namedPolicy(paths)
	if policy == nil {
		return nil, err // the faults of other rules are not asked for
	}
	var found []*rules.Rule
	if !isFile {
		r, err := ruleNamed(policy, c.Rule)
		if err != nil {
			return nil, err
		}
		found = append(found, r)
	}
	name := filepath.Clean(c.Rule)
	for _, r := range policy.Rules {
		if isFile && r.File == name {
			found = append(found, r)
		}
	}
	if len(found) == 0 {
		if faults := faultsOf(policy, name); faults.Err() != nil {
			return nil, fmt.Errorf("no rule of %s is in force:\n%w", c.Rule, faults)
		}
		return nil, exit{exitUsage, fmt.Errorf("%s has no rule", c.Rule)}
	}
	var out []*explaining
	for _, r := range found {
		a, err := c.explaining(policy, r)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func faultsOf(policy *rules.Policy, file string) sigma.Faults {
	var out sigma.Faults
	for _, r := range policy.Rejected {
		if r.File == file {
			out = append(out, r.Faults...)
		}
	}
	return out
}

func (c *rulesExplainCmd) explaining(policy *rules.Policy, r *rules.Rule) (*explaining, error) {
	alone := *policy
	alone.Rules = []*rules.Rule{r}
	matcher, faults := alone.Compile(rules.Defaults{})
	if faults.Err() != nil {
		return nil, faults
	}
	x, faults := explain.New(r.Rule, policy.Estate.Lists)
	return &explaining{cmd: c, rule: r, matcher: matcher, explainer: x, lists: policy.Estate.Lists}, faults.Err()
}

// explaining explains one rule's verdicts on all the events there are.
type explaining struct {
	cmd       *rulesExplainCmd
	rule      *rules.Rule
	matcher   *rules.Matcher
	explainer *explain.Explainer
	lists     sigma.Lists // of the estate

	total, matched, fitting int
	unread                  *unread
	alone                   *explained // the first, which did not match, until there is a second
	emit                    func(*explained) error
}

// explained is what one line of JSON says of one event.
//
//	{"rule":"k8s-exec","file":"audit.jsonl","index":0,"event_id":"a-1/ResponseComplete","log_source":"kubernetes/audit",
//	 "matches":true,"fits":true,"conditions":[…],"because":"matches: exec, and not …","act":{…}}
type explained struct {
	Rule      string    `json:"rule"`
	File      string    `json:"file"`
	Index     int       `json:"index"`
	EventID   string    `json:"event_id,omitempty"`
	Time      time.Time `json:"time,omitzero"`
	LogSource string    `json:"log_source"`
	*explain.Explanation
	Act        *event.Act        `json:"act,omitempty"`
	Control    string            `json:"control,omitempty"`
	Approval   *event.Approval   `json:"approval,omitempty"`
	Revocation *event.Revocation `json:"revocation,omitempty"`
	Facts      []event.Fact      `json:"facts,omitempty"`
	// Contributes names the correlations that the match contributes to.
	Contributes []string `json:"contributes,omitempty"`
}

func (a *explaining) read(ctx context.Context, e *edges) error {
	a.unread, a.emit = newUnread(), a.json(e.out)
	if a.cmd.Format == "text" {
		printer := &treePrinter{w: e.out, rule: a.rule, lists: a.lists}
		printer.head()
		a.emit = printer.event
	}
	content, err := a.walk(ctx, e)
	if err != nil {
		return err
	}
	if a.total == 0 {
		if err := a.single(content); err != nil {
			return err
		}
	}
	if a.total == 0 {
		return a.nothing()
	}
	if a.alone != nil {
		if err := a.emit(a.alone); err != nil {
			return err
		}
	}
	if a.cmd.Format == "text" && a.total > 1 {
		a.summarise(e.out)
	}
	return nil
}

// walk reads events as scan does. It returns how to read the content of what
// was named again, for what scan cannot read.
func (a *explaining) walk(ctx context.Context, e *edges) (content func() ([]byte, error), err error) {
	opts := logfile.Options{Received: time.Now().UTC()}
	bad := func(b logfile.Bad) { a.unread.add(b) }
	if a.cmd.Events == "-" {
		body, err := io.ReadAll(e.in)
		if err != nil {
			return nil, fmt.Errorf("explain: standard input: %w", err)
		}
		return func() ([]byte, error) { return body, nil }, logfile.Read(ctx, bytes.NewReader(body), "-", opts, a.record, bad)
	}
	if info, err := os.Stat(a.cmd.Events); err != nil {
		return nil, exit{exitUsage, fmt.Errorf("explain: %w", err)}
	} else if !info.Mode().IsRegular() {
		return func() ([]byte, error) { return nil, nil }, logfile.Walk(ctx, []string{a.cmd.Events}, opts, a.record, bad)
	}
	return func() ([]byte, error) { return os.ReadFile(a.cmd.Events) }, logfile.Walk(ctx, []string{a.cmd.Events}, opts, a.record, bad)
}

// single takes the content as one event of the rule's own log source: whoever
// writes a rule for other events has one of them at hand.
func (a *explaining) single(content func() ([]byte, error)) error {
	body, err := content()
	if err != nil || !json.Valid(body) || bytes.TrimSpace(body)[0] != '{' {
		return err
	}
	ls := a.rule.LogSource
	e, err := logfile.Identify(ls.Product, ls.Service, "", body)
	if err != nil {
		e = event.Event{} // nobody knows when it occurred
	}
	e.Raw, e.Original = bytes.TrimSpace(body), event.DigestOf(body)
	env := event.Envelope{Source: "event", Product: ls.Product, Service: ls.Service, Origin: a.cmd.Events, Received: time.Now().UTC()}
	return a.explain(env, e, ls)
}

func (a *explaining) record(r logfile.Record) error {
	if a.cmd.Event >= 0 && r.Event.Index != a.cmd.Event {
		return nil
	}
	return a.explain(r.Envelope, r.Event, sigma.LogSource{Product: r.Envelope.Product, Service: r.Envelope.Service})
}

func (a *explaining) explain(env event.Envelope, e event.Event, src sigma.LogSource) error {
	x, err := a.explainer.Event(src, e.Kind, e.Raw)
	if err != nil {
		a.unread.add(logfile.Bad{File: env.Origin, Index: e.Index, Reason: err.Error()})
		return nil
	}
	a.total++
	out := &explained{
		Rule: a.rule.Name, File: env.Origin, Index: e.Index, EventID: e.ID, Time: e.Occurred, LogSource: src.String(), Explanation: x,
	}
	if x.Fits {
		a.fitting++
	}
	full := x.Matches || a.cmd.Event >= 0
	if !full && a.total == 1 {
		a.alone = out
		return nil
	}
	if first := a.alone; first != nil {
		a.alone = nil
		if err := a.brief(first); err != nil {
			return err
		}
	}
	if !full {
		return a.brief(out)
	}
	env.Scope = a.cmd.Scope
	matches, _ := a.matcher.Match(event.Batch{Envelope: env, Events: []event.Event{e}})
	for _, m := range matches {
		a.matched++
		out.Act, out.Control, out.Approval = m.Act, m.Control, m.Approval
		out.Revocation, out.Facts = m.Revocation, m.Facts
		for _, p := range m.Parts {
			out.Contributes = append(out.Contributes, p.Rule.Name)
		}
	}
	return a.emit(out)
}

// brief prints what is left of an event among many that does not match: for
// people it is counted only.
func (a *explaining) brief(x *explained) error {
	if a.cmd.Format == "text" {
		return nil
	}
	x.Conditions = nil
	return a.emit(x)
}

func (a *explaining) json(w io.Writer) func(*explained) error {
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return func(x *explained) error { return lines.Encode(x) }
}

func (a *explaining) nothing() error {
	if a.cmd.Event >= 0 {
		return exit{exitUsage, fmt.Errorf("explain: %s has no record %d", a.cmd.Events, a.cmd.Event)}
	}
	for reason, k := range a.unread.reasons {
		return fmt.Errorf("explain: %s record %d: %s", k.first[0].File, k.first[0].Index, printable(reason))
	}
	return fmt.Errorf("explain: there is no event in %s", a.cmd.Events)
}

func (a *explaining) summarise(w io.Writer) {
	fmt.Fprintf(w, "\n%d events: %d match, %d do not, %d are of another log source", a.total, a.matched, a.fitting-a.matched, a.total-a.fitting)
	fmt.Fprintln(w)
	a.unread.text(w)
	if a.matched < a.total && a.cmd.Event < 0 {
		fmt.Fprintln(w, "--event N shows why one does not match.")
	}
}
