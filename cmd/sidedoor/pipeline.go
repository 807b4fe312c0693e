package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/alerting"
	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/rules"
	"sidedoor/rules/judge"
	"sidedoor/stream"
)

// pipeline is the whole way of the data in one process.
type pipeline struct {
	cfg    *config
	policy *rules.Policy // in force; changed by enforce alone
	// unannounced says that the stream may hold another policy than the one in
	// force: the next reload announces its own whatever has changed.
	unannounced bool
	matchers    atomic.Pointer[inForce]
	self        *self
	metrics     *policyMetrics
	gate        *ingest.Gate
	stream      *stream.Stream
	judge       *watchedJudge
	sealer      *sealer
	addr        net.Addr // where sources are received
	registry    *prometheus.Registry
	log         *slog.Logger
	// now dates what arrives. The demo, whose week is past, has its own.
	now func() time.Time

	stages []*stage // in the order of the data
	failed chan error
}

// matchers is how many workers match: one for each core of a small machine.
const matchers = 2

// snapshotEvery is after how many messages the judge's state is kept.
const snapshotEvery = 1000

// startPipeline starts every stage, in the order of the data. What was
// started is stopped again if a later one cannot start. now dates what
// arrives; records are dated by the clock on the wall.
func startPipeline(ctx context.Context, cfg *config, policy *rules.Policy, log *slog.Logger, now func() time.Time) (p *pipeline, err error) {
	streamCfg := cfg.stream()
	streamCfg.Logger = log
	s, err := stream.Open(ctx, streamCfg)
	if err != nil {
		return nil, err
	}
	p = &pipeline{
		cfg: cfg, stream: s, gate: ingest.NewGate(int64(cfg.Ingest.Memory)), registry: prometheus.NewRegistry(),
		log: log, now: now, failed: make(chan error, 1),
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.stop(context.WithoutCancel(ctx)))
			p = nil
		}
	}()
	p.metrics = newPolicyMetrics(p.registry)
	received := ingest.NewMetrics(p.registry)
	if err := p.watchSelf(ctx, received); err != nil {
		return p, err
	}
	attribute(ctx, policy, cfg.Policy)
	if err := p.enforce(ctx, policy); err != nil {
		return p, err
	}
	if p.sealer, err = openSealer(cfg, s, log, time.Now); err != nil {
		return p, err
	}
	p.judge = newWatchedJudge(judge.New(cfg.judge()), p.registry)
	p.registry.MustRegister(newPositions(s), newPressure(s, p.gate))

	itself, err := p.self.stage(cfg)
	if err != nil {
		return p, err
	}
	sources, err := p.ingest(received)
	if err != nil {
		return p, err
	}
	dispatcher, err := p.dispatcher(alerting.NewMetrics(p.registry))
	if err != nil {
		return p, err
	}
	account := p.keeper()
	p.stages = slices.Concat([]*stage{itself}, sources, []*stage{
		{name: "account of what arrived", run: account.Run},
		{name: "match", run: func(ctx context.Context) error { return s.Match(ctx, matchers, p.match) }},
		{name: "judge", run: func(ctx context.Context) error { return s.Judge(ctx, p.judge, snapshotEvery) }},
		{name: "alerting", run: func(ctx context.Context) error { return dispatcher.Run(ctx, s) }},
		{name: "evidence", run: p.sealer.run},
	})
	for i := len(p.stages) - 1; i >= 0; i-- { // the last first, so that nothing waits for a reader
		p.stages[i].start(ctx, p.failed)
	}
	log.Info("watching", "sources", len(cfg.Sources), "rules", len(policy.Documents()), "listen", p.addr, "data", cfg.Data)
	return p, nil
}

// match matches a batch by the policy in force.
func (p *pipeline) match(b event.Batch) ([]event.Match, []event.Dead) {
	return p.matchers.Load().match(b)
}

// stop stops the stages in the order of the data, then the stream.
func (p *pipeline) stop(ctx context.Context) error {
	var errs []error
	for _, s := range p.stages {
		if s.cancel != nil {
			errs = append(errs, s.stop(ctx))
		}
	}
	return errors.Join(append(errs, p.stream.Close(ctx))...)
}
