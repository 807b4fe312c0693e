package demo

import (
	"fmt"
	"time"
)

// people is what engineers do all day beside releases: they look at things,
// try things outside production, and ask before they take power.
func (s *scribe) people() {
	for day := range 5 {
		for _, p := range s.engineers() {
			r := s.part(fmt.Sprintf("day %d of %s", day, p.Name))
			r.lookAtTheCloud(p, s.at(day, 8*time.Hour+r.dice.between(0, 4*time.Hour)))
			r.lookAtTheCluster(p, s.at(day, 9*time.Hour+r.dice.between(0, 6*time.Hour)))
			r.tryInStaging(p, s.at(day, 13*time.Hour+r.dice.between(0, 3*time.Hour)))
		}
		for i, p := range s.role("platform engineer") {
			r := s.part(fmt.Sprintf("power %d.%d", day, i))
			r.takePower(p, s.at(day, time.Duration(9+4*i)*time.Hour+r.dice.between(0, 2*time.Hour)))
		}
	}
	s.part("support").support()
}

// lookAtTheCloud takes a role that can only read, which needs nobody's leave.
func (s *scribe) lookAtTheCloud(p Person, at time.Time) {
	who := s.assume(at, p, "ReadOnly")
	for range 2 + s.dice.IntN(4) {
		at = at.Add(s.dice.between(5*time.Second, 3*time.Minute))
		s.trail(at, request{who: who, ip: officeIP(p), agent: awsCLI, api: pick(s.dice, []string{
			"ec2 DescribeInstances", "rds DescribeDBInstances", "cloudwatch GetMetricData", "logs DescribeLogGroups",
			"s3 ListBuckets", "eks DescribeCluster", "cloudtrail LookupEvents",
		})})
	}
}

// lookAtTheCluster reads in production with kubectl, which is allowed.
func (s *scribe) lookAtTheCluster(p Person, at time.Time) {
	for range 3 + s.dice.IntN(5) {
		at = at.Add(s.dice.between(3*time.Second, 2*time.Minute))
		service := pick(s.dice, s.Services)
		c := pick(s.dice, []call{
			{verb: "list", object: "pods"}, {verb: "get", object: "deployments/" + service + "-api"},
			{verb: "list", object: "events"}, {verb: "get", object: "pods/" + service + "-api-7d9f8c6b5d-k2x4w/log"},
		})
		c.namespace = service
		s.audit(at, s.asPerson(p, c))
	}
}

// tryInStaging changes things where changing things is free.
func (s *scribe) tryInStaging(p Person, at time.Time) {
	deployment := "deployments/" + pick(s.dice, s.Services) + "-api"
	for _, c := range []call{
		{verb: "patch", object: deployment, body: map[string]any{"spec": map[string]any{"replicas": 1 + s.dice.IntN(3)}}},
		{verb: "get", object: deployment},
	}[:1+s.dice.IntN(2)] {
		c.namespace = "staging"
		at = at.Add(s.dice.between(4*time.Second, time.Minute))
		s.audit(at, s.asPerson(p, c))
	}
}

// grant writes down that security operations gave somebody leave.
func (s *scribe) grant(at time.Time, p Person, scope string, lasts time.Duration, reason string) {
	nora := s.role("security operations")[0]
	s.approve(at, typeGrant, approval{
		Actor: p.Email, Approver: nora.Email, Scope: scope, From: at, Until: at.Add(lasts),
		Reference: fmt.Sprintf("AR-%d", 1000+int(at.Sub(s.monday)/time.Minute)), Reason: reason,
	})
}

// takePower takes a privileged role by the front door: a ticket for what is to
// be changed, a grant, then the role.
func (s *scribe) takePower(p Person, at time.Time) {
	const role, reason = "ProductionAdmin", "planned maintenance"
	s.approve(at.Add(-10*time.Minute), typeTicket, approval{
		Actor: p.Email, Approver: s.role("security operations")[0].Email, Scope: s.Company.Account + "/production",
		From: at, Until: at.Add(2 * time.Hour), Reference: fmt.Sprintf("CHG-%d", 3000+int(at.Sub(s.monday)/time.Minute)), Reason: reason,
	})
	s.grant(at, p, s.roleARN(role), 2*time.Hour, reason)
	at = at.Add(s.dice.between(3*time.Minute, 25*time.Minute))
	who := s.assume(at, p, role)
	for range 2 + s.dice.IntN(2) {
		at = at.Add(s.dice.between(30*time.Second, 5*time.Minute))
		s.trail(at, request{
			who: who, ip: officeIP(p), agent: awsCLI,
			api: pick(s.dice, []string{"rds ModifyDBInstance", "elasticache ModifyCacheCluster", "rds CreateDBSnapshot"}),
			parameters: map[string]any{
				"dBInstanceIdentifier": pick(s.dice, s.Services), "applyImmediately": false,
			},
		})
	}
}

// support is work inside production that somebody else approved beforehand: a
// shell with a grant, and a change with a ticket.
func (s *scribe) support() {
	for day := range 5 {
		p := pick(s.dice, s.engineers())
		at := s.at(day, 15*time.Hour+s.dice.between(0, 40*time.Minute))
		s.grant(at, p, s.Company.Cluster+"/tracking", time.Hour, "a customer's parcel is stuck")
		s.audit(at.Add(9*time.Minute), s.asPerson(p, call{
			verb: "create", object: "pods/tracking-api-7d9f8c6b5d-k2x4w/exec", namespace: "tracking",
		}))
	}
	tom, nora := s.role("platform engineer")[1], s.role("security operations")[0]
	at := s.at(2, 13*time.Hour)
	s.approve(at, typeTicket, approval{
		Actor: tom.Email, Approver: nora.Email, Scope: s.Company.Cluster + "/checkout", From: at, Until: at.Add(time.Hour),
		Reference: "CHG-2291", Reason: "replace the certificate of the old domain",
	})
	s.audit(at.Add(11*time.Minute), s.asPerson(tom, call{verb: "patch", object: "ingresses/checkout-legacy", namespace: "checkout"}))
}
