package rules

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/sigma"
)

// Estate is what is in scope: the lists that rules refer to, and the people
// with their names in each product.
type Estate struct {
	Lists  map[string][]string
	People []Person
}

// Person is somebody with all their names.
type Person struct {
	Name  string
	Email string // a name of theirs in every product
	// Aliases are their names by product (aws, kubernetes, github, approvals);
	// '*' stands for any run of characters.
	Aliases map[string][]string
}

// Control is a documented control.
type Control struct {
	ID        string
	Title     string
	Objective string
	Family    string // ITGC: change management, logical access …
	Owner     string // a person
	Reviewers []string
	Cadence   string // weekly
}

func (l *loader) controls(d sigma.Document) {
	r := &reader{Place: d.Place}
	r.mapping(d.Root, "controls file", map[string]func(sigma.Pair){
		"controls": func(p sigma.Pair) {
			items, ok := sigma.Items(p.Value)
			if !ok {
				r.fault(p.KeyNode, "controls has to be a list")
			}
			for _, it := range items {
				l.control(r, it)
			}
		},
	})
	l.faults = append(l.faults, r.faults...)
}

func (l *loader) control(r *reader, node ast.Node) {
	c := Control{Cadence: "weekly"}
	r.mapping(node, "control", map[string]func(sigma.Pair){
		"id": r.text(&c.ID), "title": r.text(&c.Title), "objective": r.text(&c.Objective), "family": r.text(&c.Family),
		"owner": func(p sigma.Pair) {
			c.Owner = r.scalar(p.Value, p.Key)
			l.named = append(l.named, namedPerson{r.Place, p.Value, c.Owner})
		},
		"reviewers": func(p sigma.Pair) {
			c.Reviewers = r.list(p.Value, p.Key)
			for _, name := range c.Reviewers {
				l.named = append(l.named, namedPerson{r.Place, p.Value, name})
			}
		},
		"cadence": func(p sigma.Pair) {
			if c.Cadence = r.scalar(p.Value, "cadence"); c.Cadence != "weekly" {
				r.fault(p.Value, "cadence %q: this version reviews weekly", c.Cadence)
			}
		},
	})
	if c.ID == "" || strings.ContainsAny(c.ID, " .*>\t") {
		r.fault(node, "a control needs an id without spaces, dots and wildcards, such as CHG-03")
		return
	}
	if l.again("control", c.ID) {
		r.fault(node, "there is another control %q in this folder", c.ID)
	}
	i := slices.IndexFunc(l.policy.Controls, func(o Control) bool { return o.ID == c.ID })
	if i < 0 {
		l.policy.Controls = append(l.policy.Controls, c)
		return
	}
	l.policy.Controls[i] = c.over(l.policy.Controls[i])
}

// over lays c over an earlier control: what c leaves out stays.
func (c Control) over(old Control) Control {
	for _, f := range []struct{ to, from *string }{
		{&c.Title, &old.Title}, {&c.Objective, &old.Objective}, {&c.Family, &old.Family}, {&c.Owner, &old.Owner},
	} {
		if *f.to == "" {
			*f.to = *f.from
		}
	}
	if c.Reviewers == nil {
		c.Reviewers = old.Reviewers
	}
	return c
}

func (l *loader) estate(d sigma.Document) {
	r := &reader{Place: d.Place}
	r.mapping(d.Root, "estate", map[string]func(sigma.Pair){
		"lists": func(p sigma.Pair) {
			pairs, ok := sigma.Pairs(p.Value)
			if !ok {
				r.fault(p.KeyNode, "lists has to be a mapping of names to lists")
			}
			for _, list := range pairs {
				l.policy.Estate.Lists[list.Key] = r.list(list.Value, list.Key)
			}
		},
		"people": func(p sigma.Pair) {
			items, ok := sigma.Items(p.Value)
			if !ok {
				r.fault(p.KeyNode, "people has to be a list")
			}
			for _, it := range items {
				l.person(r, it)
			}
		},
	})
	l.faults = append(l.faults, r.faults...)
}

func (l *loader) person(r *reader, node ast.Node) {
	p := Person{Aliases: map[string][]string{}}
	r.mapping(node, "person", map[string]func(sigma.Pair){
		"name": r.text(&p.Name), "email": r.text(&p.Email),
		"aliases": func(pair sigma.Pair) {
			pairs, ok := sigma.Pairs(pair.Value)
			if !ok {
				r.fault(pair.KeyNode, "aliases has to be a mapping of products to names")
			}
			for _, a := range pairs {
				p.Aliases[a.Key] = r.list(a.Value, a.Key)
			}
		},
	})
	if p.Name == "" {
		r.fault(node, "a person needs a name")
		return
	}
	if l.again("person", p.Name) {
		r.fault(node, "there is another person %q in this folder", p.Name)
	}
	e := &l.policy.Estate
	e.People = slices.DeleteFunc(e.People, func(o Person) bool { return o.Name == p.Name })
	for _, o := range e.People {
		if product, alias, clash := shared(o, p); clash {
			r.fault(node, "%s and %s are both %q in %s; a name belongs to one person", o.Name, p.Name, alias, product)
		}
	}
	e.People = append(e.People, p)
}

// shared finds a name that two people claim.
func shared(a, b Person) (product, alias string, clash bool) {
	for _, x := range a.names() {
		for _, y := range b.names() {
			if x.name == y.name && (x.product == y.product || x.product == "" || y.product == "") {
				return cmp.Or(x.product, y.product, "every product"), x.name, true
			}
		}
	}
	return "", "", false
}

// names are all names of a person; those of every product have none.
func (p Person) names() []identity {
	var out []identity
	if p.Email != "" {
		out = append(out, identity{"", strings.ToLower(p.Email)})
	}
	for _, product := range slices.Sorted(maps.Keys(p.Aliases)) {
		for _, n := range p.Aliases[product] {
			out = append(out, identity{product, strings.ToLower(n)})
		}
	}
	return out
}
