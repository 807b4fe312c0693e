package rules

import (
	"strings"

	"sidedoor/event"
)

// candidate is a name in an event that may say who is behind it.
type candidate struct {
	by, name string
	product  string // whose name it is
	// listed says that it counts only where the estate lists it for the product:
	// somebody else may have the same name there.
	listed bool
	// chosen says that whoever acts could choose it, or a part of it.
	chosen bool
	// fixed is the name with what could be chosen replaced.
	fixed string
}

// behind returns who is behind an event of a product, with the steps by which
// they were found. It is the zero party if the event names nobody.
func (d *directory) behind(product string, e *subject) event.Party {
	switch product {
	case "aws":
		return d.behindAWS(e)
	case "kubernetes":
		return d.behindKubernetes(e)
	case "github":
		return d.behindGitHub(e)
	}
	return d.resolve(product, firstOf(e, usualActor))
}

// firstOf returns the first field that the event has.
func firstOf(e *subject, fields []string) string {
	for _, f := range fields {
		if v, ok := e.field(f); ok {
			return v
		}
	}
	return ""
}

// whose returns whom a candidate leads to, if the estate knows.
func (d *directory) whose(c candidate) *known {
	if c.name == "" {
		return nil
	}
	if c.listed {
		return d.listed(c.product, c.name)
	}
	who, _ := d.find(c.product, c.name)
	return who
}

// settled says whether a candidate leads to the same, whatever its actor might
// have chosen.
func (d *directory) settled(c candidate, who *known) bool {
	if !c.chosen {
		return true
	}
	return c.fixed != "" && d.listed(c.product, c.fixed) == who
}

// through returns the party that goes by a name and was found by a candidate.
func (k *known) through(name string, c candidate) event.Party {
	p := k.party(name)
	if k != nil && c.name != name {
		p.Chain = []event.Hop{{By: c.by, Name: c.name}}
	}
	return p
}

// behindKubernetes returns the caller: who impersonates is the actor, and whom
// they impersonate part of the chain. Behind a name that EKS gave to an AWS role
// is whoever assumed the role.
func (d *directory) behindKubernetes(e *subject) event.Party {
	name, _ := e.field("user.username")
	if name == "" {
		return event.Party{}
	}
	who := d.whose(candidate{name: name, product: "kubernetes"})
	party := who.party(name)
	if who == nil || who.service {
		for _, c := range eksCandidates(e) {
			if x := d.whose(c); x != nil && (!x.service || party.Unknown) {
				party = x.through(name, c)
				if !x.service {
					break
				}
			}
		}
	}
	party.Session = sessionOf(e, "user.extra.accessKeyId")
	if as, ok := e.field("impersonatedUser.username"); ok {
		party.Chain = append(party.Chain, event.Hop{By: "impersonates", Name: as})
	}
	groups, _ := e.fields.Values("impersonatedUser.groups")
	for _, g := range groups[:min(len(groups), maxImpersonated)] {
		party.Chain = append(party.Chain, event.Hop{By: "impersonates", Name: g})
	}
	return party
}

// maxImpersonated bounds the impersonated groups that a chain names.
const maxImpersonated = 20

// eksCandidates are what EKS tells of the session behind a user. It is not what
// an impersonator may say, which stands in impersonatedUser.
func eksCandidates(e *subject) []candidate {
	arn, _ := e.field("user.extra.arn")
	session, _ := e.field("user.extra.sessionName")
	canonical, _ := e.field("user.extra.canonicalArn")
	return []candidate{
		{by: "role-session", name: session, product: "aws", listed: true},
		{by: "arn", name: arn, product: "aws", listed: true},
		{by: "role", name: canonical, product: "aws", listed: true},
	}
}

// behindGitHub returns the account that acted or, if the estate does not know
// it, whom the identity provider has for it.
func (d *directory) behindGitHub(e *subject) event.Party {
	login := firstOf(e, []string{"actor", "sender.login"}) // the audit log's user is whom it was done to
	if login == "" {
		return event.Party{}
	}
	if who := d.whose(candidate{name: login, product: "github"}); who != nil {
		return who.party(login)
	}
	// The audit log adds it for "the user", who need not be the actor.
	if user, ok := e.field("user"); ok && !strings.EqualFold(user, login) {
		return d.resolve("github", login)
	}
	for _, f := range []struct{ by, field string }{{"saml", "external_identity_nameid"}, {"scim", "external_identity_username"}} {
		name, _ := e.field(f.field)
		c := candidate{by: f.by, name: name, product: "github"}
		if who := d.whose(c); who != nil {
			return who.through(login, c)
		}
	}
	return d.resolve("github", login)
}

// sessionOf names the session of temporary credentials of AWS. Other keys are
// somebody's own.
func sessionOf(e *subject, field string) string {
	key, _ := e.field(field)
	if !strings.HasPrefix(key, "ASIA") {
		return ""
	}
	return "aws/" + key
}
