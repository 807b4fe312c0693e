package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"sidedoor/alerting"
	"sidedoor/ingest"
	"sidedoor/ingest/monitor"
	"sidedoor/rules"
	"sidedoor/rules/judge"
	"sidedoor/rules/pack"
	"sidedoor/stream"
)

// config is sidedoor.yaml. Paths in it are relative to its folder; secrets
// are never in it but in files that it names.
type config struct {
	// Name says which installation this is; it is the ledger's origin.
	Name   string    `yaml:"name"`
	Data   string    `yaml:"data"`
	Listen string    `yaml:"listen"`
	TLS    tlsConfig `yaml:"tls"`
	NATS   struct {
		URL             string `yaml:"url"`
		CredentialsFile string `yaml:"credentials-file"`
		Replicas        int    `yaml:"replicas"`
		// MinFree is what of the data folder's disk is kept free of events, for
		// verdicts and records; default 256MiB.
		MinFree size `yaml:"min-free"`
		// MaxEvents is the most that events may take; default: what the disk has.
		MaxEvents size `yaml:"max-events"`
	} `yaml:"nats"`
	Ingest struct {
		// Memory is the most that deliveries may take while they are received;
		// default 256MiB.
		Memory size `yaml:"memory"`
	} `yaml:"ingest"`
	// Policy lists folders of rules, controls and estate that are laid over
	// the built-in pack, later over earlier.
	Policy    []string         `yaml:"policy"`
	Judge     judgeConfig      `yaml:"judge"`
	Seal      time.Duration    `yaml:"seal"` // how often the ledger is signed; default 2s
	Sources   []sourceConfig   `yaml:"sources"`
	Alerting  alerting.Config  `yaml:"alerting"`
	Receivers []receiverConfig `yaml:"receivers"`

	dir   string        // of the file
	looks time.Duration // how often the monitor looks at itself; 0: as usual
}

type tlsConfig struct {
	CertFile string `yaml:"cert-file"`
	KeyFile  string `yaml:"key-file"`
}

type judgeConfig struct {
	Grace time.Duration `yaml:"grace"` // of rules that name none; default 5m
	Limit time.Duration `yaml:"limit"` // likewise; default 1h
	Burst time.Duration `yaml:"burst"` // default 10m
}

// loadConfig reads a configuration file; every fault in it is reported.
func loadConfig(path string) (*config, error) {
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w; --config names the file, the README shows one", err)
	}
	c := &config{dir: filepath.Dir(path)}
	if err := yaml.UnmarshalWithOptions(src, c, yaml.Strict()); err != nil {
		return nil, fmt.Errorf("configuration %s: %s", path, yaml.FormatError(err, false, true))
	}
	c.setDefaults()
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("configuration %s:\n%w", path, err)
	}
	return c, nil
}

func (c *config) setDefaults() {
	if c.Name == "" {
		c.Name = "sidedoor"
	}
	if c.Data == "" {
		c.Data = "data"
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:8321"
	}
	c.Alerting.Exists = stream.ErrExists
	if c.Seal == 0 {
		c.Seal = 2 * time.Second
	}
	c.Data = c.path(c.Data)
	for i := range c.Policy {
		c.Policy[i] = c.path(c.Policy[i])
	}
	c.NATS.CredentialsFile = c.path(c.NATS.CredentialsFile)
	c.TLS.CertFile, c.TLS.KeyFile = c.path(c.TLS.CertFile), c.path(c.TLS.KeyFile)
	for i := range c.Sources {
		c.Sources[i].resolve(c.path)
	}
	for i := range c.Receivers {
		c.Receivers[i].resolve(c.path)
	}
}

// path resolves a path of the file against the file's folder.
func (c *config) path(p string) string {
	if p == "" || filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.dir, p)
}

// token is a name that becomes a part of a stream's subjects.
var token = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

