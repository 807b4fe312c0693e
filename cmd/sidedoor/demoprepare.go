package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"sidedoor/internal/demo"
)

// demoMarker is a file that says that a folder is a demo's and may be
// replaced.
const demoMarker = "this-is-a-sidedoor-demo"

// prepare makes the demo's folder: configuration, policy, secrets; and the
// receiver that stands in for Slack.
func (d *demonstration) prepare(ctx context.Context) (*demo.Receiver, error) {
	if err := d.clear(); err != nil {
		return nil, err
	}
	d.secrets = map[string]string{}
	for _, name := range []string{"kubernetes", "github", "approvals", "webhook"} {
		var b [24]byte
		if _, err := rand.Read(b[:]); err != nil {
			return nil, err
		}
		d.secrets[name] = hex.EncodeToString(b[:])
	}
	receiver, err := demo.Listen(ctx, d.secrets["webhook"], d.told.add)
	if err != nil {
		return nil, err
	}
	d.secrets["slack-url"] = receiver.SlackURL()
	for name, secret := range d.secrets {
		if err := d.write(filepath.Join("secrets", name), secret+"\n"); err != nil {
			return nil, err
		}
	}
	if err := os.CopyFS(filepath.Join(d.dir, "policy"), d.scenario.Policy()); err != nil {
		return nil, err
	}
	company := d.scenario.Company
	config := fmt.Sprintf(demoConfig, company.Account, company.Cluster, company.Organisation, receiver.WebhookURL())
	if err := d.write("sidedoor.yaml", config); err != nil {
		return nil, err
	}
	if d.cfg, err = loadConfig(filepath.Join(d.dir, "sidedoor.yaml")); err != nil {
		return nil, err
	}
	d.cfg.looks = storyLooks
	return receiver, nil
}

// demoConfig is the demo's sidedoor.yaml. The week is past when it is played,
// so each source is complete up to the newest event that it has delivered.
const demoConfig = `name: sidedoor/demo
data: data
listen: 127.0.0.1:0
policy: [policy]
seal: 500ms

sources:
  - name: cloudtrail
    scope: %q
    coverage: events
    silent-after: 3h
    cloudtrail: {folder: cloudtrail}
  - name: kubernetes
    scope: %s
    coverage: events
    kubernetes: {path: /kubernetes/prod, token-file: secrets/kubernetes}
  - name: github
    scope: %s
    coverage: events
    github: {path: /github, secret-file: secrets/github}
  - name: approvals
    coverage: events
    approvals: {path: /approvals, token-file: secrets/approvals}

alerting: {group-wait: 100ms}
receivers:
  - name: secops
    slack: {url-file: secrets/slack-url}
  - name: siem
    min-level: high
    webhook: {url: %q, secret-file: secrets/webhook}
`

// clear removes an earlier demo, and nothing else.
func (d *demonstration) clear() error {
	_, err := os.Stat(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return d.write(demoMarker, "sidedoor demo replaces this folder\n")
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(d.dir, demoMarker)); err != nil {
		return fmt.Errorf("%s exists and is not a demo's; name another folder with --dir", d.dir)
	}
	if err := os.RemoveAll(d.dir); err != nil {
		return err
	}
	return d.write(demoMarker, "sidedoor demo replaces this folder\n")
}

func (d *demonstration) write(name, content string) error {
	path := filepath.Join(d.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

// endpoints are where the week is played to.
func (d *demonstration) endpoints() demo.Endpoints {
	base := "http://" + d.pipeline.addr.String()
	return demo.Endpoints{
		KubernetesURL: base + "/kubernetes/prod", KubernetesToken: d.secrets["kubernetes"],
		GitHubURL: base + "/github", GitHubSecret: d.secrets["github"],
		ApprovalsURL: base + "/approvals", ApprovalsToken: d.secrets["approvals"],
		CloudTrailFolder: filepath.Join(d.dir, "cloudtrail"),
	}
}
