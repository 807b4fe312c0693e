package rules

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Fact says that a rule's match tells what somebody is to something.
//
//	facts:
//	  - {who: sender.login, is: author, of: '{repository.full_name}@{after}'}
//	  - {who: member.login, is: member, of: '{team.slug}', since: updated_at}
type Fact struct {
	Who   []Who // of several the first that yields; each value of its field
	Is    string
	Of    Template
	Since []Template // default: the event's own time
}

func (r *reader) facts(p sigma.Pair) []Fact {
	items, ok := sigma.Items(p.Value)
	if !ok || len(items) == 0 {
		r.fault(p.Value, "facts has to be a list such as [{who: sender.login, is: author, of: '{repository.full_name}@{after}'}]")
		return nil
	}
	out := make([]Fact, 0, len(items))
	for _, it := range items {
		out = append(out, r.fact(it))
	}
	return out
}

func (r *reader) fact(node ast.Node) Fact {
	var f Fact
	r.mapping(node, "fact", map[string]func(sigma.Pair){
		"who": r.whom(&f.Who),
		"is": func(p sigma.Pair) {
			f.Is = r.scalar(p.Value, p.Key)
			r.word(p.Value, p.Key, f.Is)
		},
		"of":    r.template(&f.Of),
		"since": func(p sigma.Pair) { f.Since = r.fields(p) },
	})
	if len(f.Who) == 0 || f.Is == "" || f.Of.source == "" {
		r.fault(node, "a fact needs who, is and of: who is what to what?")
	}
	return f
}

// facts returns what the event tells; what it tells by halves is no fact.
func (m *Matcher) facts(all []Fact, ref event.Ref, e *subject) []event.Fact {
	var out []event.Fact
	for _, f := range all {
		for _, w := range f.Who {
			told := m.told(f, w, ref, e)
			out = append(out, told...)
			if len(told) > 0 {
				break
			}
		}
	}
	return out
}

// told returns the fact for each of those whom the event names in one way.
func (m *Matcher) told(f Fact, w Who, ref event.Ref, e *subject) []event.Fact {
	var out []event.Fact
	each, _ := w.each(e)
	for _, one := range each {
		who := m.one(w, ref.Product, one)
		of, complete := f.Of.render(one)
		if who.Name == "" || !complete {
			continue
		}
		if f.Is == event.FactMember {
			of = m.people.group(ref.Product, of)
		}
		said := func(o event.Fact) bool { return o.Is == f.Is && o.Of == of && o.Who.Name == who.Name }
		if of != "" && !slices.ContainsFunc(out, said) {
			out = append(out, event.Fact{Is: f.Is, Of: of, Who: who, Since: timeOr(ref.At(), f.Since, one)})
		}
	}
	return out
}
