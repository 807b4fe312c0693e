package people

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Roster is who is known.
type Roster struct {
	People   []Person
	Services []Service
	Groups   []Group
}

// Source is an export, and the file that it is from.
type Source struct {
	File string
	*Export
}

// Merge adds what exports tell to a roster. Records with the same e-mail are one
// person, in whatever export; without one to compare, so are those of the same
// name. What the roster says already wins: an export cannot take a name away.
func (r *Roster) Merge(exports []Source) []Fault {
	m := newMerger(r)
	for _, x := range exports {
		m.export(x)
	}
	m.owners()
	return m.faults
}

// one is a person or a service of the roster.
type one struct {
	service bool
	i       int
}

// claim is somebody's claim to a name.
type claim struct {
	product string
	who     one
	given   bool // by the roster, before any export
}

type merger struct {
	*Roster
	faults  []Fault
	named   map[string]one     // by lower-case name
	claims  map[string][]claim // by lower-case e-mail or alias
	given   map[string][]pattern
	groups  map[string]int // by lower-case name
	members map[string]map[string]bool
	owned   []ownedBy
}

type pattern struct {
	pattern string
	who     one
}

// ownedBy is an owner that is still to be found.
type ownedBy struct {
	file, place string
	service     int
}

func newMerger(r *Roster) *merger {
	m := &merger{
		Roster: r, named: map[string]one{}, claims: map[string][]claim{}, given: map[string][]pattern{},
		groups: map[string]int{}, members: map[string]map[string]bool{},
	}
	for i, p := range r.People {
		m.give(one{false, i}, p.Name, p.Names())
	}
	for i, s := range r.Services {
		m.give(one{true, i}, s.Name, s.Names())
	}
	for i, g := range r.Groups {
		m.groups[strings.ToLower(g.Name)] = i
		for _, name := range g.Members {
			m.first(g.Name, "member", name)
		}
	}
	return m
}

func (m *merger) give(who one, name string, ids []Identity) {
	m.named[strings.ToLower(name)] = who
	for _, id := range ids {
		if id.Wild() {
			m.given[id.Product] = append(m.given[id.Product], pattern{id.Name, who})
		}
		m.claims[id.Name] = append(m.claims[id.Name], claim{id.Product, who, true})
	}
}

func (m *merger) fault(file, place, format string, args ...any) {
	if len(m.faults) < maxFaults {
		m.faults = append(m.faults, Fault{file, place, fmt.Sprintf(format, args...)})
	}
}

func (m *merger) export(x Source) {
	users, groups := map[string]one{}, map[string]string{}
	for _, u := range x.Users {
		who, ok := m.user(x.File, u)
		if !ok {
			continue
		}
		if u.ID != "" {
			users[u.ID] = who
		}
		for _, g := range u.Groups {
			m.join(x.File, g, who)
		}
	}
	for _, g := range x.Groups {
		m.group(x.File, g.Name)
		if g.ID != "" {
			groups[g.ID] = g.Name
		}
	}
	for _, g := range x.Groups {
		for _, id := range g.Members {
			if who, ok := users[id]; ok {
				m.join(x.File, g.Name, who)
			} else if inner, ok := groups[id]; ok {
				m.nest(x.File, g.Name, inner)
			}
		}
	}
}

// user finds or makes who a record is about, and adds what it says.
func (m *merger) user(file string, u User) (who one, ok bool) {
	found := m.find(u)
	switch {
	case len(found) > 1:
		m.fault(file, u.Place, "%s has e-mails of both %s and %s; a name belongs to one person", u.Name, m.called(found[0]), m.called(found[1]))
		return one{}, false
	case len(found) == 1:
		who = found[0]
	default:
		if other, taken := m.named[strings.ToLower(u.Name)]; taken && !m.compatible(other, u) {
			m.fault(file, u.Place, "two are called %q: %s and %s; give one e-mail to both, or call one of them something else",
				m.called(other), m.emails(other)[0], u.Emails[0])
			return one{}, false
		} else if taken {
			who = other
		} else {
			who = m.add(file, u)
		}
	}
	if u.Owner != "" && !who.service {
		m.fault(file, u.Place, "%s is a person, who has no owner", m.called(who))
		return one{}, false
	}
	m.tell(file, u, who)
	return who, true
}

// find returns all those to whom a record's e-mails belong.
func (m *merger) find(u User) []one {
	var out []one
	for _, e := range u.Emails {
		for _, c := range m.claims[strings.ToLower(e)] {
			if !slices.Contains(out, c.who) {
				out = append(out, c.who)
			}
		}
	}
	return out
}

// compatible says whether a record may be about somebody of the same name.
func (m *merger) compatible(who one, u User) bool {
	return len(u.Emails) == 0 || len(m.emails(who)) == 0
}

func (m *merger) emails(who one) []string {
	f := m.fields(who)
	return slices.DeleteFunc(append([]string{*f.email}, *f.emails...), func(e string) bool { return e == "" })
}

