package people

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// scimListing is a ListResponse.
type scimListing struct {
	TotalResults *int              `json:"totalResults"`
	Resources    []json.RawMessage `json:"Resources"`
}

// scimResource is a User or a Group. Names of attributes are without case, in
// the standard as in encoding/json.
type scimResource struct {
	Schemas     []string    `json:"schemas"`
	ID          string      `json:"id"`
	UserName    string      `json:"userName"`
	DisplayName string      `json:"displayName"`
	Emails      []scimValue `json:"emails"`
	Active      any         `json:"active"` // some write a text
	Groups      []scimValue `json:"groups"`
	Members     []scimValue `json:"members"`
	Meta        struct {
		ResourceType string `json:"resourceType"`
	} `json:"meta"`
}

type scimValue struct {
	Value   string `json:"value"`
	Display string `json:"display"`
	Primary bool   `json:"primary"`
}

// identityStoreID is what the Identity Center of AWS calls a user, and their
// events as the one on whose behalf.
var identityStoreID = regexp.MustCompile(`^([0-9a-f]{10}-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// scim reads a ListResponse, several pages of one, or an array of resources.
//
//	{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":2,"Resources":[
//	  {"id":"7d3…","userName":"alice@acme.example","active":true,"emails":[{"value":"alice@acme.example","primary":true}]},
//	  {"id":"9a1…","displayName":"release-approvers","members":[{"value":"7d3…"}]}]}
func (r *reading) scim() {
	s := &scimReading{reading: r, groups: map[string]string{}}
	r.values(func(v json.RawMessage) { s.value(v, 0) })
	if s.found < s.total {
		r.fault("", "it holds %d of %d resources; export all pages", s.found, s.total)
	}
	// A user may name groups by their ID alone.
	for i := range r.out.Users {
		u := &r.out.Users[i]
		for j, g := range u.Groups {
			if name, known := s.groups[g]; known {
				u.Groups[j] = name
			}
		}
		u.Groups = slices.DeleteFunc(u.Groups, func(g string) bool { return g == "" })
	}
}

type scimReading struct {
	*reading
	record       int
	found, total int               // resources in listings, and those that there are
	groups       map[string]string // names by ID
}

func (s *scimReading) value(v json.RawMessage, depth int) {
	if list, ok := items(v); ok && depth < 2 {
		for _, it := range list {
			s.value(it, depth+1)
		}
		return
	}
	var l scimListing
	if err := json.Unmarshal(v, &l); err == nil && (l.TotalResults != nil || l.Resources != nil) {
		if l.TotalResults != nil {
			s.total = max(s.total, *l.TotalResults)
			s.found += len(l.Resources)
		}
		for _, it := range l.Resources {
			s.resource(it)
		}
		return
	}
	s.resource(v)
}

func (s *scimReading) resource(v json.RawMessage) {
	s.record++
	place := fmt.Sprintf("record %d", s.record)
	var x scimResource
	if err := json.Unmarshal(v, &x); err != nil {
		s.fault(place, "%s", problem(err))
		return
	}
	switch {
	case x.is("User"):
		s.user(x.user(place))
	case x.is("Group"):
		g := ExportedGroup{Place: place, ID: x.ID, Name: strings.TrimSpace(x.DisplayName)}
		for _, m := range x.Members {
			g.Members = append(g.Members, m.Value)
		}
		if x.ID != "" {
			s.groups[x.ID] = g.Name
		}
		s.group(g)
	default:
		s.fault(place, "it is neither a User, which has a userName, nor a Group")
	}
}

// is says whether the resource is of a type, by its schema or by what it has.
func (x scimResource) is(kind string) bool {
	for _, s := range x.Schemas {
		if strings.HasPrefix(s, "urn:ietf:params:scim:schemas:core:2.0:") {
			return strings.EqualFold(s[strings.LastIndex(s, ":")+1:], kind)
		}
	}
	if x.Meta.ResourceType != "" {
		return strings.EqualFold(x.Meta.ResourceType, kind)
	}
	if kind == "User" {
		return x.UserName != ""
	}
	return x.UserName == "" && x.DisplayName != ""
}

// user is a User. What they are called is a name in a product only if it is an
// e-mail: somebody else may be "alice" elsewhere. displayName is no name at all,
// since several may have it.
func (x scimResource) user(place string) User {
	u := User{Place: place, ID: x.ID, Name: strings.TrimSpace(x.UserName), Aliases: map[string][]string{}, Inactive: x.inactive()}
	slices.SortStableFunc(x.Emails, func(a, b scimValue) int {
		if a.Primary != b.Primary && a.Primary {
			return -1
		}
		if a.Primary != b.Primary {
			return 1
		}
		return 0
	})
	for _, e := range x.Emails {
		u.Emails = append(u.Emails, e.Value)
	}
	if isEmail(u.Name) {
		u.Emails = append(u.Emails, u.Name)
	}
	if identityStoreID.MatchString(x.ID) {
		u.Aliases["aws"] = []string{x.ID}
	}
	for _, g := range x.Groups {
		if g.Display != "" {
			u.Groups = append(u.Groups, g.Display)
		} else {
			u.Groups = append(u.Groups, g.Value)
		}
	}
	return u
}

func (x scimResource) inactive() bool {
	switch a := x.Active.(type) {
	case bool:
		return !a
	case string:
		return strings.EqualFold(a, "false")
	}
	return false
}
