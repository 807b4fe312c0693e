package logfile

import (
	"errors"
	"fmt"
	"strings"

	"sidedoor/event"
	"sidedoor/ingest/approvals"
	"sidedoor/ingest/ci"
	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/github"
	"sidedoor/ingest/gitlab"
	"sidedoor/ingest/gitops"
	"sidedoor/ingest/jsonscan"
	"sidedoor/ingest/kubernetes"
	"sidedoor/ingest/monitor"
)

// origin is what a record's content says about its source.
type origin struct{ source, product, service string }

var (
	fromCloudTrail = origin{"cloudtrail", cloudtrail.Product, cloudtrail.Service}
	fromKubernetes = origin{"kubernetes", kubernetes.Product, kubernetes.Service}
	fromWebhook    = origin{"github", github.Product, github.ServiceWebhook}
	fromAuditLog   = origin{"github-audit", github.Product, github.ServiceAudit}
	fromApprovals  = origin{"approvals", approvals.Product, approvals.Service}
	fromGitLab     = origin{"gitlab", gitlab.Product, gitlab.ServiceWebhook}
	fromGitLabLog  = origin{"gitlab-audit", gitlab.Product, gitlab.ServiceAudit}
	fromArgo       = origin{"argocd", gitops.ProductArgo, gitops.ServiceApplication}
	fromFlux       = origin{"flux", gitops.ProductFlux, gitops.ServiceEvent}
	fromFluxObject = origin{"flux-objects", gitops.ProductFlux, gitops.ServiceObject}
	fromCI         = origin{"ci", ci.Product, ci.Service}
)

// Identify reads an event's identity and time from its body, for an event
// whose log source and, if it is a webhook, name are known.
func Identify(product, service, kind string, raw []byte) (event.Event, error) {
	switch (origin{product: product, service: service}) {
	case origin{product: cloudtrail.Product, service: cloudtrail.Service}:
		return cloudtrail.Identify(raw)
	case origin{product: kubernetes.Product, service: kubernetes.Service}:
		return kubernetes.Identify(raw)
	case origin{product: github.Product, service: github.ServiceWebhook}:
		return github.IdentifyWebhook(kind, "", raw)
	case origin{product: github.Product, service: github.ServiceAudit}:
		return github.IdentifyAudit(raw)
	case origin{product: approvals.Product, service: approvals.Service}:
		return approvals.Identify(raw)
	case origin{product: gitlab.Product, service: gitlab.ServiceWebhook}:
		return gitlab.IdentifyWebhook("", raw)
	case origin{product: gitlab.Product, service: gitlab.ServiceAudit}:
		return gitlab.IdentifyAudit(raw)
	case origin{product: gitops.ProductArgo, service: gitops.ServiceApplication}:
		return gitops.IdentifyApplication(raw)
	case origin{product: gitops.ProductFlux, service: gitops.ServiceEvent}:
		return gitops.IdentifyFlux(raw)
	case origin{product: gitops.ProductFlux, service: gitops.ServiceObject}:
		return gitops.IdentifyFluxObject(raw)
	case origin{product: ci.Product, service: ci.Service}:
		return ci.Identify(raw)
	case origin{product: monitor.Product, service: monitor.Service}:
		return monitor.Identify(raw)
	}
	if feed, known := approvals.Feeds[product]; known && feed.Service == service {
		return feed.Identify("", raw)
	}
	return event.Event{}, fmt.Errorf("there is no source of %s/%s events", product, service)
}

// shape holds the top-level values by which kinds are told apart.
type shape map[string][]byte

func (s shape) has(keys ...string) bool {
	for _, k := range keys {
		if s[k] == nil {
			return false
		}
	}
	return true
}

func (s shape) text(key string) string { return jsonscan.Text(s[key]) }

// feeds are the top-level keys by which the feeds of approvals are known; what
// others have too is no reason.
var feeds = []struct {
	product string
	keys    []string
}{
	{"jira", []string{"webhookEvent", "timestamp"}},
	{"servicenow", []string{"number", "sys_id"}},
	{"teleport", []string{"event", "code", "uid", "time"}},
	{"team", []string{"eventID", "eventName", "dynamodb"}},
}

// feed recognises what a system posts that grants or approves.
func feed(raw []byte, s shape) (origin, func([]byte) (event.Event, error)) {
	product := ""
	for _, f := range feeds {
		if s.has(f.keys...) {
			product = f.product
		}
	}
	if s.has("event") && jsonscan.GetText(raw, "event", "occurred_at") != "" {
		product = "pagerduty"
	}
	f, known := approvals.Feeds[product]
	if !known {
		return origin{}, nil
	}
	return origin{product, f.Product, f.Service}, func(raw []byte) (event.Event, error) { return f.Identify("", raw) }
}

// maxMembers bounds at how many keys of a record is looked; no kind has half as
// many.
const maxMembers = 1000

// recognise finds out from a record's content what it is, takes off what
// shippers wrap around it, and reads its identity and time. Whether it is valid
// JSON, each kind looks at for itself.
func recognise(raw []byte) (origin, event.Event, error) {
	return recogniseWithin(raw, 0)
}

// maxWraps bounds the envelopes around a record.
const maxWraps = 3

