package rules

import (
	"strings"

	"sidedoor/event"
)

// behindAWS returns who is behind a CloudTrail event: whom the first of the
// candidates leads to whom the estate knows. Where AWS itself names somebody
// whom it does not know, a name that the session's user chose decides nothing.
func (d *directory) behindAWS(e *subject) event.Party {
	actor := []string{"userIdentity.arn", "userIdentity.userName", "userIdentity.principalId", "userIdentity.invokedBy"}
	name := firstOf(e, actor)
	vouched := false // by AWS, for somebody unknown
	var out event.Party
	for _, c := range awsCandidates(e) {
		if c.name == "" {
			continue
		}
		if name == "" {
			name = c.name
		}
		who := d.whose(c)
		if who != nil && (!vouched || d.settled(c, who)) {
			out = who.through(name, c)
			break
		}
		vouched = vouched || c.by == bySource || c.by == byBehalf
	}
	switch {
	case name == "":
		return event.Party{}
	case out.Name == "":
		out = (*known)(nil).party(name)
	}
	out.Session = sessionOf(e, "userIdentity.accessKeyId")
	return out
}

// Ways by which AWS itself says who somebody is.
const (
	bySource = "source-identity"
	byBehalf = "on-behalf-of"
)

// awsCandidates are the names of userIdentity, in the order of how far they can
// be trusted.
//
// Sources: AWS CloudTrail User Guide, "CloudTrail userIdentity element"; IAM User
// Guide, "Monitor and control actions taken with assumed roles".
func awsCandidates(e *subject) []candidate {
	get := func(path string) string {
		s, _ := e.field("userIdentity." + path)
		return s
	}
	arn, issuer, kind := get("arn"), get("sessionContext.sessionIssuer.arn"), get("type")
	session, fixed := sessionName(arn, get("principalId"))
	if kind == "AWSAccount" { // somebody else's, where anybody may be called anything
		session = ""
	}
	// The roles of the Identity Center are reserved: only it can begin a session,
	// and it names the session after its user.
	reserved := strings.Contains(issuer, ":role/aws-reserved/sso.amazonaws.com/")
	issuerIs := "issuer"
	if get("sessionContext.sessionIssuer.type") == "Role" {
		issuerIs = "role"
	}
	out := []candidate{
		{by: bySource, name: get("sessionContext.sourceIdentity")},
		{by: byBehalf, name: get("onBehalfOf.userId")},
		{by: "role-session", name: session, listed: !reserved, chosen: !reserved},
		{by: "arn", name: arn, listed: true, chosen: session != "" && !reserved, fixed: fixed},
		{by: issuerIs, name: issuer, listed: true},
		{by: issuerIs, name: get("sessionContext.sessionIssuer.userName"), listed: true},
	}
	switch kind {
	case "WebIdentityUser":
		// Each provider has subjects of its own.
		out = append(out, candidate{by: "web-identity", name: get("userName"), listed: true})
	case "SAMLUser":
		out = append(out, candidate{by: "saml", name: get("userName")})
	default:
		out = append(out, candidate{by: "user", name: get("userName")})
	}
	if session == "" {
		out = append(out, candidate{by: "principal", name: get("principalId"), listed: true})
	}
	if kind == "Root" || kind == "AWSAccount" {
		out = append(out, candidate{by: "account", name: get("accountId"), listed: true})
	}
	out = append(out, candidate{by: "invoked-by", name: get("invokedBy"), listed: true})
	for i := range out {
		out[i].product = "aws"
	}
	return out
}

// sessionName returns the name of a session, which its user chose, and the ARN
// with another in its place.
func sessionName(arn, principal string) (name, fixed string) {
	if strings.Contains(arn, ":assumed-role/") || strings.Contains(arn, ":federated-user/") {
		i := strings.LastIndex(arn, "/")
		return arn[i+1:], arn[:i+1] + "\x00"
	}
	// Without an ARN, the ID of a role and the name of the session.
	if role, session, found := strings.Cut(principal, ":"); found && strings.HasPrefix(role, "AROA") {
		return session, ""
	}
	return "", ""
}
