package people

import (
	"maps"
	"slices"
	"strings"
)

// Index finds people, services and groups by what files of the estate call
// them: by name, and people by e-mail.
type Index struct {
	People, Services, Groups []string // names, sorted

	people, services, groups map[string]string // by lower-case name
}

// Index returns the index of a roster.
func (r *Roster) Index() *Index {
	x := &Index{people: map[string]string{}, services: map[string]string{}, groups: map[string]string{}}
	for _, p := range r.People {
		for _, e := range append([]string{p.Email}, p.Emails...) {
			if e != "" {
				x.people[strings.ToLower(e)] = p.Name
			}
		}
	}
	for _, p := range r.People { // a name wins over another's e-mail
		x.people[strings.ToLower(p.Name)] = p.Name
	}
	for _, s := range r.Services {
		x.services[strings.ToLower(s.Name)] = s.Name
	}
	for _, g := range r.Groups {
		x.groups[strings.ToLower(g.Name)] = g.Name
	}
	x.People, x.Services, x.Groups = values(x.people), values(x.services), values(x.groups)
	return x
}

func values(m map[string]string) []string {
	return slices.Compact(slices.Sorted(maps.Values(m)))
}

// Person returns the name of a person.
func (x *Index) Person(name string) (canonical string, ok bool) {
	canonical, ok = x.people[strings.ToLower(name)]
	return canonical, ok
}

// Member returns the name of a person or service.
func (x *Index) Member(name string) (canonical string, ok bool) {
	if canonical, ok = x.Person(name); ok {
		return canonical, true
	}
	canonical, ok = x.services[strings.ToLower(name)]
	return canonical, ok
}

// Group returns the name of a group.
func (x *Index) Group(name string) (canonical string, ok bool) {
	canonical, ok = x.groups[strings.ToLower(name)]
	return canonical, ok
}
