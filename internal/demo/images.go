package demo

import (
	"fmt"
	"net/url"
	"time"
)

// cdEvent is what the pipeline says of an artifact: a CDEvent, version 0.4.
type cdEvent struct {
	Context struct {
		Version   string    `json:"version"`
		ID        string    `json:"id"`
		Source    string    `json:"source"`
		Type      string    `json:"type"`
		Timestamp time.Time `json:"timestamp"`
	} `json:"context"`
	Subject struct {
		ID      string         `json:"id"` // a package URL
		Source  string         `json:"source"`
		Content map[string]any `json:"content"`
	} `json:"subject"`
}

// digest is that of the image which the pipeline makes of a commit.
func (s *scribe) digest(service, sha string) string {
	return "sha256:" + newDice("image of "+service+" "+sha).hex(64)
}

// image is by what name workloads call it.
func (s *scribe) image(service, sha string) string {
	return s.registry() + "/" + service + "@" + s.digest(service, sha)
}

func (s *scribe) registry() string {
	return fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com", s.Company.Account, s.Company.Region)
}

// attest writes down that a run of the pipeline says of which commit it made an
// image.
func (s *scribe) attest(at time.Time, service, sha string, run int64) {
	var e cdEvent
	e.Context.Version, e.Context.ID, e.Context.Timestamp = "0.4.1", s.dice.uuid(), at
	e.Context.Source, e.Context.Type = s.web(service, "actions/runs", run), typePackaged
	e.Subject.Source = e.Context.Source
	e.Subject.ID = fmt.Sprintf("pkg:oci/%s@%s?repository_url=%s/%s", service, url.QueryEscape(s.digest(service, sha)), s.registry(), service)
	e.Subject.Content = map[string]any{
		"user":   actionsBot,
		"change": map[string]any{"id": sha, "source": "https://github.com/" + s.Company.Organisation + "/" + service},
	}
	s.tell(at, typePackaged, e)
}

// sync writes down how Argo CD brings an image into the cluster, and what the
// cluster then does by itself.
func (s *scribe) sync(at time.Time, service, image string) {
	name, hash := service+"-api", s.dice.letters(10, lowerAlphabet)
	spec := map[string]any{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "api", "image": image}},
	}}}}
	argo := func(after time.Duration, c call) {
		s.audit(at.Add(after), s.asAccount("argocd", "argocd-application-controller", c))
	}
	cluster := func(after time.Duration, controller string, c call) {
		c.namespace = service
		s.audit(at.Add(after), s.asAccount("kube-system", controller, c))
	}
	argo(0, call{verb: "patch", object: "applications/" + service, namespace: "argocd"})
	// The digest of a secret's body is kept, the body itself is not.
	argo(2*time.Second, call{verb: "patch", object: "secrets/" + name, namespace: service, body: map[string]any{
		"kind": "Secret", "metadata": map[string]any{"name": name}, "data": map[string]any{"token": "bm90IGEgcmVhbCBzZWNyZXQ="},
	}})
	argo(3*time.Second, call{verb: "patch", object: "deployments/" + name, namespace: service, body: spec})
	cluster(4*time.Second, "deployment-controller", call{verb: "create", object: "replicasets/" + name + "-" + hash})
	for i := range 2 {
		pod := "pods/" + name + "-" + hash + "-" + s.dice.letters(5, lowerAlphabet)
		wait := time.Duration(5+i) * time.Second
		cluster(wait, "replicaset-controller", call{verb: "create", object: pod})
		s.audit(at.Add(wait+2*time.Second), s.asNode(i, call{verb: "patch", object: pod + "/status", namespace: service}))
	}
	cluster(12*time.Second, "endpointslice-controller", call{verb: "update", object: "endpointslices/" + name + "-x7k2p"})
	argo(20*time.Second, call{verb: "patch", object: "applications/" + service + "/status", namespace: "argocd"})
}
