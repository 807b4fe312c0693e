package demo

import (
	"fmt"
	"time"
)

// releases is most of what a company does: somebody proposes a change, somebody
// else approves it, the pipeline builds it, a third approval lets it into
// production, and Argo CD brings it there.
func (s *scribe) releases() {
	for day := range 5 {
		for i := range 6 {
			r := s.part(fmt.Sprintf("release %d.%d", day, i))
			service := s.Services[i%len(s.Services)]
			opened := s.at(day, 8*time.Hour+time.Duration(i)*time.Hour+r.dice.between(0, 40*time.Minute))
			r.release(service, opened)
		}
	}
}

// works are what a change may be about.
var works = []struct{ title, branch, file string }{
	{"Show the depot's name on the tracking page", "depot-name", "internal/page/depot.go"},
	{"Retry when the label printer is busy", "printer-retry", "internal/label/printer.go"},
	{"Round postage to whole cents", "postage-cents", "internal/price/postage.go"},
	{"Bump the base image", "base-image", "Dockerfile"},
	{"Read addresses without a street", "street-less", "internal/address/parse.go"},
	{"Count parcels that nobody collects", "uncollected", "internal/metrics/parcel.go"},
	{"Explain why a refund is late", "refund-text", "internal/refund/text.go"},
	{"Pin the actions of the test workflow", "pin-actions", ".github/workflows/test.yaml"},
}

// release writes down one change on its way from a branch to production.
func (s *scribe) release(service string, opened time.Time) {
	author := pick(s.dice, s.engineers())
	reviewer, second := s.other(author), s.other(author)
	approved := opened.Add(s.dice.between(20*time.Minute, 70*time.Minute))
	work := pick(s.dice, works)
	p := proposal{
		repo: service, by: author.GitHub, title: work.title, branch: author.Name + "/" + work.branch, opened: opened,
		change: change{Message: work.title, Modified: []string{work.file}},
		merged: approved.Add(s.dice.between(2*time.Minute, 12*time.Minute)), mergedBy: author.GitHub,
	}
	if s.dice.IntN(3) == 0 {
		p.reviews = append(p.reviews, review{second.GitHub, approved.Add(-8 * time.Minute), "commented"})
	}
	p.reviews = append(p.reviews, review{reviewer.GitHub, approved, "approved"})
	sha := s.propose(p)
	s.build(p.merged.Add(10*time.Second), service, sha, author)
	asked := p.merged.Add(7 * time.Minute)
	starts := asked.Add(s.dice.between(2*time.Minute, 15*time.Minute))
	s.deploy(rollout{
		repo: service, sha: sha, environment: production, by: author.GitHub, approvedBy: reviewer.GitHub, at: asked, starts: starts,
	})
	s.sync(starts.Add(40*time.Second), service, sha)
}

// engineers are those who write code.
func (s *scribe) engineers() []Person {
	return append(s.role("developer"), s.role("platform engineer")...)
}

// other returns an engineer who is not p.
func (s *scribe) other(p Person) Person {
	for {
		if o := pick(s.dice, s.engineers()); o.Name != p.Name {
			return o
		}
	}
}

// build writes down how the pipeline makes an image of a commit.
func (s *scribe) build(at time.Time, service, sha string, by Person) {
	s.run(at, service, workflowRun{
		Name: "build", Path: ".github/workflows/build.yaml", Event: "push", HeadBranch: mainBranch, HeadSHA: sha,
	}, by.GitHub, 5*time.Minute)
	const role = "ci-deploy"
	session, ip := service+"-"+sha[:7], fmt.Sprintf("198.51.100.%d", 1+s.dice.IntN(200))
	who := s.session(role, session, at.Add(time.Minute))
	subject := "repo:" + s.Company.Organisation + "/" + service + ":ref:refs/heads/main"
	const issuer = "token.actions.githubusercontent.com"
	s.trail(at.Add(time.Minute), request{
		who: identity{Type: "WebIdentityUser", PrincipalID: issuer + ":sts.amazonaws.com:" + subject, UserName: subject, Provider: issuer},
		ip:  ip, agent: "aws-actions/configure-aws-credentials", api: "sts AssumeRoleWithWebIdentity",
		parameters: map[string]any{"roleArn": s.roleARN(role), "roleSessionName": session, "durationSeconds": 900},
		response: map[string]any{
			"subjectFromWebIdentityToken": subject, "provider": issuer, "audience": "sts.amazonaws.com",
			"assumedRoleUser": map[string]any{"assumedRoleId": who.PrincipalID, "arn": who.ARN},
		},
		resources: []resource{{s.Company.Account, "AWS::IAM::Role", s.roleARN(role)}},
	})
	repository := map[string]any{"repositoryName": service, "registryId": s.Company.Account}
	for i, api := range []string{"ecr GetAuthorizationToken", "ecr PutImage"} {
		q := request{who: who, ip: ip, agent: "docker/28.5.1", api: api, parameters: repository}
		s.trail(at.Add(time.Duration(2+i)*time.Minute), q)
	}
}

// sync writes down how Argo CD brings a commit into the cluster, and what the
// cluster then does by itself.
func (s *scribe) sync(at time.Time, service, sha string) {
	name, hash := service+"-api", s.dice.letters(10, lowerAlphabet)
	image := fmt.Sprintf("%s.dkr.ecr.%s.amazonaws.com/%s:%s", s.Company.Account, s.Company.Region, service, sha[:12])
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
