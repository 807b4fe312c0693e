package main

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/approvals"
	"sidedoor/ingest/ci"
	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/github"
	"sidedoor/ingest/github/auditlog"
	"sidedoor/ingest/gitlab"
	"sidedoor/ingest/gitops"
	"sidedoor/ingest/kubernetes"
	"sidedoor/ingest/manifest"
	"sidedoor/ingest/monitor"
)

// sourceConfig is one source: a name, what is common to all sources, and the
// configuration of exactly one kind.
type sourceConfig struct {
	Name     string              `yaml:"name"`
	Scope    string              `yaml:"scope"`    // account, cluster or organisation
	Lateness time.Duration       `yaml:"lateness"` // how late its events may arrive
	Coverage ingest.CoverageMode `yaml:"coverage"` // traffic (default), clock, events
	// ClockSkew is by how much the source's clock may differ from those of others.
	ClockSkew time.Duration `yaml:"clock-skew"`
	// SilentAfter is how far its coverage may be behind before that is an event of
	// its own; by default that is learned, and for coverage: events it never is.
	SilentAfter time.Duration `yaml:"silent-after"`

	CloudTrail  *cloudtrail.Config    `yaml:"cloudtrail"`
	Kubernetes  *kubernetes.Config    `yaml:"kubernetes"`
	GitHub      *github.Config        `yaml:"github"`
	GitHubAudit *auditlog.Config      `yaml:"github-audit"`
	GitLab      *gitlab.Config        `yaml:"gitlab"`
	GitLabAudit *gitlab.AuditConfig   `yaml:"gitlab-audit"`
	CI          *ci.Config            `yaml:"ci"`
	ArgoCD      *gitops.ArgoConfig    `yaml:"argocd"`
	Flux        *gitops.FluxConfig    `yaml:"flux"`
	Jira        *approvals.Jira       `yaml:"jira"`
	ServiceNow  *approvals.ServiceNow `yaml:"servicenow"`
	PagerDuty   *approvals.PagerDuty  `yaml:"pagerduty"`
	Teleport    *approvals.Teleport   `yaml:"teleport"`
	Team        *approvals.Team       `yaml:"team"`
	Approvals   *approvals.Config     `yaml:"approvals"`
}

// kind returns the configuration of the kind that is set, or nil and the names of
// all kinds if it is not exactly one.
func (s *sourceConfig) kind() (k ingest.Kind, names []string) {
	set := 0
	v := reflect.ValueOf(s).Elem()
	for i := range v.NumField() {
		field := v.Field(i)
		if !field.Type().Implements(reflect.TypeFor[ingest.Kind]()) {
			continue
		}
		names = append(names, v.Type().Field(i).Tag.Get("yaml"))
		if !field.IsNil() {
			set++
			k, _ = field.Interface().(ingest.Kind)
		}
	}
	if set != 1 {
		return nil, names
	}
	return k, names
}

func (s *sourceConfig) validate() error {
	kind, names := s.kind()
	if kind == nil {
		return fmt.Errorf("it has to have exactly one of %s", strings.Join(names, ", "))
	}
	if s.Lateness < 0 {
		return fmt.Errorf("lateness: %v is negative", s.Lateness)
	}
	if s.ClockSkew < 0 || s.ClockSkew > maxClockSkew {
		return fmt.Errorf("clock-skew: %v is not between 0 and %v; a clock that is off by more cannot order acts and approvals", s.ClockSkew, maxClockSkew)
	}
	if s.SilentAfter < 0 {
		return fmt.Errorf("silent-after: %v is negative", s.SilentAfter)
	}
	if s.Name == monitor.Source {
		return fmt.Errorf("the name %q is that of the monitor's own source; take another", s.Name)
	}
	return errors.Join(kind.Validate(), s.Coverage.Validate())
}

// maxClockSkew is far beyond what synchronised clocks differ by.
const maxClockSkew = time.Hour

// wantsClientCertificate says whether the source knows its senders by a client
// certificate, so that the server has to serve TLS.
func (s *sourceConfig) wantsClientCertificate() bool {
	kind, _ := s.kind()
	k, ok := kind.(interface{ WantsClientCertificate() bool })
	return ok && k.WantsClientCertificate()
}

// resolve makes the paths of files independent of where the program was
// started.
func (s *sourceConfig) resolve(path func(string) string) {
	if kind, _ := s.kind(); kind != nil {
		kind.Resolve(path)
	}
}

// urlPath is the path that the source is received on, or empty.
func (s *sourceConfig) urlPath() string {
	if kind, _ := s.kind(); kind != nil {
		return kind.URLPath()
	}
	return ""
}

func (s *sourceConfig) source() ingest.Source {
	src := ingest.Source{}
	if kind, _ := s.kind(); kind != nil {
		src = kind.Defaults()
	}
	if s.Lateness != 0 || s.Coverage == ingest.Events {
		src.Lateness = s.Lateness
	}
	src.Name, src.Scope, src.Coverage = s.Name, s.Scope, s.Coverage
	return src
}

// intake is what a source puts its deliveries into.
func (p *pipeline) intake(src ingest.Source, metrics *ingest.Metrics) ingest.Intake {
	return ingest.Intake{
		Source: src, Sink: p.stream, Bookmarks: p.stream, Arrivals: p.stream, Coverage: ingest.NewCoverage(src, p.stream, p.now),
		Metrics: metrics, Gate: p.gate, Now: p.now, Log: p.log,
	}
}

// keeper keeps account of what arrives. What is over by the clock that arrivals are
// dated by is put on record by the clock on the wall, as all records are.
func (p *pipeline) keeper() *manifest.Keeper {
	return &manifest.Keeper{Stream: p.stream, Sources: p.cfg.accounted(), Now: p.now, Recorded: time.Now, Truncated: truncated, Log: p.log}
}

// truncated says whether an event of a product says of itself that a part of it is
// left out.
func truncated(product string, raw []byte) bool {
	return product == kubernetes.Product && kubernetes.Truncated(raw)
}

// accounted are the sources of which account is kept: the configured ones, and the
// monitor itself.
func (c *config) accounted() []manifest.Source {
	var out []manifest.Source
	for i := range c.Sources {
		src := c.Sources[i].source()
		out = append(out, manifest.Source{
			Name: src.Name, Product: src.Product, Service: src.Service, Lateness: src.Lateness, Received: c.Sources[i].urlPath() != "",
		})
	}
	return append(out, manifest.Source{Name: monitor.Source, Product: monitor.Product, Service: monitor.Service})
}

// ingest makes a stage of each source that runs by itself, and one of the
// server for those that are received.
func (p *pipeline) ingest(metrics *ingest.Metrics) ([]*stage, error) {
	mux := http.NewServeMux()
	var stages []*stage
	for i := range p.cfg.Sources {
		cfg := &p.cfg.Sources[i]
		in := p.intake(cfg.source(), metrics)
		kind, _ := cfg.kind()
		running, err := kind.Open(in)
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", cfg.Name, err)
		}
		stages = append(stages, &stage{name: "coverage of " + cfg.Name, run: in.Coverage.Run})
		if running.Run != nil {
			stages = append(stages, &stage{name: "source " + cfg.Name, run: running.Run})
		}
		if running.Handler != nil {
			mux.Handle(kind.URLPath(), running.Handler)
			if below := strings.TrimSuffix(kind.URLPath(), "/") + "/"; running.Below && below != kind.URLPath() {
				mux.Handle(below, running.Handler)
			}
		}
	}
	server, err := p.server(mux)
	if err != nil {
		return nil, err
	}
	return append([]*stage{server}, stages...), nil
}
