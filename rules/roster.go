package rules

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/people"
	"sidedoor/rules/sigma"
)

// told is where estate.yaml tells of somebody or something, and whom it names
// there.
type told struct {
	sigma.Place
	node   ast.Node
	owner  *mention
	listed []mention // members of a group, or groups of a person
}

// mention is a name in a file of the estate.
type mention struct {
	name string
	node ast.Node
}

// What estate.yaml declares.
const (
	aPerson    = "person"
	aService   = "service"
	aGroup     = "group"
	aScope     = "scope"
	aDirectory = "directory"
)

// declare keeps where something was told of; what an earlier folder told of it
// no longer counts. It returns false if there is no name.
func (l *loader) declare(r *reader, what, name string, t told) bool {
	if name == "" {
		r.fault(t.node, "a %s needs a name", what)
		return false
	}
	if l.again(what, name) {
		r.fault(t.node, "there is another %s %q in this folder", what, name)
	}
	t.Place = r.Place
	l.told[declared{what, name}] = t
	return true
}

func (l *loader) person(r *reader, node ast.Node) {
	p, t := Person{Aliases: map[string][]string{}}, told{node: node}
	r.mapping(node, "person", map[string]func(sigma.Pair){
		"name": r.text(&p.Name), "email": r.text(&p.Email), "aliases": r.aliases(p.Aliases),
		"groups": r.mentions(&p.Groups, &t.listed),
	})
	if l.declare(r, aPerson, p.Name, t) {
		p.From = []string{r.File}
		e := &l.policy.Estate
		e.People = append(slices.DeleteFunc(e.People, func(o Person) bool { return o.Name == p.Name }), p)
	}
}

func (l *loader) service(r *reader, node ast.Node) {
	s, t := Service{Aliases: map[string][]string{}}, told{node: node}
	r.mapping(node, "service", map[string]func(sigma.Pair){
		"name": r.text(&s.Name), "email": r.text(&s.Email), "aliases": r.aliases(s.Aliases),
		"groups": r.mentions(&s.Groups, &t.listed),
		"owner": func(p sigma.Pair) {
			s.Owner = r.scalar(p.Value, p.Key)
			t.owner = &mention{s.Owner, p.Value}
		},
	})
	if t.owner == nil {
		r.fault(node, "a service needs an owner: the person who answers for it")
	}
	if l.declare(r, aService, s.Name, t) {
		s.From = []string{r.File}
		e := &l.policy.Estate
		e.Services = append(slices.DeleteFunc(e.Services, func(o Service) bool { return o.Name == s.Name }), s)
	}
}

func (l *loader) group(r *reader, node ast.Node) {
	g, t := Group{Aliases: map[string][]string{}}, told{node: node}
	r.mapping(node, "group", map[string]func(sigma.Pair){
		"name": r.text(&g.Name), "aliases": r.aliases(g.Aliases), "members": r.mentions(&g.Members, &t.listed),
	})
	if l.declare(r, aGroup, g.Name, t) {
		g.From = []string{r.File}
		e := &l.policy.Estate
		e.Groups = append(slices.DeleteFunc(e.Groups, func(o Group) bool { return o.Name == g.Name }), g)
	}
}

// aliases returns a handler that keeps names by product.
func (r *reader) aliases(to map[string][]string) func(sigma.Pair) {
	return func(p sigma.Pair) {
		pairs, ok := sigma.Pairs(p.Value)
		if !ok {
			r.fault(p.KeyNode, "aliases has to be a mapping of products to names")
		}
		for _, a := range pairs {
			to[a.Key] = r.list(a.Value, a.Key)
		}
	}
}

// mentions returns a handler that keeps names, and where they stand.
func (r *reader) mentions(to *[]string, at *[]mention) func(sigma.Pair) {
	return func(p sigma.Pair) {
		*to = r.list(p.Value, p.Key)
		for _, it := range sigma.OneOrMore(p.Value) {
			if name, ok := sigma.Text(it); ok {
				*at = append(*at, mention{name, it})
			}
		}
	}
}

// checkRoster completes the roster from directories, when all folders are
// known, and finds what is wrong with it: names that two claim, and names of
// nobody.
func (l *loader) checkRoster() {
	e := &l.policy.Estate
	l.disputed(e)
	l.merge(e)
	index := e.roster().Index()
	l.checkOwners(e, index)
	l.checkGroups(e, index)
	l.checkScopes(e.Scopes)
}

