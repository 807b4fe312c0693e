package rules

import (
	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Who is somebody whom an event names: by a field or a template, or as whoever
// stands behind the event, which is written identity.
type Who struct {
	Template
	behind bool
}

// identityWord stands where whoever is behind an event is meant.
const identityWord = "identity"

func parseWho(s string) (Who, error) {
	if s == identityWord {
		return Who{Template: Template{source: s}, behind: true}, nil
	}
	t, err := parseField(s)
	return Who{Template: t}, err
}

// whom returns a handler that keeps one who, or a list of them.
func (r *reader) whom(to *[]Who) func(sigma.Pair) {
	return func(p sigma.Pair) {
		for _, it := range sigma.OneOrMore(p.Value) {
			s, ok := sigma.Text(it)
			if !ok {
				r.fault(it, "%s has to be a text", p.Key)
				continue
			}
			w, err := parseWho(s)
			if err != nil {
				r.fault(it, "%s: %v", p.Key, err)
			}
			*to = append(*to, w)
		}
	}
}

// party returns the first of them whom the event names.
func (m *Matcher) party(whom []Who, product string, e *subject) event.Party {
	for _, w := range whom {
		if p := m.one(w, product, e); p.Name != "" {
			return p
		}
	}
	return event.Party{}
}

// one returns the party, or none if the event does not name it.
func (m *Matcher) one(w Who, product string, e *subject) event.Party {
	if w.behind {
		return m.people.behind(product, e)
	}
	if name, complete := w.render(e); complete {
		return m.people.resolve(product, name)
	}
	return event.Party{}
}
