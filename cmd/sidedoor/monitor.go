package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/monitor"
	"sidedoor/rules"
)

// self is the pipeline's source of events about the monitor itself.
type self struct {
	*monitor.Monitor
	nudge chan struct{}
}

// watchSelf looks up what was told of this installation before. It comes before
// the policy is put in force, which is the first thing to tell of.
func (p *pipeline) watchSelf(ctx context.Context, metrics *ingest.Metrics) error {
	nudge := make(chan struct{}, 1)
	p.self = &self{nudge: nudge, Monitor: &monitor.Monitor{
		Stream: p.stream, Sources: p.cfg.watched(), Scope: p.cfg.Name, Space: p.stream.Space, Metrics: metrics, Now: p.now, Log: p.log,
		Nudge: nudge, Every: p.cfg.looks,
	}}
	return p.self.Begin(ctx)
}

// stage tells, when all is in place.
func (s *self) stage(cfg *config) (*stage, error) {
	key, err := os.ReadFile(filepath.Join(ledgerDir(cfg.Data), "key.pub"))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	s.Key = strings.TrimSpace(string(key))
	return &stage{name: "source " + monitor.Source, run: s.Run}, nil
}

// tell has the source look now.
func (s *self) tell() {
	select {
	case s.nudge <- struct{}{}:
	default: // it was told already, and has not looked yet
	}
}

// watched are the sources whose silence is told. A source that is complete up to
// its newest event is a replay, whose events are old, unless it says otherwise.
func (c *config) watched() []monitor.Watched {
	var out []monitor.Watched
	for i := range c.Sources {
		s := &c.Sources[i]
		src := s.source()
		if s.SilentAfter == 0 && s.Coverage == ingest.Events {
			continue
		}
		out = append(out, monitor.Watched{
			Name: src.Name, Product: src.Product, Service: src.Service, SilentAfter: s.SilentAfter, Lateness: src.Lateness,
		})
	}
	return out
}

// sourceInfos are the sources that a policy is announced with: the configured
// ones, and the monitor itself.
func (c *config) sourceInfos() []rules.SourceInfo {
	infos := make([]rules.SourceInfo, 0, len(c.Sources)+1)
	for i := range c.Sources {
		src := c.Sources[i].source()
		infos = append(infos, rules.SourceInfo{Name: src.Name, Product: src.Product, Service: src.Service, Skew: c.Sources[i].ClockSkew})
	}
	return append(infos, rules.SourceInfo{Name: monitor.Source, Product: monitor.Product, Service: monitor.Service})
}

func (p *pipeline) announcement(policy *rules.Policy) event.Policy {
	return policy.Announce(time.Now().UTC(), version, p.cfg.sourceInfos())
}

// inForce are the matcher of the policy in force and, after a reload, that of the
// one before.
type inForce struct{ now, before *rules.Matcher }

// match matches a batch by the policy in force. What became of the policy is
// matched by the one before, too, and first: a change that takes away the rule
// which finds it, or has it approved, is found by the rule that was there.
func (f *inForce) match(b event.Batch) ([]event.Match, []event.Dead) {
	matches, dead := f.now.Match(b)
	if f.before == nil || b.Source != monitor.Source || len(b.Events) != 1 || !monitor.OfPolicy(b.Events[0].Raw) {
		return matches, dead
	}
	all, _ := f.before.Match(b)
	known := map[string]bool{}
	for _, m := range all {
		known[m.Rule.ID] = true
	}
	for _, m := range matches {
		if !known[m.Rule.ID] {
			all = append(all, m)
		}
	}
	return all, dead
}