func (m *merger) called(who one) string {
	if who.service {
		return m.Services[who.i].Name
	}
	return m.People[who.i].Name
}

func (m *merger) add(file string, u User) one {
	var who one
	if u.Owner != "" {
		who = one{true, len(m.Services)}
		m.Services = append(m.Services, Service{Name: u.Name, Owner: u.Owner, Aliases: map[string][]string{}})
		m.owned = append(m.owned, ownedBy{file, u.Place, who.i})
	} else {
		who = one{false, len(m.People)}
		m.People = append(m.People, Person{Name: u.Name, Aliases: map[string][]string{}, Inactive: u.Inactive})
	}
	m.named[strings.ToLower(u.Name)] = who
	return who
}

// tell adds a record's names to who it is about.
func (m *merger) tell(file string, u User, who one) {
	for _, e := range u.Emails {
		m.email(strings.ToLower(e), who)
	}
	f := m.fields(who)
	for _, product := range slices.Sorted(maps.Keys(u.Aliases)) {
		for _, name := range u.Aliases[product] {
			low := strings.ToLower(name)
			if m.mayClaim(file, u, Identity{product, low}, who) {
				f.aliases[product] = append(f.aliases[product], name)
				m.claims[low] = append(m.claims[low], claim{product, who, false})
			}
		}
	}
	if !slices.Contains(*f.from, file) {
		*f.from = append(*f.from, file)
	}
	if !who.service && !u.Inactive {
		m.People[who.i].Inactive = false // one account of theirs is active
	}
}

// fields are what is kept of who, wherever it is.
type fields struct {
	email        *string
	emails, from *[]string
	aliases      map[string][]string
}

func (m *merger) fields(who one) fields {
	if who.service {
		s := &m.Services[who.i]
		if s.Aliases == nil {
			s.Aliases = map[string][]string{}
		}
		return fields{&s.Email, &s.Emails, &s.From, s.Aliases}
	}
	p := &m.People[who.i]
	if p.Aliases == nil {
		p.Aliases = map[string][]string{}
	}
	return fields{&p.Email, &p.Emails, &p.From, p.Aliases}
}

// email adds an e-mail, which is nobody else's, or who would be another.
func (m *merger) email(e string, who one) {
	if slices.ContainsFunc(m.claims[e], func(c claim) bool { return c.product == "" }) {
		return
	}
	m.claims[e] = append(m.claims[e], claim{"", who, false})
	if f := m.fields(who); *f.email == "" {
		*f.email = e
	} else {
		*f.emails = append(*f.emails, e)
	}
}

// mayClaim says whether an alias is still to be had.
func (m *merger) mayClaim(file string, u User, id Identity, who one) bool {
	for _, c := range m.claims[id.Name] {
		switch {
		case c.product != "" && c.product != id.Product:
		case c.who == who || c.given:
			return false
		default:
			m.fault(file, u.Place, "%s and %s are both %q in %s; a name belongs to one person", m.called(c.who), m.called(who), id.Name, id.Product)
			return false
		}
	}
	return !slices.ContainsFunc(m.given[id.Product], func(p pattern) bool {
		return p.who != who && event.Wildcard(p.pattern, id.Name)
	})
}

// group returns a group of the roster, which is new if there was none.
func (m *merger) group(file, name string) *Group {
	low := strings.ToLower(name)
	i, ok := m.groups[low]
	if !ok {
		i = len(m.Groups)
		m.groups[low] = i
		m.Groups = append(m.Groups, Group{Name: name, Aliases: map[string][]string{}})
	}
	g := &m.Groups[i]
	if !slices.Contains(g.From, file) {
		g.From = append(g.From, file)
	}
	return g
}

func (m *merger) join(file, group string, who one) {
	g := m.group(file, group)
	if m.first(g.Name, "member", m.called(who)) {
		g.Members = append(g.Members, m.called(who))
	}
}

func (m *merger) nest(file, group, inner string) {
	g := m.group(file, group)
	if m.first(g.Name, "group", strings.ToLower(inner)) {
		g.Groups = append(g.Groups, inner)
	}
}

// first says whether a group is told of a member for the first time.
func (m *merger) first(group, kind, name string) bool {
	key := kind + "\x00" + name
	if m.members[group] == nil {
		m.members[group] = map[string]bool{}
	}
	again := m.members[group][key]
	m.members[group][key] = true
	return !again
}

// owners finds those who answer for the services of exports.
func (m *merger) owners() {
	index := m.Index()
	for _, o := range m.owned {
		s := &m.Services[o.service]
		owner, ok := index.Person(s.Owner)
		if !ok {
			m.fault(o.file, o.place, "the owner of %s, %q, is no person%s", s.Name, s.Owner, sigma.Suggest(s.Owner, index.People))
		}
		s.Owner = cmp.Or(owner, s.Owner)
	}
}
