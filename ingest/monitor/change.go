package monitor

import (
	"fmt"
	"slices"
	"strings"

	"sidedoor/event"
)

// Change is what a policy has in other ways than the one before it.
type Change struct {
	Rules    Difference `json:"rules,omitzero"`    // and correlations
	Filters  Difference `json:"filters,omitzero"`  // what suppresses matches
	Controls Difference `json:"controls,omitzero"` // by id
	Estate   Difference `json:"estate,omitzero"`   // lists/known_runners, people/alice
	Files    Difference `json:"files,omitzero"`    // by path
	Sources  Difference `json:"sources,omitzero"`
	// Rejected are what is not in force because something is wrong with it, and
	// was not rejected before.
	Rejected []string `json:"rejected,omitempty"`
}

// Difference is how two lists of things with names differ.
type Difference struct {
	Added   []string `json:"added,omitempty"`
	Changed []string `json:"changed,omitempty"`
	Removed []string `json:"removed,omitempty"`
}

// None says whether there is no difference.
func (d Difference) None() bool { return len(d.Added)+len(d.Changed)+len(d.Removed) == 0 }

// Compare says what fresh has in other ways than old. What an earlier version of
// the program did not announce, or a record had no room for, is not compared.
func Compare(old, fresh event.Policy) Change {
	c := Change{
		Rules: differ(versions(old.Rules), versions(fresh.Rules)), Filters: differ(versions(old.Filters), versions(fresh.Filters)),
		Sources: differ(sources(old), sources(fresh)), Rejected: newlyRejected(old, fresh),
	}
	if told(old) && told(fresh) {
		c.Controls = differ(versions(old.Controls), versions(fresh.Controls))
		c.Estate = differ(versions(old.Estate), versions(fresh.Estate))
		c.Files = differ(files(old), files(fresh))
	}
	return c
}

// told says whether a policy was announced with all that it is made of.
func told(p event.Policy) bool { return len(p.Files) > 0 }

// inForce says whether any of what judges events is another than before.
func inForce(old, fresh event.Policy, c Change) bool {
	return old.Digest != fresh.Digest || len(c.Rejected) > 0
}

// named is a list of things by their names. cut says that it had no room for all.
type named struct {
	order  []string
	digest map[string]event.Digest
	cut    bool
}

func (n *named) add(name string, digest event.Digest) {
	if digest == (event.Digest{}) && strings.HasPrefix(name, "… and ") {
		n.cut = true
		return
	}
	if n.digest == nil {
		n.digest = map[string]event.Digest{}
	}
	n.order = append(n.order, name)
	n.digest[name] = digest
}

func versions(list []event.RuleVersion) (n named) {
	for _, v := range list {
		n.add(v.Name, v.Digest)
	}
	return n
}

func files(p event.Policy) (n named) {
	for _, f := range p.Files {
		n.add(f.Path, f.Digest)
	}
	return n
}

func sources(p event.Policy) (n named) {
	for _, s := range p.Sources {
		n.add(s.Name, event.DigestOf(fmt.Appendf(nil, "%s/%s, %s", s.Product, s.Service, s.Skew)))
	}
	return n
}

func differ(old, fresh named) (d Difference) {
	for _, name := range fresh.order {
		was, known := old.digest[name]
		switch {
		case !known && !old.cut:
			d.Added = append(d.Added, name)
		case known && was != fresh.digest[name]:
			d.Changed = append(d.Changed, name)
		}
	}
	for _, name := range old.order {
		if _, known := fresh.digest[name]; !known && !fresh.cut {
			d.Removed = append(d.Removed, name)
		}
	}
	return d
}

func newlyRejected(old, fresh event.Policy) (names []string) {
	known := map[string]bool{}
	for _, r := range old.Rejected {
		known[label(r)] = true
	}
	for _, r := range fresh.Rejected {
		if !known[label(r)] {
			names = append(names, label(r))
		}
	}
	return names
}

// label names a rejected rule, or the file where it stands.
func label(r event.RejectedRule) string {
	if r.Name != "" || r.File == "" {
		return r.Name
	}
	return r.File
}

// maxNamed bounds the names of one list in a note: there may be thousands of
// rules, and people have to read it.
const maxNamed = 200

// bounded returns the change as a note shows it.
func (c Change) bounded() *Change {
	for _, d := range []*Difference{&c.Rules, &c.Filters, &c.Controls, &c.Estate, &c.Files, &c.Sources} {
		d.Added, d.Changed, d.Removed = few(d.Added), few(d.Changed), few(d.Removed)
	}
	c.Rejected = few(c.Rejected)
	return &c
}

func few(names []string) []string {
	if len(names) <= maxNamed {
		return names
	}
	return append(slices.Clone(names[:maxNamed]), fmt.Sprintf("… and %d more", len(names)-maxNamed))
}

// notesOf are the notes of a policy that was loaded after old; old is nil for the
// first of an installation. They depend on the two announcements alone.
func notesOf(old *event.Policy, fresh event.Policy) []Note {
	if old == nil {
		return []Note{note(PolicyLoaded, nil, fresh, "")}
	}
	c := Compare(*old, fresh)
	first := note(PolicyLoaded, old, fresh, "")
	if inForce(*old, fresh, c) {
		first = note(PolicyChanged, old, fresh, "")
	}
	first.Change = c.bounded()
	notes := []Note{first}
	for _, name := range c.Rules.Removed {
		n := note(RuleDisabled, old, fresh, name)
		n.Rule, n.Why = name, whyOff(name, fresh)
		notes = append(notes, n)
	}
	of := func(kind Kind, p event.Policy, names []string) {
		for _, name := range names {
			n := note(kind, old, fresh, name)
			n.SourceNote = sourceNote(name, p)
			notes = append(notes, n)
		}
	}
	// One that is read as something else, or whose clock may be wrong by more, is
	// no longer the source that it was.
	of(SourceAdded, fresh, append(slices.Clone(c.Sources.Added), c.Sources.Changed...))
	of(SourceRemoved, *old, append(slices.Clone(c.Sources.Removed), c.Sources.Changed...))
	return notes
}

func sourceNote(name string, p event.Policy) *SourceNote {
	n := &SourceNote{Source: name}
	for _, s := range p.Sources {
		if s.Name == name {
			n.Product, n.Service = s.Product, s.Service
		}
	}
	return n
}

// whyOff says why a rule is no longer in force.
func whyOff(name string, p event.Policy) string {
	for _, r := range p.Rejected {
		if r.Name == name {
			return fmt.Sprintf("it has a fault: %s:%d: %s", r.File, r.Line, r.Message)
		}
	}
	return "it is no longer in the policy"
}

// note identifies a note by the two policies, so that it is the same whenever it
// is made.
func note(kind Kind, old *event.Policy, fresh event.Policy, of string) Note {
	n := Note{Time: fresh.Loaded, Kind: kind, Loaded: loaded(fresh)}
	key := string(kind) + "\n" + of + "\n" + fresh.Loaded.String() + string(fresh.Digest[:])
	if old != nil {
		n.Before = loaded(*old)
		key += old.Loaded.String() + string(old.Digest[:])
	}
	n.ID = identity(kind, key)
	return n
}

// identity makes an id of what a note is about.
func identity(kind Kind, key string) string {
	return string(kind) + "/" + event.DigestOf([]byte(key)).Short()
}

func loaded(p event.Policy) *Loaded {
	return &Loaded{By: p.By, Commit: p.Commit, Repository: p.Repository, Version: p.Version, Digest: p.Digest, Time: p.Loaded}
}
