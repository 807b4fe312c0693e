package gitops

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// ArgoConfig is one Argo CD: its notifications, or its Applications watched.
type ArgoConfig struct {
	Path      string `yaml:"path"`       // of the URL that notifications are posted to
	TokenFile string `yaml:"token-file"` // holds the bearer token
	Watch     `yaml:",inline"`
}

// Validate says what is wrong.
func (c *ArgoConfig) Validate() error {
	switch {
	case (c.Path != "") == c.watches():
		return errors.New("argocd: it has to have either path and token-file, for its notifications, or kubeconfig, to watch its Applications")
	case c.watches():
		if c.TokenFile != "" {
			return errors.New("token-file: it belongs to path; for the cluster's API the kubeconfig has the credentials")
		}
		return c.validate()
	}
	return errors.Join(ingest.ValidatePath(c.Path), ingest.ValidateSecret("token-file", c.TokenFile), c.unused())
}

// Resolve implements [ingest.Kind].
func (c *ArgoConfig) Resolve(path func(string) string) {
	if c.TokenFile != "" {
		c.TokenFile = path(c.TokenFile)
	}
	c.resolve(path)
}

// Defaults implements [ingest.Kind].
func (c *ArgoConfig) Defaults() ingest.Source {
	return ingest.Source{Product: ProductArgo, Service: ServiceApplication}
}

// URLPath implements [ingest.Kind].
func (c *ArgoConfig) URLPath() string { return c.Path }

// Open implements [ingest.Kind].
func (c *ArgoConfig) Open(in ingest.Intake) (ingest.Running, error) {
	if c.watches() {
		return c.open(in, &applications)
	}
	return receive(in, senders{tokenFile: c.TokenFile}, IdentifyApplication)
}

// applications are Argo CD's.
var applications = kind{
	name: "applications", one: "Application", group: "argoproj.io", version: "v1alpha1", product: ProductArgo,
	numbers: true, kept: []string{"project", "destination", "revisionHistoryLimit"},
	read: readApplication, identify: IdentifyApplication,
}

// readApplication reads an Application. Its controller writes the entry of
// history before it says that the operation is over, so the entry that began with the
// operation is not yet a sync of the past.
func readApplication(raw []byte, r *reading) {
	status := jsonscan.Get(raw, "status")
	jsonscan.Elements(jsonscan.Get(status, "history"), func(v []byte) bool {
		r.history = append(r.history, argoEntry(v))
		return true
	})
	state := jsonscan.Get(status, "operationState")
	started, phase := jsonscan.GetText(state, "startedAt"), jsonscan.GetText(state, "phase")
	switch phase {
	case "Succeeded", "Failed", "Error": // else it goes on, be it that it is tried again
		r.outcome = strings.Join([]string{started, phase, jsonscan.GetText(state, "finishedAt"), argoRevision(jsonscan.Get(state, "syncResult"))}, "/")
	}
	if n := len(r.history); n > 0 && started != "" {
		last := jsonscan.GetText(r.history[n-1].raw, "deployStartedAt")
		// Before Argo CD 1.9 an entry had no beginning.
		if last == started || (last == "" && !r.history[n-1].at.Before(jsonscan.GetTime(state, "startedAt"))) {
			r.current = r.history[n-1].key
		}
	}
	r.forgets = jsonscan.GetText(raw, "spec", "revisionHistoryLimit") == "0"
	r.silent = len(r.history) == 0 && phase == "Succeeded"
}

// argoEntry reads an entry of status.history.
func argoEntry(raw []byte) past {
	id, deployed := jsonscan.GetText(raw, "id"), jsonscan.GetText(raw, "deployedAt")
	p := past{key: id + "@" + deployed, number: -1, at: jsonscan.GetTime(raw, "deployStartedAt"), revision: argoRevision(raw), raw: raw}
	if n, err := strconv.ParseInt(id, 10, 64); err == nil && n >= 0 {
		p.number = n
	}
	if p.at.IsZero() {
		p.at = jsonscan.GetTime(raw, "deployedAt")
	}
	by := jsonscan.Get(raw, "initiatedBy")
	p.content = strings.Join([]string{p.revision, jsonscan.GetText(by, "username"), string(jsonscan.Get(by, "automated"))}, "/")
	return p
}

// argoRevision is the revision, or the revisions of several sources.
func argoRevision(raw []byte) string {
	if revision := jsonscan.GetText(raw, "revision"); revision != "" {
		return revision
	}
	return string(bytes.Join(bytes.Fields(jsonscan.Get(raw, "revisions")), nil))
}
