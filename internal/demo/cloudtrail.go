package demo

import (
	"strings"
	"time"
)

// trailRecord is one record of CloudTrail, as the AWS CloudTrail User Guide
// has it under "Record contents", version 1.11.
type trailRecord struct {
	EventVersion       string         `json:"eventVersion"`
	UserIdentity       identity       `json:"userIdentity"`
	EventTime          string         `json:"eventTime"`
	EventSource        string         `json:"eventSource"`
	EventName          string         `json:"eventName"`
	AWSRegion          string         `json:"awsRegion"`
	SourceIPAddress    string         `json:"sourceIPAddress"`
	UserAgent          string         `json:"userAgent"`
	RequestParameters  map[string]any `json:"requestParameters"`
	ResponseElements   map[string]any `json:"responseElements"`
	AdditionalData     map[string]any `json:"additionalEventData,omitempty"`
	RequestID          string         `json:"requestID,omitempty"`
	EventID            string         `json:"eventID"`
	ReadOnly           bool           `json:"readOnly"`
	Resources          []resource     `json:"resources,omitempty"`
	EventType          string         `json:"eventType"`
	ManagementEvent    bool           `json:"managementEvent"`
	RecipientAccountID string         `json:"recipientAccountId"`
	EventCategory      string         `json:"eventCategory"`
}

type identity struct {
	Type           string          `json:"type"`
	PrincipalID    string          `json:"principalId,omitempty"`
	ARN            string          `json:"arn,omitempty"`
	AccountID      string          `json:"accountId,omitempty"`
	AccessKeyID    string          `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *sessionContext `json:"sessionContext,omitempty"`
	InvokedBy      string          `json:"invokedBy,omitempty"`
	Provider       string          `json:"identityProvider,omitempty"`
}

type sessionContext struct {
	SessionIssuer struct {
		Type        string `json:"type"`
		PrincipalID string `json:"principalId"`
		ARN         string `json:"arn"`
		AccountID   string `json:"accountId"`
		UserName    string `json:"userName"`
	} `json:"sessionIssuer"`
	Attributes struct {
		CreationDate string `json:"creationDate"`
		MFA          string `json:"mfaAuthenticated"`
	} `json:"attributes"`
}

type resource struct {
	AccountID string `json:"accountId"`
	Type      string `json:"type"`
	ARN       string `json:"ARN"`
}

// request is one call of the AWS API.
type request struct {
	who        identity
	ip, agent  string
	api        string // "kms ScheduleKeyDeletion"
	region     string // empty: the company's
	parameters map[string]any
	response   map[string]any
	resources  []resource
}

// readOnly says whether an AWS call only reads, by the verbs of its name.
func readOnly(name string) bool {
	for _, verb := range []string{"Get", "List", "Describe", "Lookup", "Assume", "Decrypt", "BatchGet"} {
		if strings.HasPrefix(name, verb) {
			return true
		}
	}
	return false
}

// trail writes down a call of the AWS API.
func (s *scribe) trail(at time.Time, q request) {
	service, name, _ := strings.Cut(q.api, " ")
	if q.region == "" {
		q.region = s.Company.Region
	}
	r := trailRecord{
		EventVersion: "1.11", UserIdentity: q.who, EventTime: at.Format(time.RFC3339),
		EventSource: service + ".amazonaws.com", EventName: name, AWSRegion: q.region,
		SourceIPAddress: q.ip, UserAgent: q.agent, RequestParameters: q.parameters, ResponseElements: q.response,
		RequestID: s.dice.uuid(), EventID: s.dice.uuid(), ReadOnly: readOnly(name), Resources: q.resources,
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: s.Company.Account, EventCategory: "Management",
	}
	if name == "ConsoleLogin" {
		r.EventType, r.RequestID = "AwsConsoleSignIn", ""
		r.AdditionalData = map[string]any{
			"LoginTo": "https://console.aws.amazon.com/console/home", "MobileVersion": "No", "MFAUsed": "No",
		}
	}
	s.write(happening{at: at, source: SourceCloudTrail, region: q.region}, r)
}

// session is the identity of somebody who works in a role.
func (s *scribe) session(role, name string, since time.Time) identity {
	account := s.Company.Account
	id := "AROA" + newDice("role "+role).letters(17, upperAlphabet)
	who := identity{
		Type: "AssumedRole", PrincipalID: id + ":" + name, AccountID: account,
		ARN:            "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + name,
		AccessKeyID:    "ASIA" + newDice("key "+role+name+since.String()).letters(16, upperAlphabet),
		SessionContext: &sessionContext{},
	}
	issuer := &who.SessionContext.SessionIssuer
	issuer.Type, issuer.PrincipalID, issuer.AccountID, issuer.UserName = "Role", id, account, role
	issuer.ARN = s.roleARN(role)
	who.SessionContext.Attributes.CreationDate = since.Format(time.RFC3339)
	who.SessionContext.Attributes.MFA = "true"
	return who
}

// everydayRole is what engineers hold when the day begins, and all that they
// need to ask for another.
const everydayRole = "Engineer"

// assume writes down that somebody takes a role, and returns them in it.
func (s *scribe) assume(at time.Time, p Person, role string) identity {
	session := s.session(role, p.session(), at)
	s.trail(at, request{
		who: s.session(everydayRole, p.session(), s.at(int(at.Weekday())-1, 8*time.Hour)), ip: officeIP(p), agent: awsCLI,
		api: "sts AssumeRole",
		parameters: map[string]any{
			"roleArn": s.roleARN(role), "roleSessionName": p.session(), "durationSeconds": 3600,
		},
		response: map[string]any{
			"assumedRoleUser": map[string]any{"assumedRoleId": session.PrincipalID, "arn": session.ARN},
			"credentials": map[string]any{
				"accessKeyId": session.AccessKeyID, "expiration": at.Add(time.Hour).Format("Jan 2, 2006, 3:04:05 PM"),
			},
		},
		resources: []resource{{s.Company.Account, "AWS::IAM::Role", s.roleARN(role)}},
	})
	return session
}

const awsCLI = "aws-cli/2.31.18 md/awscrt#0.28.2 ua/2.1 os/macos#25.0.0 lang/python#3.13.9"
