package rules

import (
	"cmp"
	"slices"
	"strings"

	"sidedoor/event"
	"sidedoor/rules/engine"
	"sidedoor/rules/people"
	"sidedoor/rules/sigma"
)

// Names answers who is who under a policy, as its rules see it. It belongs to
// one goroutine.
type Names struct {
	directory *directory
	fields    *engine.Reader
	near      map[string]string // names by what is likely to be a part of an unknown one
	words     []string          // the keys of near
}

// Names returns the names of the estate, with all its groups.
func (e Estate) Names() *Names {
	n := &Names{directory: newDirectory(e, e.groupNames()), fields: engine.NewReader(), near: map[string]string{}}
	for _, s := range e.Services {
		n.learn(s.Name, s.Names())
	}
	for _, p := range e.People { // rather a person than a service
		n.learn(p.Name, p.Names())
	}
	for word := range n.near {
		n.words = append(n.words, word)
	}
	slices.Sort(n.words)
	return n
}

func (n *Names) learn(name string, ids []people.Identity) {
	n.near[strings.ToLower(name)] = name
	for _, id := range ids {
		for _, word := range wholes(id.Name) {
			n.near[word] = name
		}
	}
}

// Found is whom a name leads to, and by which alias.
type Found struct {
	event.Party
	Service bool
	// Product and Alias are the name that the estate has: no product for one that
	// counts in every product, and '*' in an alias for any run of characters.
	Product, Alias string
	From           []string // the files that tell of them
}

// Who returns whom a product calls name; ok is false if the estate does not
// know it.
func (n *Names) Who(product, name string) (f Found, ok bool) {
	who, alias := n.directory.find(product, name)
	if who == nil {
		return Found{}, false
	}
	return Found{Party: who.party(name), Service: who.service, Product: alias.Product, Alias: alias.Name, From: who.from}, true
}

// Groups are the groups that a person or service belongs to, in order.
func (n *Names) Groups(name string) []string {
	if who := n.directory.byName[name]; who != nil {
		return who.groups
	}
	return nil
}

// Behind returns who is behind an event of a batch: the zero party if the event
// names nobody.
func (n *Names) Behind(b event.Batch, i int) event.Party {
	return n.directory.behind(b.Product, newSubject(b.Scope, b.Events[i], n.fields))
}

// Bounds on comparing an unknown name letter by letter: the words that it is
// compared with, and its length.
const (
	maxWords = 5_000
	minNear  = 6
)

// Near returns who an unknown name may be, or nothing: a guess for people to
// look at, from the part of it that is most likely a person's.
func (n *Names) Near(name string) string {
	of := words(strings.ToLower(name))
	for _, word := range of {
		if near, ok := n.near[word]; ok {
			return near
		}
	}
	// Of a short name a few letters are most of it.
	if len(n.words) > maxWords || len(of) == 0 || len(of[0]) < minNear {
		return ""
	}
	return n.near[sigma.Nearest(of[0], n.words)]
}

// words are what may be a person's name in an unknown one, the likeliest first.
func words(name string) []string {
	out := wholes(name)
	for _, part := range strings.FieldsFunc(name[lastPart(name):], func(r rune) bool { return strings.ContainsRune("-_.@[]", r) }) {
		if len(part) >= 4 {
			out = append(out, part)
		}
	}
	return out
}

// wholes are the last part of a path, and that without the domain of an e-mail.
func wholes(name string) []string {
	last := name[lastPart(name):]
	local, _, _ := strings.Cut(last, "@")
	out := []string{last, local, strings.TrimSuffix(local, "[bot]")}
	return slices.DeleteFunc(out, func(w string) bool { return len(w) < 3 || strings.Contains(w, "*") })
}

func lastPart(name string) int { return strings.LastIndexAny(name, "/:") + 1 }

// Products are those in which the estate has names, in order.
func (e Estate) Products() []string {
	var out []string
	for _, p := range e.People {
		for _, id := range p.Names() {
			out = append(out, id.Product)
		}
	}
	for _, s := range e.Services {
		for _, id := range s.Names() {
			out = append(out, id.Product)
		}
	}
	slices.SortFunc(out, cmp.Compare[string])
	return slices.DeleteFunc(slices.Compact(out), func(p string) bool { return p == "" })
}
