package rules

import (
	"slices"
	"strings"

	"sidedoor/event"
	"sidedoor/rules/people"
)

// directory finds who is behind a name, and the groups of those who are.
type directory struct {
	exact    map[people.Identity]*known
	patterns map[string][]namePattern // by product
	byName   map[string]*known

	groupNames    map[people.Identity]string
	groupPatterns map[string][]groupPattern
}

// known is a person or a service of the estate.
type known struct {
	name    string
	service bool
	owner   string   // of a service
	groups  []string // of those that were asked for, sorted
	from    []string
}

// namePattern is an alias that stands for several names; of several that fit,
// the first counts, and a person's before a service's.
type namePattern struct {
	pattern string
	who     *known
}

type groupPattern struct{ pattern, group string }

// newDirectory returns the directory of an estate. Parties have those of the
// named groups that they belong to.
func newDirectory(e Estate, groups []string) *directory {
	d := &directory{
		exact: map[people.Identity]*known{}, patterns: map[string][]namePattern{}, byName: map[string]*known{},
		groupNames: map[people.Identity]string{}, groupPatterns: map[string][]groupPattern{},
	}
	for _, p := range e.People {
		d.add(&known{name: p.Name, from: p.From}, p.Names())
	}
	for _, s := range e.Services {
		d.add(&known{name: s.Name, service: true, owner: s.Owner, from: s.From}, s.Names())
	}
	for _, g := range e.Groups {
		for _, id := range g.Names() {
			if id.Wild() {
				d.groupPatterns[id.Product] = append(d.groupPatterns[id.Product], groupPattern{id.Name, g.Name})
			} else if _, taken := d.groupNames[id]; !taken {
				d.groupNames[id] = g.Name
			}
		}
	}
	d.enrol(e.Groups, groups)
	return d
}

func (d *directory) add(who *known, names []people.Identity) {
	if _, taken := d.byName[who.name]; !taken {
		d.byName[who.name] = who
	}
	for _, n := range names {
		if n.Wild() {
			d.patterns[n.Product] = append(d.patterns[n.Product], namePattern{n.Name, who})
		} else {
			d.exact[n] = who
		}
	}
}

// enrol tells everybody of their groups, of those that are asked for. A member
// of a group that belongs to another is a member of both.
func (d *directory) enrol(all []Group, asked []string) {
	byName := map[string]Group{}
	for _, g := range all {
		byName[g.Name] = g
	}
	wanted := map[string]bool{}
	for _, name := range asked {
		wanted[d.group("", name)] = true
	}
	for name := range wanted {
		seen := map[string]bool{}
		for next := []string{name}; len(next) > 0; {
			g, isGroup := byName[next[0]]
			next = next[1:]
			if !isGroup || seen[g.Name] {
				continue
			}
			seen[g.Name] = true
			for _, m := range g.Members {
				if who := d.byName[m]; who == nil {
					next = append(next, m)
				} else if !slices.Contains(who.groups, name) {
					who.groups = append(who.groups, name)
				}
			}
			next = append(next, g.Groups...)
		}
	}
	for _, who := range d.byName {
		slices.Sort(who.groups)
	}
}

// resolve returns the party that a product calls name. Somebody unknown stays
// who they say they are.
func (d *directory) resolve(product, name string) event.Party {
	if name == "" {
		return event.Party{}
	}
	who, _ := d.find(product, name)
	return who.party(name)
}

// group returns the group that a product calls name, or the name itself.
func (d *directory) group(product, name string) string {
	low := strings.ToLower(name)
	for _, id := range []people.Identity{{Product: product, Name: low}, {Name: low}} {
		if g, ok := d.groupNames[id]; ok {
			return g
		}
	}
	for _, p := range d.groupPatterns[product] {
		if event.Wildcard(p.pattern, low) {
			return p.group
		}
	}
	return name
}

// find returns whose name it is in the product, and the alias by which: nobody
// if the estate does not know it.
func (d *directory) find(product, name string) (who *known, alias people.Identity) {
	low := strings.ToLower(name)
	for _, id := range []people.Identity{{Product: product, Name: low}, {Name: low}} {
		if who := d.exact[id]; who != nil {
			return who, id
		}
	}
	return d.pattern(product, low)
}

// listed is find for names that have to be listed for the product itself: an
// e-mail is not enough.
func (d *directory) listed(product, name string) *known {
	low := strings.ToLower(name)
	if who := d.exact[people.Identity{Product: product, Name: low}]; who != nil {
		return who
	}
	who, _ := d.pattern(product, low)
	return who
}

func (d *directory) pattern(product, low string) (who *known, alias people.Identity) {
	for _, a := range d.patterns[product] {
		if event.Wildcard(a.pattern, low) {
			return a.who, people.Identity{Product: product, Name: a.pattern}
		}
	}
	return nil, people.Identity{}
}

// party is who goes by a name; nil is nobody whom the estate knows.
func (k *known) party(name string) event.Party {
	if k == nil {
		return event.Party{Name: name, Person: name, Unknown: true}
	}
	return event.Party{Name: name, Person: k.name, Owner: k.owner, Groups: k.groups}
}
