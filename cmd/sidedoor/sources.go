package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"sidedoor/ingest"
	"sidedoor/ingest/approvals"
	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/github"
	"sidedoor/ingest/kubernetes"
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
	// its own; default 2h, and for coverage: events never.
	SilentAfter time.Duration `yaml:"silent-after"`

	CloudTrail *cloudtrail.Config `yaml:"cloudtrail"`
	Kubernetes *kubernetes.Config `yaml:"kubernetes"`
	GitHub     *github.Config     `yaml:"github"`
	Approvals  *approvals.Config  `yaml:"approvals"`
}

// kinds returns the configurations of kinds that are set.
func (s *sourceConfig) kinds() []interface{ Validate() error } {
	var out []interface{ Validate() error }
	if s.CloudTrail != nil {
		out = append(out, s.CloudTrail)
	}
	if s.Kubernetes != nil {
		out = append(out, s.Kubernetes)
	}
	if s.GitHub != nil {
		out = append(out, s.GitHub)
	}
	if s.Approvals != nil {
		out = append(out, s.Approvals)
	}
	return out
}

func (s *sourceConfig) validate() error {
	kinds := s.kinds()
	if len(kinds) != 1 {
		return errors.New("it has to have exactly one of cloudtrail, kubernetes, github, approvals")
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
	return errors.Join(kinds[0].Validate(), s.Coverage.Validate())
}

// maxClockSkew is far beyond what synchronised clocks differ by.
const maxClockSkew = time.Hour

// resolve makes the paths of files independent of where the program was
// started.
func (s *sourceConfig) resolve(path func(string) string) {
	switch {
	case s.CloudTrail != nil:
		s.CloudTrail.Folder = path(s.CloudTrail.Folder)
	case s.Kubernetes != nil:
		s.Kubernetes.TokenFile = path(s.Kubernetes.TokenFile)
	case s.GitHub != nil:
		s.GitHub.SecretFile = path(s.GitHub.SecretFile)
	case s.Approvals != nil:
		s.Approvals.TokenFile = path(s.Approvals.TokenFile)
	}
}

// urlPath is the path that the source is received on, or empty.
func (s *sourceConfig) urlPath() string {
	switch {
	case s.Kubernetes != nil:
		return s.Kubernetes.Path
	case s.GitHub != nil:
		return s.GitHub.Path
	case s.Approvals != nil:
		return s.Approvals.Path
	}
	return ""
}

// cloudTrailLateness is how late CloudTrail delivers: AWS says within about 5
// minutes on average and 15 at the most for nearly all (CloudTrail FAQ).
const cloudTrailLateness = 15 * time.Minute

func (s *sourceConfig) source() ingest.Source {
	src := ingest.Source{Name: s.Name, Scope: s.Scope, Lateness: s.Lateness, Coverage: s.Coverage}
	switch {
	case s.CloudTrail != nil:
		src.Product, src.Service = cloudtrail.Product, cloudtrail.Service
		if src.Lateness == 0 && src.Coverage != ingest.Events {
			src.Lateness = cloudTrailLateness
		}
	case s.Kubernetes != nil:
		src.Product, src.Service = kubernetes.Product, kubernetes.Service
	case s.GitHub != nil:
		src.Product, src.Service = github.Product, github.ServiceWebhook
	case s.Approvals != nil:
		src.Product, src.Service = approvals.Product, approvals.Service
	}
	return src
}

// ingest makes a stage of each source that runs by itself, and one of the
// server for those that are received.
func (p *pipeline) ingest(metrics *ingest.Metrics) ([]*stage, error) {
	mux := http.NewServeMux()
	var stages []*stage
	for i := range p.cfg.Sources {
		cfg := &p.cfg.Sources[i]
		src := cfg.source()
		coverage := ingest.NewCoverage(src, p.stream, p.now)
		stages = append(stages, &stage{name: "coverage of " + src.Name, run: coverage.Run})
		if cfg.CloudTrail != nil {
			folder := &cloudtrail.Folder{
				Config: *cfg.CloudTrail, Source: src, Sink: p.stream, Bookmarks: p.stream,
				Coverage: coverage, Metrics: metrics, Now: p.now, Log: p.log,
			}
			stages = append(stages, &stage{name: "source " + src.Name, run: folder.Run})
			continue
		}
		receiver, err := cfg.receiver(ingest.Receiver{
			Source: src, Sink: p.stream, Coverage: coverage, Metrics: metrics, Now: p.now, Log: p.log,
		})
		if err != nil {
			return nil, fmt.Errorf("source %s: %w", src.Name, err)
		}
		mux.Handle(cfg.urlPath(), receiver)
	}
	server, err := p.server(mux)
	if err != nil {
		return nil, err
	}
	return append([]*stage{server}, stages...), nil
}

func (s *sourceConfig) receiver(base ingest.Receiver) (*ingest.Receiver, error) {
	switch {
	case s.Kubernetes != nil:
		return kubernetes.Setup(*s.Kubernetes, base)
	case s.GitHub != nil:
		return github.Setup(*s.GitHub, base)
	default:
		return approvals.Setup(*s.Approvals, base)
	}
}

// server is the stage that receives: the sources, and the program's own
// pages.
func (p *pipeline) server(mux *http.ServeMux) (*stage, error) {
	p.pages(mux)
	var lc net.ListenConfig
	listener, err := lc.Listen(context.Background(), "tcp", p.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p.addr = listener.Addr()
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: time.Minute,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
	return &stage{name: "server", run: func(ctx context.Context) error {
		var g errgroup.Group
		g.Go(func() error {
			var err error
			if p.cfg.TLS.CertFile != "" {
				err = server.ServeTLS(listener, p.cfg.TLS.CertFile, p.cfg.TLS.KeyFile)
			} else {
				err = server.Serve(listener)
			}
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		})
		g.Go(func() error {
			<-ctx.Done()
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin/2)
			defer cancel()
			return server.Shutdown(stop)
		})
		return g.Wait()
	}}, nil
}