func (c *config) validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("  "+format, args...)) }

	if len(c.Sources) == 0 {
		fault("sources: there is none, so there is nothing to watch; docs/sources.md shows every kind")
	}
	names, paths := map[string]bool{}, map[string]bool{}
	for i, s := range c.Sources {
		if !token.MatchString(s.Name) || names[s.Name] {
			fault("sources[%d]: name %q is not a new name of lower-case letters, digits and '-'", i, s.Name)
		}
		names[s.Name] = true
		if err := c.Sources[i].validate(); err != nil {
			fault("source %s: %w", s.Name, err)
		}
		if c.TLS.CertFile == "" && c.Sources[i].wantsClientCertificate() {
			fault("source %s: client-ca-file: clients show their certificates over TLS only; set tls.cert-file and tls.key-file", s.Name)
		}
		if p := s.urlPath(); p != "" && paths[p] {
			fault("source %s: path %s is taken by another source", s.Name, p)
		} else {
			paths[p] = true
		}
	}
	names = map[string]bool{}
	for i, r := range c.Receivers {
		if !token.MatchString(r.Name) || names[r.Name] {
			fault("receivers[%d]: name %q is not a new name of lower-case letters, digits and '-'", i, r.Name)
		}
		names[r.Name] = true
		if err := c.Receivers[i].validate(); err != nil {
			fault("receiver %s: %w", r.Name, err)
		}
	}
	if err := c.validateListen(); err != nil {
		fault("%w", err)
	}
	if m := c.Ingest.Memory; m != 0 && m < ingest.MinMemory {
		fault("ingest: memory: %s are too little for one large delivery, give at least %s", m, size(ingest.MinMemory))
	}
	if err := c.stream().Validate(); err != nil {
		fault("nats: %w", err)
	}
	if err := c.Alerting.Validate(); err != nil {
		fault("alerting: %w", err)
	}
	for name, d := range map[string]time.Duration{
		"judge.grace": c.Judge.Grace, "judge.limit": c.Judge.Limit, "judge.burst": c.Judge.Burst, "seal": c.Seal,
	} {
		if d < 0 {
			fault("%s: %v is negative", name, d)
		}
	}
	return errors.Join(faults...)
}

// validateListen refuses to take bearer tokens in the clear from other
// machines.
func (c *config) validateListen() error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %q is not host:port, such as 127.0.0.1:8321: %w", c.Listen, err)
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		return errors.New("tls: cert-file and key-file go together")
	}
	ip := net.ParseIP(host)
	local := host == "localhost" || (ip != nil && ip.IsLoopback())
	if !local && c.TLS.CertFile == "" {
		return fmt.Errorf("listen: %q is reachable by other machines, so tokens would travel in the clear; set tls.cert-file and tls.key-file, or listen on 127.0.0.1", c.Listen)
	}
	return nil
}

func (c *config) stream() stream.Config {
	return stream.Config{
		Dir: c.Data, URL: c.NATS.URL, CredentialsFile: c.NATS.CredentialsFile, Replicas: c.NATS.Replicas,
		MinFree: int64(c.NATS.MinFree), MaxEventsBytes: int64(c.NATS.MaxEvents), OwnSource: monitor.Source,
	}
}

func (c *config) judge() judge.Config { return judge.Config{Burst: c.Judge.Burst} }

func (c *config) ruleDefaults() rules.Defaults {
	return rules.Defaults{Grace: c.Judge.Grace, Limit: c.Judge.Limit}
}

// builtIn stands before the names of the pack's files; nobody's folder is
// called so.
const builtIn = "built-in:"

// packPrefix stands before the pack's files where a policy's files are recorded.
const packPrefix = "pack/"

// loadPolicy reads the built-in pack with the given folders and files laid
// over it. A fault in one rule does not take the others down: it is for the
// caller to say whether to go on. The policy is nil if a path is not there.
func loadPolicy(paths []string) (*rules.Policy, error) {
	layers := []rules.Layer{{FS: pack.FS(), Path: builtIn}}
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return nil, fmt.Errorf("policy: %w", err)
		}
		if info.IsDir() {
			layers = append(layers, rules.Layer{FS: os.DirFS(p), Path: p})
		} else {
			layers = append(layers, rules.Layer{FS: os.DirFS(filepath.Dir(p)), File: filepath.Base(p), Path: filepath.Dir(p)})
		}
	}
	policy, faults := rules.LoadLayers(layers...)
	for i, f := range policy.Files {
		if name, ok := strings.CutPrefix(f.Path, builtIn); ok {
			policy.Files[i].Path = packPrefix + strings.TrimPrefix(filepath.ToSlash(name), "/")
		}
	}
	return policy, faults.Err()
}
