package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"sidedoor/ingest/monitor"
	"sidedoor/rules"
	"sidedoor/rules/sigma"
)

// policyMetrics shows what is in force.
type policyMetrics struct {
	loaded, rejected prometheus.Gauge
	reloads          *prometheus.CounterVec
}

func newPolicyMetrics(reg prometheus.Registerer) *policyMetrics {
	m := &policyMetrics{
		loaded: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sidedoor_rules_loaded", Help: "Rules and correlations that are in force.",
		}),
		rejected: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sidedoor_rules_rejected", Help: "Rules, correlations and filters of the policy that are not in force because something is wrong with them.",
		}),
		reloads: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sidedoor_policy_reloads_total", Help: "Reloads of the policy since the process started: loaded, unchanged, or failed with the old one still in force.",
		}, []string{"outcome"}),
	}
	reg.MustRegister(m.loaded, m.rejected, m.reloads)
	for _, outcome := range []string{reloadLoaded, reloadUnchanged, reloadFailed} {
		m.reloads.WithLabelValues(outcome) // so that the first failure is a rise from 0
	}
	return m
}

// How a reload ends.
const (
	reloadLoaded    = "loaded"
	reloadUnchanged = "unchanged"
	reloadFailed    = "failed"
)

// enforce puts a policy in force. The documents of its rules are kept first,
// since a match may name them; then the policy is announced, so that the judge
// knows of a rule before it sees a match by it; then the new program matches.
// Batches in flight finish with the program that they began with.
func (p *pipeline) enforce(ctx context.Context, policy *rules.Policy) error {
	matcher, faults := policy.Compile(p.cfg.ruleDefaults())
	for _, f := range faults { // none, unless rules are sound alone and not together
		p.log.Warn("policy has a fault", "file", f.File, "line", f.Line, "err", f.Message)
	}
	if err := keepPolicy(ctx, p.stream, policy); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	// Whether a failed announcement is on the stream all the same is not known.
	p.unannounced = true
	if err := p.stream.PublishPolicy(ctx, p.announcement(policy)); err != nil {
		return fmt.Errorf("policy: %w", err)
	}
	p.policy, p.unannounced = policy, false
	inForce := &inForce{now: matcher}
	if old := p.matchers.Load(); old != nil {
		inForce.before = old.now
	}
	p.matchers.Store(inForce)
	p.self.tell()
	p.metrics.loaded.Set(float64(len(policy.Documents())))
	p.metrics.rejected.Set(float64(len(policy.Rejected)))
	return nil
}

// reloadOn reloads the policy at each signal, until the pipeline stops.
func (p *pipeline) reloadOn(ctx context.Context, signals <-chan os.Signal) {
	s := &stage{name: "policy", run: func(ctx context.Context) error {
		for {
			select {
			case <-signals:
				p.reload(ctx)
			case <-ctx.Done():
				return nil
			}
		}
	}}
	s.start(ctx, p.failed)
	p.stages = slices.Insert(p.stages, 0, s)
}

// reload puts the policy in force that is in the files now. If it cannot be
// loaded, the one in force stays. Only one goroutine may reload.
func (p *pipeline) reload(ctx context.Context) {
	outcome, err := p.tryReload(ctx)
	if err != nil {
		p.log.Error("policy not reloaded; the old one stays in force", "err", err)
	}
	p.metrics.reloads.WithLabelValues(outcome).Inc()
}

func (p *pipeline) tryReload(ctx context.Context) (outcome string, err error) {
	policy, err := loadPolicy(p.cfg.Policy)
	// What cannot be read, perhaps just now, says nothing against the rules that
	// were read from it before, nor that it is not the estate.
	if policy != nil && len(policy.Unread) > 0 {
		return reloadFailed, policy.Unread
	}
	// Half an estate would judge people by other names, or by no names at all.
	if faults, ok := errors.AsType[sigma.Faults](err); ok && rules.OfEstate(faults).Err() != nil {
		return reloadFailed, rules.OfEstate(faults)
	}
	if err := tolerateFaults(policy, err, p.log); err != nil {
		return reloadFailed, err
	}
	attribute(ctx, policy, p.cfg.Policy)
	old, fresh := p.announcement(p.policy), p.announcement(policy)
	if old.Loaded = fresh.Loaded; !p.unannounced && reflect.DeepEqual(old, fresh) {
		p.log.Info("policy is unchanged", "rules", len(policy.Documents()))
		return reloadUnchanged, nil
	}
	if err := p.enforce(ctx, policy); err != nil {
		return reloadFailed, err
	}
	d := monitor.Compare(old, fresh).Rules
	p.log.Info("policy reloaded", "rules", len(policy.Documents()), "added", ruleNames(d.Added), "changed", ruleNames(d.Changed),
		"removed", ruleNames(d.Removed), "rejected", rejectedNames(policy), "digest", policy.Digest.Short(),
		"commit", policy.Commit)
	return reloadLoaded, nil
}

// ruleNames are rules, as a log line shows them.
type ruleNames []string

// maxLogged bounds the rules that a log line names.
const maxLogged = 20

// LogValue implements [slog.LogValuer].
func (n ruleNames) LogValue() slog.Value {
	if len(n) == 0 {
		return slog.StringValue("none")
	}
	text := strings.Join(n[:min(len(n), maxLogged)], ", ")
	if more := len(n) - maxLogged; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return slog.StringValue(text)
}

func rejectedNames(policy *rules.Policy) (names ruleNames) {
	for _, r := range policy.Rejected {
		names = append(names, rejectedName(r))
	}
	return names
}

func rejectedName(r rules.Rejected) string {
	if r.Name != "" {
		return r.Name
	}
	return fmt.Sprintf("%s:%d", r.File, r.Line)
}
