package people

import (
	"encoding/json"
	"fmt"
	"strings"
)

// samlNode is an ExternalIdentity of GitHub's GraphQL API.
type samlNode struct {
	SAML *samlNames `json:"samlIdentity"`
	SCIM *samlNames `json:"scimIdentity"`
	User *struct {
		Login string `json:"login"`
	} `json:"user"`
}

type samlNames struct {
	NameID   string      `json:"nameId"`
	Username string      `json:"username"`
	Emails   []scimValue `json:"emails"`
}

// githubSAML reads the externalIdentities of an organisation or enterprise: the
// answer of the API, from wherever in it, or the bare list of nodes.
//
//	{"edges":[{"node":{"samlIdentity":{"nameId":"alice@acme.example"},
//	  "scimIdentity":{"username":"alice@acme.example"},"user":{"login":"alice-acme"}}}]}
func (r *reading) githubSAML() {
	s := &samlReading{reading: r}
	r.values(func(v json.RawMessage) { s.value(v, 0) })
	if s.record == 0 && len(r.faults) == 0 && !s.connection {
		r.fault("", "there are no externalIdentities in it; write what GitHub's GraphQL API answers, with edges or nodes")
	}
	if s.more {
		r.fault("", "pageInfo says that there are more pages; export all of them")
	}
}

type samlReading struct {
	*reading
	record     int
	connection bool // a list was found, be it empty
	more       bool // the page read last is not the last page
}

// maxDepth is how deep in an answer the identities may be: data,
// organization, samlIdentityProvider, externalIdentities, edges.
const maxDepth = 8

func (s *samlReading) value(v json.RawMessage, depth int) {
	if depth > maxDepth {
		return
	}
	if list, ok := items(v); ok {
		s.connection = true
		for _, it := range list {
			s.value(it, depth+1)
		}
		return
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(v, &keys); err != nil {
		s.record++
		s.fault(fmt.Sprintf("record %d", s.record), "%s", problem(err))
		return
	}
	if _, edge := keys["node"]; edge {
		s.node(keys["node"])
		return
	}
	if isNode(keys) {
		s.node(v)
		return
	}
	s.page(keys["pageInfo"])
	for _, inner := range []string{
		"data", "organization", "enterprise", "ownerInfo", "samlIdentityProvider", "externalIdentities", "edges", "nodes",
	} {
		if x, ok := keys[inner]; ok && string(x) != "null" {
			s.value(x, depth+1)
		}
	}
}

func isNode(keys map[string]json.RawMessage) bool {
	for _, k := range []string{"samlIdentity", "scimIdentity", "user"} {
		if _, ok := keys[k]; ok {
			return true
		}
	}
	return false
}

func (s *samlReading) page(v json.RawMessage) {
	var info struct {
		HasNextPage bool `json:"hasNextPage"`
	}
	if len(v) > 0 && json.Unmarshal(v, &info) == nil {
		s.more = info.HasNextPage
	}
}

// node is one identity. One that nobody has claimed yet has no user.
func (s *samlReading) node(v json.RawMessage) {
	s.record++
	place := fmt.Sprintf("record %d", s.record)
	var n samlNode
	if err := json.Unmarshal(v, &n); err != nil {
		s.fault(place, "%s", problem(err))
		return
	}
	u := User{Place: place, Aliases: map[string][]string{}}
	for _, x := range []*samlNames{n.SAML, n.SCIM} {
		if x == nil {
			continue
		}
		for _, name := range []string{x.NameID, x.Username} {
			name = strings.TrimSpace(name)
			if u.Name == "" {
				u.Name = name
			}
			if isEmail(name) {
				u.Emails = append(u.Emails, name)
			}
		}
		for _, e := range x.Emails {
			u.Emails = append(u.Emails, e.Value)
		}
	}
	if n.User != nil && n.User.Login != "" {
		u.Aliases["github"] = []string{n.User.Login}
	}
	s.user(u)
}
