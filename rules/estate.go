package rules

import (
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/rules/people"
	"sidedoor/rules/sigma"
)

// Estate is what is in scope: the lists that rules refer to, who is who, and
// what holds what.
type Estate struct {
	Lists    map[string][]string
	People   []Person
	Services []Service `json:",omitempty"`
	Groups   []Group   `json:",omitempty"`
	// Scopes are the scopes that hold narrower ones, with patterns for these.
	Scopes scopes `json:",omitempty"`
	// Directories are the exports from which the roster was completed.
	Directories []Directory `json:",omitempty"`
}

// groupNames are the names of the estate's groups; nil if it has none.
func (e Estate) groupNames() []string {
	var out []string
	for _, g := range e.Groups {
		out = append(out, g.Name)
	}
	slices.Sort(out)
	return out
}

// Person is somebody with all their names.
type Person = people.Person

// Service is an identity that is nobody, and who answers for it.
type Service = people.Service

// Group is people and services, and other groups of them.
type Group = people.Group

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
	each := func(read func(*reader, ast.Node)) func(sigma.Pair) {
		return func(p sigma.Pair) {
			items, ok := sigma.Items(p.Value)
			if !ok {
				r.fault(p.KeyNode, "%s has to be a list", p.Key)
			}
			for _, it := range items {
				read(r, it)
			}
		}
	}
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
		"people":      each(l.person),
		"services":    each(l.service),
		"groups":      each(l.group),
		"scopes":      func(p sigma.Pair) { l.scopes(r, p) },
		"directories": each(l.directory),
	})
	l.faults = append(l.faults, r.faults...)
}
