package people

import (
	"maps"
	"slices"
	"strings"
)

// Person is somebody with all their names.
type Person struct {
	Name  string
	Email string // a name of theirs in every product
	// Emails are further ones, from directories.
	Emails []string `json:",omitempty"`
	// Aliases are their names by product (aws, kubernetes, github, approvals);
	// '*' stands for any run of characters.
	Aliases map[string][]string
	Groups  []string `json:",omitempty"` // as written, beside the groups that list them
	// Inactive says that a directory has them as inactive. They have done things
	// all the same, so their names still lead to them.
	Inactive bool `json:",omitempty"`
	// From are the files that tell of them.
	From []string `json:"-"`
}

// Service is an identity that is nobody, and who answers for it.
type Service struct {
	Name    string
	Owner   string // a person
	Email   string
	Emails  []string `json:",omitempty"`
	Aliases map[string][]string
	Groups  []string `json:",omitempty"`
	From    []string `json:"-"`
}

// Group is people and services, and other groups of them.
type Group struct {
	Name    string
	Members []string            // people and services
	Groups  []string            // that belong to it as a whole
	Aliases map[string][]string // its names by product, as a person's
	From    []string            `json:"-"`
}

// Identity is a lower-case name in a product; one of every product has none.
type Identity struct{ Product, Name string }

// Wild says whether the name is a pattern.
func (i Identity) Wild() bool { return i.Product != "" && strings.Contains(i.Name, "*") }

// Names are all names of a person.
func (p Person) Names() []Identity {
	return names(append([]string{p.Email}, p.Emails...), p.Aliases)
}

// Names are all names of a service.
func (s Service) Names() []Identity {
	return names(append([]string{s.Email}, s.Emails...), s.Aliases)
}

// Names are all names of a group, of which its own is one in every product.
func (g Group) Names() []Identity { return names([]string{g.Name}, g.Aliases) }

func names(everywhere []string, aliases map[string][]string) []Identity {
	var out []Identity
	for _, n := range everywhere {
		if n != "" {
			out = append(out, Identity{"", strings.ToLower(n)})
		}
	}
	for _, product := range slices.Sorted(maps.Keys(aliases)) {
		for _, n := range aliases[product] {
			out = append(out, Identity{product, strings.ToLower(n)})
		}
	}
	return out
}

// isEmail says whether a name is one that belongs to one person everywhere.
func isEmail(name string) bool {
	before, after, found := strings.Cut(name, "@")
	return found && before != "" && after != "" && !strings.ContainsAny(name, "* :/")
}
