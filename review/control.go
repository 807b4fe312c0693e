package review

import (
	"fmt"
	"slices"
	"strings"

	"sidedoor/event"
)

// Control is a documented control and the people who answer for it.
type Control struct {
	ID        string
	Title     string
	Owner     string // a person of the estate
	Reviewers []string
}

// people are the owner and the reviewers, each once.
func (c Control) people() []string {
	var all []string
	for _, p := range append([]string{c.Owner}, c.Reviewers...) {
		if p = strings.TrimSpace(p); p != "" && !slices.ContainsFunc(all, func(o string) bool { return samePerson(o, p) }) {
			all = append(all, p)
		}
	}
	return all
}

// member returns the person as the control spells their name.
func (c Control) member(person string) (name string, ok bool) {
	people := c.people()
	i := slices.IndexFunc(people, func(o string) bool { return samePerson(o, person) })
	if i < 0 {
		return "", false
	}
	return people[i], true
}

// eligible returns the person as the control spells them, or says who may act.
func (c Control) eligible(person, what string) (string, error) {
	if name, ok := c.member(person); ok {
		return name, nil
	}
	if len(c.people()) == 0 {
		return "", fmt.Errorf("control %s has neither owner nor reviewers, so nobody can %s; name them in the controls file", c.ID, what)
	}
	return "", fmt.Errorf("%q is neither owner nor reviewer of control %s; %s can %s", person, c.ID, list(c.people()), what)
}

// samePerson compares names of people; case does not tell people apart.
func samePerson(a, b string) bool {
	return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b))
}

// isParty says whether person is that party, by either of its names: a control
// may list somebody whom the estate does not know by the name that an event
// gives. Who answers for a service identity is a party to what it does.
func isParty(person string, p event.Party) bool {
	for _, name := range []string{p.Person, p.Name, p.Owner} {
		if name != "" && samePerson(person, name) {
			return true
		}
	}
	return false
}

// list is words as people write them: a, b or c.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
