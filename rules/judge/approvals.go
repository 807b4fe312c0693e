package judge

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"sidedoor/event"
)

// approvals holds approvals, by what an act asks for.
type approvals struct {
	shelf
	scopes     chains // by kind and Covers
	persons    chains // by kind and actor
	references chains // by kind and reference
	patterns   patterns
	expiry     expiry // those that expire at all
}

func newApprovals() *approvals {
	s := newShelf()
	return &approvals{
		shelf: s, scopes: s.by(scopes), persons: s.by(persons), references: s.by(references),
		patterns: patterns{chains: chains{rings: rings{new(pages[link])}}}, // few have any
	}
}

// held is an approval that is held, for as long as none is forgotten.
type held struct {
	in *approvals
	n  int32
}

// match returns the approval as it was added, but for empty lists, which are
// nil.
func (h held) match() event.Match { return h.in.read(h.n).match }

// token stands for the ID with which it was added.
func (h held) token() token { return h.in.slots.at(h.n).token }

// read reads an approval, as one that holds all its words does.
func (s *approvals) read(n int32) entry {
	var e entry
	r := s.reader(s.texts.at(n))
	r.entry(&e)
	return e
}

// add takes an approval in, unless it is held already. It has to be bounded;
// the ID is that of the match as it came.
func (s *approvals) add(m event.Match, id string, stored time.Time, cfg Config) (held, bool) {
	t := tokenOf(id)
	if s.has(t) {
		return held{}, false
	}
	e, w := newEntry(m, id, stored), s.writer()
	w.entry(&e)
	return held{s, s.place(string(w.out), &e, t, cfg)}, true
}

func (s *approvals) has(t token) bool {
	_, ok := s.ids.find(s.hash(string(t[:])), func(n int32) bool { return s.slots.at(n).token == t })
	return ok
}

// place puts an approval where it is found.
func (s *approvals) place(text string, e *entry, t token, cfg Config) int32 {
	ap := e.match.Approval
	n := s.put(text, s.hash(string(t[:])))
	s.slots.at(n).token = t
	if ap.Covers != "" {
		fresh := s.scopes.add(s.hash(ap.Kind, ap.Covers), n, s.withScope(ap.Kind, ap.Covers))
		if fresh && wild(ap.Covers) {
			s.addPattern(ap.Kind, ap.Covers, n)
		}
	}
	if ap.Actor.Person != "" {
		s.persons.add(s.hash(ap.Kind, fold(ap.Actor.Person)), n, s.withPerson(ap.Kind, ap.Actor.Person))
	}
	if ap.Reference != "" {
		s.references.add(s.hash(ap.Kind, ap.Reference), n, s.withReference(ap.Kind, ap.Reference))
	}
	if !ap.Until.IsZero() {
		s.expiry.add(n, later(ap.Until, e.stored).Add(cfg.Memory))
	}
	return n
}

// drop forgets an approval.
func (s *approvals) drop(n int32) {
	var e entry
	r := s.reader(s.texts.at(n))
	r.visit = s.words.leave
	r.entry(&e)
	ap := e.match.Approval
	if ap.Covers != "" {
		next, first, alone := s.scopes.remove(s.hash(ap.Kind, ap.Covers), n)
		if first && wild(ap.Covers) {
			s.removePattern(ap.Kind, ap.Covers, n)
			if !alone {
				s.addPattern(ap.Kind, ap.Covers, next)
			}
		}
	}
	if ap.Actor.Person != "" {
		s.persons.remove(s.hash(ap.Kind, fold(ap.Actor.Person)), n)
	}
	if ap.Reference != "" {
		s.references.remove(s.hash(ap.Kind, ap.Reference), n)
	}
	if !ap.Until.IsZero() {
		s.expiry.remove(n)
	}
	t := held{s, n}.token()
	s.take(n, s.hash(string(t[:])))
}

// covering appends the approvals of a kind that cover a scope, in no order that
// means anything.
func (s *approvals) covering(list []held, kind, scope string) []held {
	if !wild(scope) {
		if first, ok := s.scopes.first.find(s.hash(kind, scope), s.withScope(kind, scope)); ok {
			list = s.appendRing(list, &s.scopes, first)
		}
	}
	for first := range s.patternsCovering(kind, scope) {
		list = s.appendRing(list, &s.scopes, first)
	}
	return list
}

// appendRing appends the approvals of the ring that begins with first.
func (s *approvals) appendRing(list []held, of *chains, first int32) []held {
	for n := range of.from(first) {
		list = append(list, held{s, n})
	}
	return list
}

// naming appends the approvals of a kind that name the person as who may act,
// in whatever case, as they arrived.
func (s *approvals) naming(list []held, kind, person string) []held {
	if first, ok := s.persons.first.find(s.hash(kind, fold(person)), s.withPerson(kind, person)); ok {
		list = s.appendRing(list, &s.persons, first)
	}
	return list
}

// referenced returns the approvals of a kind with a reference, as they arrived.
// None may be added or forgotten meanwhile.
func (s *approvals) referenced(kind, reference string) iter.Seq[held] {
	return func(yield func(held) bool) {
		for n := range s.references.of(s.hash(kind, reference), s.withReference(kind, reference)) {
			if !yield(held{s, n}) {
				return
			}
		}
	}
}

func (s *approvals) withScope(kind, scope string) func(int32) bool {
	return func(n int32) bool {
		r := s.reader(s.texts.at(n))
		return r.isWord(kind) && r.isPath(scope)
	}
}

func (s *approvals) withPerson(kind, person string) func(int32) bool {
	return func(n int32) bool {
		var actor event.Party
		r := s.reader(s.texts.at(n))
		if !r.isWord(kind) {
			return false
		}
		r.isPath("")
		r.party(&actor)
		return strings.EqualFold(actor.Person, person)
	}
}

func (s *approvals) withReference(kind, reference string) func(int32) bool {
	return func(n int32) bool {
		var actor string // as it was written
		r := s.reader(s.texts.at(n))
		if !r.isWord(kind) {
			return false
		}
		r.isPath("")
		r.word(&actor)
		return r.isPath(reference)
	}
}

// forget drops what is too old, or too much, and returns how many were too
// much.
func (s *approvals) forget(clock time.Time, cfg Config) (crowded int) {
	for n, ok := s.expiry.before(clock); ok; n, ok = s.expiry.before(clock) {
		s.drop(n)
	}
	for s.len() > cfg.MaxApprovals {
		s.drop(s.oldest)
		crowded++
	}
	return crowded
}

// load fills s, which holds nothing, from a snapshot. It returns what follows.
func (s *approvals) load(b []byte, cfg Config) ([]byte, error) {
	return s.shelf.load(b, func(text string, r *codec) error {
		var e entry
		if r.entry(&e); !r.done() {
			return errCut
		}
		id := e.matchID()
		t := tokenOf(id)
		if s.has(t) {
			return fmt.Errorf("approval %s is there twice", id)
		}
		s.place(text, &e, t, cfg)
		return nil
	})
}