// disputed finds names that two of the estate claim.
func (l *loader) disputed(e *Estate) {
	c := disputes{loader: l, names: map[string]owner{}, ids: map[string][]owner{}}
	for _, p := range e.People {
		c.claim(owner{what: aPerson, name: p.Name}, p.Name, p.Names())
	}
	for _, s := range e.Services {
		c.claim(owner{what: aService, name: s.Name}, s.Name, s.Names())
	}
	c = disputes{loader: l, names: map[string]owner{}, ids: map[string][]owner{}}
	for _, g := range e.Groups {
		c.claim(owner{what: aGroup, name: g.Name}, g.Name, g.Names()[1:])
	}
}

type disputes struct {
	*loader
	names map[string]owner   // by lower-case name
	ids   map[string][]owner // by lower-case alias
}

// owner is who claims a name.
type owner struct{ what, name, product string }

func (d *disputes) claim(who owner, name string, ids []people.Identity) {
	at := d.told[declared{who.what, who.name}]
	low := strings.ToLower(name)
	if o, taken := d.names[low]; taken {
		d.faults = append(d.faults, at.At(at.node, "there is a %s %q and a %s %q; nobody could tell them apart", o.what, o.name, who.what, who.name))
	}
	d.names[low] = who
	for _, id := range ids {
		for _, o := range d.ids[id.Name] {
			if o.name == who.name || id.Product != "" && o.product != "" && id.Product != o.product {
				continue
			}
			product := id.Product
			if product == "" {
				product = o.product
			}
			if product == "" {
				product = "every product"
			}
			d.faults = append(d.faults, at.At(at.node, "%s and %s are both %q in %s; a name belongs to one of them", o.name, who.name, id.Name, product))
			break
		}
		d.ids[id.Name] = append(d.ids[id.Name], owner{who.what, who.name, id.Product})
	}
}

func (l *loader) checkOwners(e *Estate, index *people.Index) {
	for i := range e.Services {
		s := &e.Services[i]
		t, ours := l.told[declared{aService, s.Name}]
		if !ours || t.owner == nil {
			continue
		}
		if name, ok := index.Person(s.Owner); ok {
			s.Owner = name
			continue
		}
		l.faults = append(l.faults, t.At(t.owner.node, "the estate has no person %q%s", s.Owner, sigma.Suggest(s.Owner, index.People)))
	}
}

// checkGroups finds members and groups that are not there, and groups that are
// part of themselves. It leaves the groups with their members told apart.
func (l *loader) checkGroups(e *Estate, index *people.Index) {
	for i := range e.Groups {
		l.members(&e.Groups[i], index)
	}
	for _, p := range e.People {
		l.joins(e, aPerson, p.Name, index)
	}
	for _, s := range e.Services {
		l.joins(e, aService, s.Name, index)
	}
	l.cycles(e)
}

// members resolves what estate.yaml lists as a group's members.
func (l *loader) members(g *Group, index *people.Index) {
	t := l.told[declared{aGroup, g.Name}]
	for _, m := range t.listed {
		i := slices.Index(g.Members, m.name)
		person, isMember := index.Member(m.name)
		group, isGroup := index.Group(m.name)
		switch {
		case isMember && isGroup:
			l.faults = append(l.faults, t.At(m.node, "%q is somebody and a group, too; call one of them something else", m.name))
		case isMember:
			g.Members[i] = person
		case isGroup:
			g.Members = slices.Delete(g.Members, i, i+1)
			g.Groups = append(g.Groups, group)
		default:
			known := slices.Concat(index.People, index.Services, index.Groups)
			l.faults = append(l.faults, t.At(m.node, "the estate has no person, service or group %q%s", m.name, sigma.Suggest(m.name, known)))
		}
	}
}

// joins adds somebody to the groups that they say they belong to.
func (l *loader) joins(e *Estate, what, name string, index *people.Index) {
	t := l.told[declared{what, name}]
	for _, m := range t.listed {
		group, ok := index.Group(m.name)
		if !ok {
			l.faults = append(l.faults, t.At(m.node, "the estate has no group %q%s", m.name, sigma.Suggest(m.name, index.Groups)))
			continue
		}
		i := slices.IndexFunc(e.Groups, func(g Group) bool { return g.Name == group })
		if g := &e.Groups[i]; !slices.Contains(g.Members, name) {
			g.Members = append(g.Members, name)
		}
	}
}

// cycles finds groups that are part of themselves.
func (l *loader) cycles(e *Estate) {
	inner := map[string][]string{}
	for _, g := range e.Groups {
		inner[g.Name] = g.Groups
	}
	for _, way := range circles(inner) {
		at, ours := l.told[declared{aGroup, way[0]}]
		if !ours {
			i := slices.IndexFunc(e.Groups, func(g Group) bool { return g.Name == way[0] })
			at = l.directoryOf(e.Groups[i].From)
		}
		l.faults = append(l.faults, at.At(at.node, "the group %q is part of itself: %s", way[0], strings.Join(way, " > ")))
	}
}