func recogniseWithin(raw []byte, depth int) (origin, event.Event, error) {
	s := shape{}
	jsonscan.Members(raw, func(key string, value []byte) bool {
		s[key] = value
		return len(s) < maxMembers
	})
	if inner, ok := unwrap(s); ok && depth < maxWraps {
		return recogniseWithin(inner, depth+1)
	}
	if d, ok := webhookDelivery(s); ok {
		return d.identify()
	}
	switch {
	case s.has("eventSource", "eventName") || s.has("eventVersion", "userIdentity"):
		e, err := cloudtrail.Identify(raw)
		return fromCloudTrail, e, err
	case isAudit(s):
		e, err := kubernetes.Identify(raw)
		return fromKubernetes, e, err
	case s.has("specversion", "type", "source") && strings.HasPrefix(s.text("type"), "dev.sidedoor."):
		e, err := approvals.Identify(raw)
		return fromApprovals, e, err
	}
	for _, known := range []func([]byte, shape) (origin, func([]byte) (event.Event, error)){feed, platform} {
		if o, identify := known(raw, s); identify != nil {
			e, err := identify(raw)
			return o, e, err
		}
	}
	if what := otherProduct(s); what != "" {
		return origin{}, event.Event{}, fmt.Errorf("looks like %s, which this version does not read", what)
	}
	return recogniseGitHub(raw, s)
}

// platform knows what other systems of the delivery platform write: GitLab,
// Argo CD, Flux, pipelines. What it goes by, none of GitHub's events has at its
// top.
func platform(raw []byte, s shape) (origin, func([]byte) (event.Event, error)) {
	switch {
	case s.has("object_kind"), s.has("event_name") && (s.has("project_id") || s.has("created_at")):
		return fromGitLab, func(raw []byte) (event.Event, error) { return gitlab.IdentifyWebhook("", raw) }
	case s.has("author_id", "entity_type", "details"):
		return fromGitLabLog, gitlab.IdentifyAudit
	case s.has("involvedObject", "reportingController"):
		return fromFlux, gitops.IdentifyFlux
	case s.has("context", "subject"), s.has("specversion", "type") && ci.Body(raw) != nil:
		return fromCI, ci.Identify
	case (s.has("apiVersion", "kind") || s.has("object")) && gitops.IsFluxObject(raw):
		return fromFluxObject, gitops.IdentifyFluxObject
	case (s.has("apiVersion", "kind") || s.has("app") || s.has("application") || s.has("object")) && gitops.Application(raw) != nil:
		return fromArgo, gitops.IdentifyApplication
	}
	return origin{}, nil
}

// recogniseGitHub tells the audit log from webhooks: its entries name their
// actor as a text, webhooks send an object.
func recogniseGitHub(raw []byte, s shape) (origin, event.Event, error) {
	if strings.Contains(s.text("action"), ".") || (s.has("action", "actor") && s.text("actor") != "") || s.has("_document_id") {
		e, err := github.IdentifyAudit(raw)
		return fromAuditLog, e, err
	}
	if kind := github.KindOf(raw); kind != "" {
		e, err := github.IdentifyWebhook(kind, "", raw)
		return fromWebhook, e, err
	}
	if s.has("sender") || s.has("action", "repository") {
		e, err := github.IdentifyWebhook("", "", raw)
		return fromWebhook, e, err
	}
	if !jsonscan.Valid(raw) {
		return origin{}, event.Event{}, errors.New("not valid JSON")
	}
	return origin{}, event.Event{}, errors.New("none of the kinds that this version reads")
}

func isAudit(s shape) bool {
	if strings.HasPrefix(s.text("apiVersion"), "audit.k8s.io/") && s.text("kind") == "Event" {
		return s.has("verb") || s.has("user") || s.has("auditID") || s.has("requestURI")
	}
	return s.has("auditID") || s.has("verb", "user") || s.has("verb", "objectRef")
}

// unwrap takes off what transports put around a record: EventBridge's detail,
// Azure's properties.log, and the syslog line that GitHub's appliance sends.
func unwrap(s shape) ([]byte, bool) {
	if s.has("detail-type", "detail") {
		return s["detail"], true
	}
	if p := s["properties"]; p != nil && s["auditID"] == nil {
		if log := jsonscan.GetText(p, "log"); strings.HasPrefix(log, "{") {
			return []byte(log), true
		}
	}
	if m := s.text("message"); m != "" && s["action"] == nil {
		if _, entry, ok := strings.Cut(m, "github_audit: "); ok && strings.HasPrefix(entry, "{") {
			return []byte(entry), true
		}
	}
	return nil, false
}

// otherProduct names what a record seems to be, for a better answer than "no".
func otherProduct(s shape) string {
	switch {
	case s.has("specversion", "type"):
		return "a CloudEvent of another system"
	case strings.HasPrefix(s.text("apiVersion"), "argoproj.io/"):
		return "an Argo CD object (" + s.text("kind") + ")"
	case s.has("protoPayload"):
		return "a Google Cloud audit log"
	case s.has("awsAccountId", "digestStartTime"):
		return "a CloudTrail digest file"
	case s.text("kind") != "" && s.has("apiVersion"):
		return "a Kubernetes object (" + s.text("kind") + ")"
	}
	return ""
}
