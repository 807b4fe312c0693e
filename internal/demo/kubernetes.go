package demo

import (
	"fmt"
	"strings"
	"time"
)

// auditEvent is one event of the cluster's audit log, audit.k8s.io/v1.
type auditEvent struct {
	Kind           string      `json:"kind"`
	APIVersion     string      `json:"apiVersion"`
	Level          string      `json:"level"`
	AuditID        string      `json:"auditID"`
	Stage          string      `json:"stage"`
	RequestURI     string      `json:"requestURI"`
	Verb           string      `json:"verb"`
	User           clusterUser `json:"user"`
	SourceIPs      []string    `json:"sourceIPs"`
	UserAgent      string      `json:"userAgent"`
	ObjectRef      objectRef   `json:"objectRef"`
	ResponseStatus struct {
		Metadata struct{} `json:"metadata"`
		Code     int      `json:"code"`
	} `json:"responseStatus"`
	RequestObject any               `json:"requestObject,omitempty"`
	Received      string            `json:"requestReceivedTimestamp"`
	StageTime     string            `json:"stageTimestamp"`
	Annotations   map[string]string `json:"annotations"`
}

type clusterUser struct {
	Username string   `json:"username"`
	Groups   []string `json:"groups"`
}

type objectRef struct {
	Resource    string `json:"resource"`
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name,omitempty"`
	APIGroup    string `json:"apiGroup,omitempty"`
	APIVersion  string `json:"apiVersion"`
	Subresource string `json:"subresource,omitempty"`
}

// call is one request to the cluster's API.
type call struct {
	user      clusterUser
	agent, ip string
	verb      string
	object    string // resource/name or resource/name/subresource
	namespace string // empty: the object is the cluster's
	body      any
}

// microTime is the layout of the times of audit events.
const microTime = "2006-01-02T15:04:05.000000Z07:00"

// groupVersions says where resources live that are not in the core group.
var groupVersions = map[string]string{
	"deployments": "apps/v1", "replicasets": "apps/v1", "statefulsets": "apps/v1",
	"ingresses": "networking.k8s.io/v1", "endpointslices": "discovery.k8s.io/v1", "leases": "coordination.k8s.io/v1",
	"horizontalpodautoscalers": "autoscaling/v2", "applications": "argoproj.io/v1alpha1",
	"clusterrolebindings": "rbac.authorization.k8s.io/v1", "rolebindings": "rbac.authorization.k8s.io/v1",
	"validatingwebhookconfigurations": "admissionregistration.k8s.io/v1",
}

func newObjectRef(object, namespace string) objectRef {
	parts := append(strings.SplitN(object, "/", 3), "", "")
	ref := objectRef{Resource: parts[0], Name: parts[1], Subresource: parts[2], Namespace: namespace, APIVersion: "v1"}
	if group, version, found := strings.Cut(groupVersions[ref.Resource], "/"); found {
		ref.APIGroup, ref.APIVersion = group, version
	}
	return ref
}

// uri is the path of the API that leads to the object.
func (r objectRef) uri(verb string) string {
	path := "/api/" + r.APIVersion
	if r.APIGroup != "" {
		path = "/apis/" + r.APIGroup + "/" + r.APIVersion
	}
	if r.Namespace != "" {
		path += "/namespaces/" + r.Namespace
	}
	path += "/" + r.Resource
	for _, part := range []string{r.Name, r.Subresource} {
		// An object that is created is posted to its collection.
		if part != "" && (verb != "create" || r.Subresource != "") {
			path += "/" + part
		}
	}
	return path
}

// audit writes down a request to the cluster and that it succeeded.
func (s *scribe) audit(at time.Time, c call) {
	ref := newObjectRef(c.object, c.namespace)
	received := at.Add(time.Duration(s.dice.IntN(500_000)) * time.Microsecond)
	done := received.Add(time.Duration(2_000+s.dice.IntN(40_000)) * time.Microsecond)
	e := auditEvent{
		Kind: "Event", APIVersion: "audit.k8s.io/v1", Level: "Metadata", AuditID: s.dice.uuid(),
		Stage: "ResponseComplete", RequestURI: ref.uri(c.verb), Verb: c.verb, User: c.user,
		SourceIPs: []string{c.ip}, UserAgent: c.agent, ObjectRef: ref, RequestObject: c.body,
		Received: received.Format(microTime), StageTime: done.Format(microTime),
		Annotations: map[string]string{"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""},
	}
	e.ResponseStatus.Code = 200
	switch {
	case ref.Subresource == "exec":
		e.ResponseStatus.Code = 101 // switching protocols: the terminal is open
		e.RequestURI += "?command=sh&stdin=true&stdout=true&tty=true"
	case c.verb == "create":
		e.ResponseStatus.Code = 201
	}
	if c.body != nil {
		e.Level = "Request"
	}
	s.write(happening{at: at, source: SourceKubernetes}, e)
}

const kubectl = "kubectl/v1.34.1 (darwin/arm64) kubernetes/93248f9"

// asPerson is a request that a person makes with kubectl.
func (s *scribe) asPerson(p Person, c call) call {
	c.user = clusterUser{p.Email, []string{s.Company.Organisation + ":" + p.Group, "system:authenticated"}}
	c.agent, c.ip = kubectl, officeIP(p)
	return c
}

// asAccount is a request of a program in the cluster with its service account.
func (s *scribe) asAccount(namespace, name string, c call) call {
	c.user = clusterUser{
		"system:serviceaccount:" + namespace + ":" + name,
		[]string{"system:serviceaccounts", "system:serviceaccounts:" + namespace, "system:authenticated"},
	}
	c.agent, c.ip = name+"/v3.2.0", fmt.Sprintf("10.0.%d.%d", 1+len(namespace), 10+len(name))
	return c
}

// officeIP gives everybody an address of their own, from a range that is
// reserved for documentation (RFC 5737).
func officeIP(p Person) string {
	return fmt.Sprintf("203.0.113.%d", 10+int(p.Name[0]-'a'))
}
