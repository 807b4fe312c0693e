package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

type rulesBenchCmd struct {
	policyArg
	Corpus []string      `help:"Log files and folders of them, as scan reads them." required:"" placeholder:"PATH"`
	Time   time.Duration `help:"How long to measure, more or less." default:"20s"`
	Top    int           `help:"How many of the dearest rules to list." default:"10" placeholder:"N"`
	Format string        `help:"How to print: ${enum}." enum:"text,json" default:"text"`
}

// Help says what the one-line help cannot.
func (rulesBenchCmd) Help() string {
	return `Matches the corpus with all rules on one core, again and again, and prints the medians: events
and bytes a second, allocations, and how long encoding/json.Valid takes over the same bytes in
between, as a measure of the machine.

Then each rule is timed alone. What it adds is the time of a program with this rule and one that
reads a field that no event has, less that of the latter alone, for each event of the rule's log
source. Rules share fields and texts, so that together they cost less than the sum.

A busy machine makes all of this worthless. Differences of a few percent mean nothing.

  sidedoor rules bench ./policy --corpus ./AWSLogs --corpus ./kube-audit.log
  sidedoor rules bench --time 2m --format json ./sigma --corpus ./logs`
}

// maxCorpus bounds the events that are kept in memory, in bytes.
const maxCorpus = 256 << 20

func (c *rulesBenchCmd) Run(ctx context.Context, e *edges) error {
	policy, err := c.load()
	if policy == nil {
		return err
	}
	if c.Time <= 0 || c.Top < 0 {
		return exit{exitUsage, errors.New("bench: --time has to be positive, and --top not negative")}
	}
	started := time.Now()
	matcher, faults := policy.Compile(rules.Defaults{})
	if faults.Err() != nil {
		return faults
	}
	report := benchReport{Rules: len(policy.Rules), Rejected: len(policy.Rejected), Compiled: time.Since(started)}
	p := newProgress(e.err)
	corpus, err := readCorpus(ctx, c.Corpus, p)
	p.done()
	if err != nil {
		return err
	}
	report.Events, report.Bytes, report.Unread, report.Cut = corpus.events, corpus.bytes, corpus.unread, corpus.cut

	// The collector's work counts, too.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if err := report.measure(ctx, matcher, corpus, c.Time/3, p); err != nil {
		return err
	}
	costs, err := measureRules(ctx, policy, corpus, c.Time-c.Time/3, p)
	p.done()
	if err != nil {
		return err
	}
	report.RulesRead, report.Dearest = len(costs), costs[:min(len(costs), c.Top)]
	if c.Format == "json" {
		return json.NewEncoder(e.out).Encode(report)
	}
	report.text(e.out)
	return nil
}

// benchReport is what rules bench prints.
//
//	{"rules":34,"events":2300,"bytes":1840000,"events_per_second":310000,"times_json_valid":1.4,
//	 "dearest":[{"rule":"k8s-direct-change","log_source":"kubernetes/audit","adds_ns":140,"events":900}],…}
type benchReport struct {
	Rules      int           `json:"rules"`
	Rejected   int           `json:"rejected,omitempty"`
	RulesRead  int           `json:"rules_for_corpus"` // whose log source has events in the corpus
	Compiled   time.Duration `json:"compile_ns"`
	Events     int           `json:"events"`
	Bytes      int64         `json:"bytes"`
	Unread     int           `json:"unread"`
	Cut        bool          `json:"cut,omitempty"` // the corpus is larger than what is kept in memory
	Matches    int           `json:"matches"`
	Rounds     int           `json:"rounds"`
	PerSecond  float64       `json:"events_per_second"`
	BytesPer   float64       `json:"bytes_per_second"`
	Spread     float64       `json:"spread"` // between the quartiles, as a part of the median
	Valid      float64       `json:"json_valid_bytes_per_second"`
	TimesValid float64       `json:"times_json_valid"`
	Allocs     float64       `json:"allocs_per_event"`
	Dearest    []ruleCost    `json:"dearest"`
}

