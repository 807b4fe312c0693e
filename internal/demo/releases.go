package demo

import (
	"fmt"
	"time"
)

// releases is most of what a company does: somebody proposes a change for an
// approved ticket, somebody else approves it, the pipeline builds it and attests
// what of, others let it into production, and Argo CD brings it there.
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
	title := s.plan(opened.Add(-90*time.Minute), work.title) + ": " + work.title
	p := proposal{
		repo: service, by: author.GitHub, title: title, branch: author.Name + "/" + work.branch, opened: opened,
		change: change{Message: title, Modified: []string{work.file}},
		merged: approved.Add(s.dice.between(2*time.Minute, 12*time.Minute)), mergedBy: author.GitHub,
	}
	if s.dice.IntN(3) == 0 {
		p.reviews = append(p.reviews, review{second.GitHub, approved.Add(-8 * time.Minute), reviewCommented})
	}
	p.reviews = append(p.reviews, review{reviewer.GitHub, approved, reviewApproved})
	sha := s.propose(p)
	s.build(p.merged.Add(10*time.Second), service, sha, author)
	asked := p.merged.Add(7 * time.Minute)
	starts := asked.Add(s.dice.between(2*time.Minute, 15*time.Minute))
	s.deploy(rollout{
		repo: service, sha: sha, environment: production, by: author.GitHub, approvedBy: s.releasers(service, author, reviewer), at: asked, starts: starts,
	})
	s.sync(starts.Add(40*time.Second), service, s.image(service, sha))
}

// plan writes down that security operations agreed to a change of what the
// company makes, and returns the ticket. It has no scope: to agree to a feature
// lets nobody into production.
func (s *scribe) plan(at time.Time, title string) string {
	ticket := fmt.Sprintf("KP-%d", 2000+int(at.Sub(s.monday)/time.Minute))
	s.approve(at, typeTicket, approval{
		Approver: s.role("security operations")[0].Email, From: at, Reference: ticket, Reason: title,
	})
	return ticket
}

// releasers are the logins of those who let a change into production: whoever
// reviewed it or, of what the estate has a group for, two of that group.
func (s *scribe) releasers(service string, author, reviewer Person) []string {
	group := s.groups[service+"-release-approvers"]
	if len(group) == 0 {
		return []string{reviewer.GitHub}
	}
	var logins []string
	for _, name := range group {
		if p, err := s.person(name); err == nil && name != author.Name && len(logins) < 2 {
			logins = append(logins, p.GitHub)
		}
	}
	return logins
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
	run := s.runID()
	s.run(at, service, workflowRun{
		ID: run, Name: "build", Path: ".github/workflows/build.yaml", Event: "push", HeadBranch: mainBranch, HeadSHA: sha,
	}, by.GitHub, 5*time.Minute)
	const role = "ci-deploy"
	session, ip := fmt.Sprintf("%s-%d", service, run), fmt.Sprintf("198.51.100.%d", 1+s.dice.IntN(200))
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
	s.attest(at.Add(4*time.Minute), service, sha, run)
}
