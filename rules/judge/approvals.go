package judge

import (
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// approval is an approval that is held.
type approval struct {
	ID     string      `json:"id"`
	Match  event.Match `json:"match"`
	Stored time.Time   `json:"stored"` // judge's clock on arrival
}

// gone is when the approval need no longer be known.
func (p *approval) gone(cfg Config) time.Time {
	if until := p.Match.Approval.Until; !until.IsZero() {
		return later(until, p.Stored).Add(cfg.Memory)
	}
	return p.Stored.Add(cfg.Keep)
}

// approvals holds approvals in the order of their arrival, with indexes on
// what an act asks for: kind and scope, kind and person.
type approvals struct {
	queue    []*approval
	byID     map[string]*approval
	byScope  map[key][]*approval // exact covers
	byPerson map[key][]*approval
	wild     map[string][]*approval // covers with a wildcard, by kind
}

// key is a kind of approval with a scope or a person.
type key struct{ kind, value string }

func newApprovals() *approvals {
	return &approvals{
		byID: map[string]*approval{}, byScope: map[key][]*approval{}, byPerson: map[key][]*approval{},
		wild: map[string][]*approval{},
	}
}

func (s *approvals) len() int { return len(s.byID) }

// add takes an approval in, unless it is known.
func (s *approvals) add(p *approval) bool {
	if s.byID[p.ID] != nil {
		return false
	}
	s.byID[p.ID] = p
	s.queue = append(s.queue, p)
	ap := p.Match.Approval
	if strings.Contains(ap.Covers, "*") {
		s.wild[ap.Kind] = append(s.wild[ap.Kind], p)
	} else {
		k := key{ap.Kind, ap.Covers}
		s.byScope[k] = append(s.byScope[k], p)
	}
	if ap.Actor.Person != "" {
		k := personKey(ap.Kind, ap.Actor)
		s.byPerson[k] = append(s.byPerson[k], p)
	}
	return true
}

func personKey(kind string, p event.Party) key { return key{kind, strings.ToLower(p.Person)} }

// near returns the approvals of the required kind that share the act's scope
// or actor, each once.
func (s *approvals) near(a event.Match, r event.Requirement) []*approval {
	found := slices.Clone(s.byScope[key{r.Kind, r.Scope}])
	for _, p := range s.wild[r.Kind] {
		if covers(p.Match.Approval.Covers, r.Scope) {
			found = append(found, p)
		}
	}
	if r.SameActor {
		for _, p := range s.byPerson[personKey(r.Kind, a.Act.Actor)] {
			if !covers(p.Match.Approval.Covers, r.Scope) { // else found above
				found = append(found, p)
			}
		}
	}
	return found
}

// forget drops what is too old or too much and returns how many were dropped
// for being too many.
func (s *approvals) forget(clock time.Time, cfg Config) (crowded int) {
	for len(s.queue) > 0 {
		p := s.queue[0]
		full := s.len() > cfg.MaxHeld
		if !full && !clock.After(p.gone(cfg)) {
			return crowded
		}
		if full {
			crowded++
		}
		s.queue = s.queue[1:]
		s.drop(p)
	}
	return crowded
}

func (s *approvals) drop(p *approval) {
	ap := p.Match.Approval
	delete(s.byID, p.ID)
	remove(s.byScope, key{ap.Kind, ap.Covers}, p)
	remove(s.byPerson, personKey(ap.Kind, ap.Actor), p)
	remove(s.wild, ap.Kind, p)
}

// remove takes v out of an index's list. Lists are in the order of arrival and
// the oldest goes first, so it is found at once.
func remove[K comparable, V comparable](index map[K][]V, k K, v V) {
	list := index[k]
	i := slices.Index(list, v)
	if i < 0 {
		return
	}
	if len(list) == 1 {
		delete(index, k)
		return
	}
	index[k] = slices.Delete(list, i, i+1)
}