// ruleCost is what one rule adds to each event of its log source.
type ruleCost struct {
	Rule      string  `json:"rule"`
	LogSource string  `json:"log_source"`
	Adds      float64 `json:"adds_ns"`
	Events    int     `json:"events"` // of the corpus that are of its log source
}

func (r *benchReport) text(w io.Writer) {
	const mega = 1e6
	fmt.Fprintf(w, "rules   %d, compiled in %s; %d are for events of the corpus\n", r.Rules, r.Compiled.Round(10*time.Microsecond), r.RulesRead)
	if r.Rejected > 0 {
		fmt.Fprintf(w, "        %d more are rejected; sidedoor rules check says why\n", r.Rejected)
	}
	fmt.Fprintf(w, "corpus  %d events, %.1f MB; %d records could not be read\n", r.Events, float64(r.Bytes)/mega, r.Unread)
	if r.Cut {
		fmt.Fprintf(w, "        there is more of it, which is left out: %d MB are kept in memory\n", maxCorpus>>20)
	}
	fmt.Fprintf(w, "match   %.0f events/s, %.1f MB/s, %.2f allocations an event (median of %d rounds, ±%.0f%%); %d matches\n",
		r.PerSecond, r.BytesPer/mega, r.Allocs, r.Rounds, 50*r.Spread, r.Matches)
	fmt.Fprintf(w, "json    encoding/json.Valid reads %.1f MB/s of the same bytes; matching takes %.2f times as long\n", r.Valid/mega, r.TimesValid)
	if len(r.Dearest) > 0 {
		fmt.Fprintf(w, "\n%-36s %-28s %9s %9s\n", "DEAREST RULES", "LOG SOURCE", "ADDS NS", "EVENTS")
	}
	for _, c := range r.Dearest {
		fmt.Fprintf(w, "%-36s %-28s %9.0f %9d\n", cut(c.Rule, 36), cut(c.LogSource, 28), c.Adds, c.Events)
	}
	fmt.Fprint(w, `
What a rule adds is measured for it alone, for an event of its log source; rules share work, so
together they cost less. One core, this machine, now: other work on it disturbs every figure.
`)
}

// corpus is the events that are measured with.
type corpus struct {
	batches  []event.Batch
	bySource map[sigma.LogSource][]event.Event
	events   int
	bytes    int64
	unread   int
	cut      bool
}

// errFull ends the reading of a corpus.
var errFull = errors.New("the corpus is full")

func readCorpus(ctx context.Context, paths []string, p *progress) (*corpus, error) {
	c := &corpus{bySource: map[sigma.LogSource][]event.Event{}}
	if err := arePaths(paths); err != nil {
		return nil, err
	}
	opts := logfile.Options{Progress: p.file, Received: time.Now().UTC()}
	err := logfile.Walk(ctx, paths, opts, c.add, func(logfile.Bad) { c.unread++ })
	if err != nil && !errors.Is(err, errFull) {
		return nil, fmt.Errorf("bench: %w", err)
	}
	if c.events == 0 {
		return nil, fmt.Errorf("bench: there is no event in the corpus; %d records could not be read", c.unread)
	}
	return c, nil
}

func (c *corpus) add(r logfile.Record) error {
	if c.bytes += int64(len(r.Event.Raw)); c.bytes > maxCorpus {
		c.bytes -= int64(len(r.Event.Raw))
		c.cut = true
		return errFull
	}
	last := len(c.batches) - 1
	if last < 0 || c.batches[last].Envelope != r.Envelope || len(c.batches[last].Events) == batchSize {
		c.batches = append(c.batches, event.Batch{Envelope: r.Envelope})
		last++
	}
	c.batches[last].Events = append(c.batches[last].Events, r.Event)
	src := sigma.LogSource{Product: r.Envelope.Product, Service: r.Envelope.Service}
	c.bySource[src] = append(c.bySource[src], r.Event)
	c.events++
	return nil
}
