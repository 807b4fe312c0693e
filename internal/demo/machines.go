package demo

import (
	"fmt"
	"time"
)

// nodes is how many machines the cluster has.
const nodes = 3

// weekEnds is when the week's last events happen, on Friday: every source has
// one, so that its coverage reaches beyond the last act.
const weekEnds = 18*time.Hour + 30*time.Minute

// machines is what goes on whether anybody works or not.
func (s *scribe) machines() {
	s = s.part("machines")
	end := s.at(4, weekEnds)
	for at := s.at(0, 6*time.Hour); at.Before(end); at = at.Add(time.Hour) {
		s.clusterChatter(at.Add(s.dice.between(0, 50*time.Minute)))
		s.cloudChatter(at.Add(s.dice.between(0, 50*time.Minute)))
		s.probe(at.Add(s.dice.between(0, 50*time.Minute)))
	}
	for at := s.at(0, 6*time.Hour); at.Before(end); at = at.Add(20 * time.Minute) {
		if at.Minute() == 0 || (at.Hour() >= 7 && at.Hour() < 19) {
			s.heartbeat(at)
		}
	}
	s.clusterChatter(end)
	s.cloudChatter(end)
	s.probe(end)
	s.heartbeat(end.Add(5 * time.Minute))
}

// asNode is a request of the kubelet of a node.
func (s *scribe) asNode(i int, c call) call {
	name := fmt.Sprintf("ip-10-0-%d-%d.%s.compute.internal", 1+i, 20+i, s.Company.Region)
	c.user = clusterUser{"system:node:" + name, []string{"system:nodes", "system:authenticated"}}
	c.agent, c.ip = "kubelet/v1.34.1 (linux/amd64) kubernetes/93248f9", fmt.Sprintf("10.0.%d.%d", 1+i, 20+i)
	return c
}

// clusterChatter is the cluster keeping its own books.
func (s *scribe) clusterChatter(at time.Time) {
	for i := range nodes {
		node := s.asNode(i, call{verb: "patch"})
		node.object = "nodes/" + node.user.Username[len("system:node:"):] + "/status"
		s.audit(at.Add(time.Duration(i)*time.Second), node)
	}
	s.audit(at.Add(4*time.Second), s.asAccount("kube-system", "horizontal-pod-autoscaler", call{
		verb: "update", object: "horizontalpodautoscalers/checkout-api/status", namespace: "checkout",
	}))
}

// cloudChatter is AWS services and workloads going about their business.
func (s *scribe) cloudChatter(at time.Time) {
	since := at.Truncate(6 * time.Hour)
	key := "arn:aws:kms:" + s.Company.Region + ":" + s.Company.Account + ":key/4f2b7c9e-1d35-4a86-9b0e-7c6d5e4f3a21"
	s.trail(at, request{
		who: s.session("payments-worker", "i-0c1d2e3f4a5b6c7d8", since), ip: "10.0.2.21", agent: "aws-sdk-go-v2/1.39.2", api: "kms Decrypt",
		parameters: map[string]any{"keyId": key, "encryptionAlgorithm": "SYMMETRIC_DEFAULT"},
		resources:  []resource{{s.Company.Account, "AWS::KMS::Key", key}},
	})
	config := s.session("AWSServiceRoleForConfig", "ConfigResourceCompositionSession", since)
	config.InvokedBy = "config.amazonaws.com"
	s.trail(at.Add(20*time.Second), request{who: config, ip: config.InvokedBy, agent: config.InvokedBy, api: "ec2 DescribeSecurityGroups"})
}

// probe is a scheduled workflow that buys a stamp and throws it away. It is
// also why GitHub is never silent for long.
func (s *scribe) probe(at time.Time) {
	s.run(at, "checkout", workflowRun{
		Name: "probe", Path: ".github/workflows/probe.yaml", Event: "schedule", HeadBranch: mainBranch, HeadSHA: newDice("probe").sha(),
	}, actionsBot, time.Minute)
}
