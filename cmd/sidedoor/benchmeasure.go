package main

import (
	"cmp"
	"context"
	"encoding/json"
	"runtime"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/rules"
	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

const (
	minRounds = 5
	maxRounds = 1000
	// screenEvents is the most events of one log source that rules are timed
	// with, and fewEvents the least.
	screenEvents = 2000
	fewEvents    = 32
	// refined is how many of the rules that seem dearest are timed again.
	refined = 30
)

// measure times all rules together over the whole corpus, and json.Valid in
// between.
func (r *benchReport) measure(ctx context.Context, m *rules.Matcher, c *corpus, limit time.Duration, p *progress) error {
	r.Matches = c.match(m) // warms up, too
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c.match(m)
	runtime.ReadMemStats(&after)
	r.Allocs = float64(after.Mallocs-before.Mallocs) / float64(c.events)

	var match, valid []float64
	for started := time.Now(); len(match) < maxRounds && (len(match) < minRounds || time.Since(started) < limit); {
		if err := ctx.Err(); err != nil {
			return err
		}
		match = append(match, seconds(func() { c.match(m) }))
		valid = append(valid, seconds(c.valid))
		p.step("all rules", int(min(time.Since(started), limit)/time.Millisecond), int(limit/time.Millisecond))
	}
	p.done()
	slices.Sort(match)
	took := median(match)
	r.Rounds = len(match)
	r.PerSecond, r.BytesPer = float64(c.events)/took, float64(c.bytes)/took
	r.Spread = (match[len(match)*3/4] - match[len(match)/4]) / took
	slices.Sort(valid)
	r.Valid, r.TimesValid = float64(c.bytes)/median(valid), took/median(valid)
	return nil
}

func (c *corpus) match(m *rules.Matcher) int {
	n := 0
	for _, b := range c.batches {
		matches, _ := m.Match(b)
		n += len(matches)
	}
	return n
}

func (c *corpus) valid() {
	for _, b := range c.batches {
		for _, e := range b.Events {
			json.Valid(e.Raw)
		}
	}
}

func seconds(f func()) float64 {
	started := time.Now()
	f()
	return time.Since(started).Seconds()
}

// median returns the middle one of sorted values, of two the lower: what
// disturbs makes slower.
func median(sorted []float64) float64 { return sorted[(len(sorted)-1)/2] }

// contender is a rule that is timed against a program without it.
type contender struct {
	ruleCost
	src    sigma.LogSource
	sample []event.Event
	with   *engine.Matcher
	diffs  []float64 // nanoseconds an event
}

// ruleTiming times rules against programs without them.
type ruleTiming struct {
	base     map[sigma.LogSource]*engine.Matcher
	progress *progress
}

// measureRules times each rule that has events alone, quickly, and those that
// seem dearest again. It returns all of them, the dearest first.
func measureRules(ctx context.Context, policy *rules.Policy, c *corpus, limit time.Duration, p *progress) ([]ruleCost, error) {
	all, err := contenders(policy, c)
	if err != nil {
		return nil, err
	}
	t := ruleTiming{base: map[sigma.LogSource]*engine.Matcher{}, progress: p}
	for _, x := range all {
		if t.base[x.src] == nil {
			if t.base[x.src], err = matcherOf(nil, policy.Estate.Lists, x.src); err != nil {
				return nil, err
			}
		}
	}
	for _, stage := range []plan{
		{what: "each rule", limit: limit / 2, atLeast: 1, rules: len(all)},
		{what: "the dearest", limit: limit / 2, atLeast: minRounds, rules: min(len(all), refined)},
	} {
		if err := t.rounds(ctx, all[:stage.rules], stage); err != nil {
			return nil, err
		}
		slices.SortStableFunc(all, func(a, b *contender) int { return cmp.Compare(b.Adds, a.Adds) })
	}
	out := make([]ruleCost, len(all))
	for i, x := range all {
		out[i] = x.ruleCost
	}
	return out, nil
}

// plan says how long some rules are timed.
type plan struct {
	what    string
	rules   int
	limit   time.Duration
	atLeast int // rounds, whatever the limit
}

// rounds times the rules in turn until the time is over.
func (t ruleTiming) rounds(ctx context.Context, all []*contender, p plan) error {
	if len(all) == 0 {
		return nil
	}
	t.progress.done() // of what was before
	started := time.Now()
	share := p.limit / time.Duration(minRounds*len(all)) // for one timing
	for round := 0; round < p.atLeast || (round < maxRounds && time.Since(started) < p.limit); round++ {
		for i, x := range all {
			if err := ctx.Err(); err != nil {
				return err
			}
			x.time(t.base[x.src], share)
			t.progress.step(p.what, min(round, minRounds-1)*len(all)+i+1, minRounds*len(all))
		}
	}
	return nil
}

// time adds one timing: over as many events as fit into the share, with the
// rule and without it.
func (x *contender) time(base *engine.Matcher, share time.Duration) {
	sample := x.sample
	probe := sample[:min(len(sample), fewEvents)]
	took := seconds(func() { x.pass(x.with, probe) }) // also warms up
	if fit := int(share.Seconds() / 2 / max(took/float64(len(probe)), 1e-9)); fit < len(sample) {
		sample = sample[:max(fit, len(probe))]
	}
	without := seconds(func() { x.pass(base, sample) })
	with := seconds(func() { x.pass(x.with, sample) })
	x.diffs = append(x.diffs, (with-without)*1e9/float64(len(sample)))
	sorted := slices.Sorted(slices.Values(x.diffs))
	x.Adds = max(0, median(sorted))
}

func (x *contender) pass(m *engine.Matcher, events []event.Event) {
	var found [4]int
	for _, e := range events {
		_, _ = m.Match(found[:0], x.src, e.Kind, e.Raw) // what cannot be read costs, too
	}
}

// contenders are the rules whose log source has events, each with a sample of
// those of the fitting source that has most.
func contenders(policy *rules.Policy, c *corpus) ([]*contender, error) {
	samples := map[sigma.LogSource][]event.Event{}
	for src, events := range c.bySource {
		samples[src] = every(events, screenEvents)
	}
	var out []*contender
	for _, r := range policy.Rules {
		x := &contender{ruleCost: ruleCost{Rule: r.Name, LogSource: r.LogSource.String()}}
		for src, events := range c.bySource {
			if !r.LogSource.Covers(src) {
				continue
			}
			if x.Events += len(events); len(events) > len(c.bySource[x.src]) || x.sample == nil {
				x.src, x.sample = src, samples[src]
			}
		}
		if x.Events == 0 {
			continue
		}
		var err error
		if x.with, err = matcherOf(r.Rule, policy.Estate.Lists, x.src); err != nil {
			return nil, err
		}
		out = append(out, x)
	}
	return out, nil
}

// every returns at most n events, from all over the corpus.
func every(events []event.Event, n int) []event.Event {
	step := max(1, len(events)/n)
	var out []event.Event
	for i := 0; i < len(events) && len(out) < n; i += step {
		out = append(out, events[i])
	}
	return out
}

// nothing asks for a field that no event has. A program without any rule might
// not even read the event.
const nothing = `title: nothing
logsource: {product: any}
detection: {s: {"\u0001sidedoor.bench": x}, condition: s}
`

// matcherOf runs one rule, or none, beside the one that asks for nothing.
func matcherOf(rule *sigma.Rule, lists sigma.Lists, src sigma.LogSource) (*engine.Matcher, error) {
	all, faults := sigma.ParseRules("nothing", []byte(nothing))
	if faults.Err() != nil {
		return nil, faults
	}
	all[0].LogSource = src
	if rule != nil {
		all = append(all, rule)
	}
	program, faults := engine.Compile(all, lists)
	if faults.Err() != nil {
		return nil, faults
	}
	return program.NewMatcher(), nil
}
