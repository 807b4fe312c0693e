package rules

import (
	"strings"

	"sidedoor/event"
)

// directory finds the person behind a name.
type directory struct {
	exact    map[identity]string
	patterns map[string][]aliasPattern
}

// identity is a lower-case name in a product.
type identity struct{ product, name string }

type aliasPattern struct{ pattern, person string }

func newDirectory(e Estate, _ []string) *directory {
	d := &directory{exact: map[identity]string{}, patterns: map[string][]aliasPattern{}}
	for _, p := range e.People {
		for _, n := range p.names() {
			if n.product != "" && strings.Contains(n.name, "*") {
				d.patterns[n.product] = append(d.patterns[n.product], aliasPattern{n.name, p.Name})
			} else {
				d.exact[n] = p.Name
			}
		}
	}
	return d
}

// resolve returns the party that a product calls name. Somebody unknown stays
// who they say they are.
func (d *directory) resolve(product, name string) event.Party {
	party := event.Party{Name: name, Person: name}
	if name == "" {
		return party
	}
	low := strings.ToLower(name)
	if p, ok := d.exact[identity{product, low}]; ok {
		party.Person = p
	} else if p, ok := d.exact[identity{"", low}]; ok {
		party.Person = p
	} else {
		for _, a := range d.patterns[product] {
			if event.Wildcard(a.pattern, low) {
				party.Person = a.person
				break
			}
		}
	}
	return party
}
