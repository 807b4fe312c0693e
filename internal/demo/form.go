package demo

import (
	"errors"
	"fmt"
	"time"
)

// form is an event of a beat in short: what happens, and how long after the
// beat begins. Exactly one of the pointers is set.
type form struct {
	After time.Duration `yaml:"after"`

	Kubectl     *kubectlForm     `yaml:"kubectl"`
	Assume      *assumeForm      `yaml:"assume"`
	AWS         *awsForm         `yaml:"aws"`
	Push        *pushForm        `yaml:"push"`
	PullRequest *pullRequestForm `yaml:"pull-request"`
	Deploy      *deployForm      `yaml:"deploy"`
	Protection  *protectionForm  `yaml:"protection"`
	HookRemoved *hookForm        `yaml:"webhook-removed"`
	TeamAdded   *teamForm        `yaml:"team-added"`
	Build       *buildForm       `yaml:"build"`
	Sync        *syncForm        `yaml:"sync"`
	Grant       *approvalForm    `yaml:"access-grant"`
	BreakGlass  *approvalForm    `yaml:"break-glass"`
	Ticket      *approvalForm    `yaml:"change-ticket"`
	Exception   *approvalForm    `yaml:"exception"`
	Reviewed    *approvalForm    `yaml:"emergency-review"`
	Revocation  *revocationForm  `yaml:"revocation"`
	Silence     *silenceForm     `yaml:"silence"`
}

// writer writes down the events that a form is short for.
type writer interface {
	write(s *scribe, at time.Time) error
}

func (f form) write(s *scribe, begin time.Time) error {
	var chosen []writer
	add := func(set bool, w writer) {
		if set {
			chosen = append(chosen, w)
		}
	}
	add(f.Kubectl != nil, f.Kubectl)
	add(f.Assume != nil, f.Assume)
	add(f.AWS != nil, f.AWS)
	add(f.Push != nil, f.Push)
	add(f.PullRequest != nil, f.PullRequest)
	add(f.Deploy != nil, f.Deploy)
	add(f.Protection != nil, f.Protection)
	add(f.HookRemoved != nil, f.HookRemoved)
	add(f.TeamAdded != nil, f.TeamAdded)
	add(f.Build != nil, f.Build)
	add(f.Sync != nil, f.Sync)
	add(f.Grant != nil, typed{f.Grant, typeGrant})
	add(f.BreakGlass != nil, typed{f.BreakGlass, typeBreakGlass})
	add(f.Ticket != nil, typed{f.Ticket, typeTicket})
	add(f.Exception != nil, typed{f.Exception, typeException})
	add(f.Reviewed != nil, typed{f.Reviewed, typeReviewed})
	add(f.Revocation != nil, f.Revocation)
	add(f.Silence != nil, f.Silence)
	if len(chosen) != 1 || f.After < 0 {
		return errors.New("it has to say one thing that happens, at or after the beat's begin")
	}
	return chosen[0].write(s, begin.Add(f.After))
}

// kubectlForm is somebody's requests to the cluster, one after the other.
type kubectlForm struct {
	By        string   `yaml:"by"`
	Verb      string   `yaml:"verb"`
	Namespace string   `yaml:"namespace"` // none: the objects are the cluster's
	Objects   []string `yaml:"objects"`   // resource/name or resource/name/subresource
	Body      any      `yaml:"body"`
}

func (f *kubectlForm) write(s *scribe, at time.Time) error {
	by, err := s.person(f.By)
	if err != nil {
		return err
	}
	for i, object := range f.Objects {
		s.audit(at.Add(time.Duration(i)*time.Second), s.asPerson(by, call{
			verb: f.Verb, object: object, namespace: f.Namespace, body: f.Body,
		}))
	}
	return nil
}

// assumeForm is somebody taking a role on AWS.
type assumeForm struct {
	By   string `yaml:"by"`
	Role string `yaml:"role"`
}

func (f *assumeForm) write(s *scribe, at time.Time) error {
	by, err := s.person(f.By)
	if err != nil {
		return err
	}
	s.assume(at, by, f.Role)
	return nil
}

// root is the name by which beats call the root user of the account.
const root = "root"

// awsForm is a call of the AWS API by somebody in a role, or by root.
type awsForm struct {
	By         string         `yaml:"by"`
	In         string         `yaml:"in"`  // role
	API        string         `yaml:"api"` // service and name: kms ScheduleKeyDeletion
	Region     string         `yaml:"region"`
	Parameters map[string]any `yaml:"parameters"`
	Response   map[string]any `yaml:"response"`
	Key        string         `yaml:"key"` // ARN of the KMS key that it is about
}

func (f *awsForm) write(s *scribe, at time.Time) error {
	q := request{api: f.API, region: f.Region, parameters: f.Parameters, response: f.Response, agent: awsCLI}
	if f.Key != "" {
		q.resources = []resource{{s.Company.Account, "AWS::KMS::Key", f.Key}}
	}
	if f.By == root {
		account := s.Company.Account
		q.who = identity{Type: "Root", PrincipalID: account, ARN: "arn:aws:iam::" + account + ":root", AccountID: account}
		q.ip, q.agent = "203.0.113.200", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15"
	} else {
		by, err := s.person(f.By)
		if err != nil {
			return err
		}
		if f.In == "" {
			return fmt.Errorf("aws: in: which role is %s in?", f.By)
		}
		q.who, q.ip = s.session(f.In, by.session(), at.Truncate(time.Hour)), officeIP(by)
	}
	s.trail(at, q)
	return nil
}
