package judge

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"sidedoor/event"
)

// facts holds what somebody is to something, in the order of arrival.
type facts struct {
	shelf
	refs chains // by what is asked
}

func newFacts() *facts {
	s := newShelf()
	return &facts{shelf: s, refs: s.by(scopes)}
}

// stated is a fact with what the judge knows of it.
type stated struct {
	id     string
	fact   event.Fact
	stored time.Time // the judge's clock when it arrived
}

func (c *codec) stated(f *stated) {
	c.fact(&f.fact)
	c.moment(&f.stored)
	at := max(strings.LastIndexByte(f.id, '.'), 0) // behind the match's ID stands which of its facts it is
	match, rest := f.id[:at], f.id[at:]
	c.text(&match)
	c.text(&rest)
	f.id = match + rest
}

func (s *facts) read(n int32) stated {
	var f stated
	r := s.reader(s.texts.at(n))
	r.stated(&f)
	return f
}

// add takes a fact in, unless it is held already.
func (s *facts) add(f event.Fact, id string, stored time.Time) bool {
	x := stated{id, f, stored}
	if s.has(&x) {
		return false
	}
	w := s.writer()
	w.stated(&x)
	s.place(string(w.out), &x)
	return true
}

func (s *facts) place(text string, f *stated) {
	ref := event.FactRef{Is: f.fact.Is, Of: f.fact.Of}
	n := s.put(text, s.key(f))
	s.refs.add(s.hash(ref.Is, ref.Of), n, s.with(ref))
}

func (s *facts) has(f *stated) bool {
	_, ok := s.ids.find(s.key(f), func(n int32) bool { return same(s.read(n), *f) })
	return ok
}

// same says whether two facts are one, stated twice.
func same(a, b stated) bool {
	return a.id == b.id && a.fact.Is == b.fact.Is && a.fact.Of == b.fact.Of && a.fact.Who.Person == b.fact.Who.Person
}

func (s *facts) key(f *stated) uint32 {
	return s.hash(f.id, f.fact.Is, f.fact.Of, f.fact.Who.Person)
}

func (s *facts) with(ref event.FactRef) func(int32) bool {
	return func(n int32) bool {
		r := s.reader(s.texts.at(n))
		return r.isWord(ref.Is) && r.isPath(ref.Of)
	}
}

// of returns who is something to something, as they arrived. None may be added
// or forgotten meanwhile.
func (s *facts) of(ref event.FactRef) iter.Seq[event.Fact] {
	return func(yield func(event.Fact) bool) {
		for n := range s.refs.of(s.hash(ref.Is, ref.Of), s.with(ref)) {
			if !yield(s.read(n).fact) {
				return
			}
		}
	}
}

// forget drops the oldest where there are too many, and returns how many.
func (s *facts) forget(cfg Config) (crowded int) {
	for s.len() > cfg.MaxApprovals {
		var f stated
		n := s.oldest
		r := s.reader(s.texts.at(n))
		r.visit = s.words.leave
		r.stated(&f)
		s.refs.remove(s.hash(f.fact.Is, f.fact.Of), n)
		s.take(n, s.key(&f))
		crowded++
	}
	return crowded
}

// load fills s, which holds nothing, from a snapshot. It returns what follows.
func (s *facts) load(b []byte) ([]byte, error) {
	return s.shelf.load(b, func(text string, r *codec) error {
		var f stated
		if r.stated(&f); !r.done() {
			return errCut
		}
		if s.has(&f) {
			return fmt.Errorf("a fact of %s is there twice", f.id)
		}
		s.place(text, &f)
		return nil
	})
}
