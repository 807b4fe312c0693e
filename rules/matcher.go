package rules

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"sidedoor/event"
	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// Defaults are the waits of rules that name none.
type Defaults struct {
	Grace time.Duration // zero: 5 minutes
	Limit time.Duration // zero: 1 hour
}

// Matcher evaluates every rule of a policy against every event. It holds no
// state and may be used from several goroutines.
type Matcher struct {
	rules    []*Rule
	feeds    feeds
	people   *directory
	scopes   scopes
	defaults Defaults
	pool     sync.Pool // of *worker
}

// worker is what one goroutine matches with.
type worker struct {
	*engine.Matcher
	fields *engine.Reader
}

// Compile makes the policy ready to match. A rule or filter with a fault is
// left out and reported.
func (p *Policy) Compile(d Defaults) (*Matcher, sigma.Faults) {
	if d.Grace == 0 {
		d.Grace = 5 * time.Minute
	}
	if d.Limit == 0 {
		d.Limit = time.Hour
	}
	base, faults := p.sound()
	program, more := engine.Compile(base, p.Estate.Lists)
	m := &Matcher{
		rules: slices.Clone(p.Rules), feeds: p.feeds(d),
		people: newDirectory(p.Estate, p.groups()), scopes: newScopes(p.Estate), defaults: d,
	}
	m.pool.New = func() any { return &worker{program.NewMatcher(), engine.NewReader()} }
	return m, append(faults, more...)
}

// Match returns the matches of all events of a batch, and the events that
// could not be read, or not in one way only.
func (m *Matcher) Match(b event.Batch) (matches []event.Match, dead []event.Dead) {
	w := m.pool.Get().(*worker)
	defer m.pool.Put(w)
	src := sigma.LogSource{Product: b.Product, Service: b.Service}
	id := ""
	var found []int
	for i, e := range b.Events {
		var err error
		found, err = w.Match(found[:0], src, e.Kind, e.Raw)
		if twice, ok := errors.AsType[*engine.DuplicateKeyError](err); ok {
			dead = append(dead, letter(b, e, "duplicate-key", twice)) // and its matches count
		} else if err != nil {
			dead = append(dead, letter(b, e, "malformed", err))
			continue
		}
		if len(found) == 0 {
			continue
		}
		ref := b.Ref(i)
		if !civil(ref.At()) { // a match could not be written down
			dead = append(dead, letter(b, e, "malformed", fmt.Errorf("event: it says that it occurred in the year %d", ref.At().Year())))
			continue
		}
		if id == "" {
			id = b.ID().String()
		}
		ref.Batch = id
		of := newSubject(b.Scope, e, w.fields)
		for _, k := range found {
			if x := m.meaning(m.rules[k], ref, of); x.Check() == nil {
				matches = append(matches, x)
			}
		}
	}
	return matches, dead
}

// letter is the dead letter of one event.
func letter(b event.Batch, e event.Event, cause string, err error) event.Dead {
	return event.Dead{
		Envelope: b.Envelope, Reason: err.Error(), Cause: cause, Index: e.Index,
		Raw: e.Raw[:min(len(e.Raw), event.MaxDead)],
	}
}

// meaning is empty if nothing is made of the match: for a rule that only
// contributes to correlations, of an event that contributes to none; for one
// that states facts or takes something back, of an event that does not say what.
func (m *Matcher) meaning(r *Rule, ref event.Ref, e *subject) event.Match {
	out := event.Match{
		Rule: r.Ref(), Event: ref, Parts: m.parts(m.feeds.of[r.ID], actorOf(r), ref, e), Facts: m.facts(r.Facts, ref, e),
	}
	switch {
	case r.Approval != nil:
		out.Approval = m.approval(r.Approval, ref, e)
	case r.Revocation != nil:
		out.Revocation = m.revocation(r.Revocation, ref, e)
	case r.Act != nil && !m.feeds.silent[r.ID]:
		out.Control = r.Act.Control
		out.Act = m.act(r.Act, ref, e)
	}
	return out
}

// actorOf is who did what the rule matches: the act's actor or, where it has no
// act, whoever is behind the event.
func actorOf(r *Rule) []Who {
	if r.Act != nil {
		return r.Act.Actor
	}
	return []Who{{Template: Template{source: identityWord}, behind: true}}
}

func (m *Matcher) act(a *Act, ref event.Ref, e *subject) *event.Act {
	out := &event.Act{Actor: m.party(a.Actor, ref.Product, e), Grace: a.Grace, Limit: a.Limit}
	if out.Actor.Name == "" {
		out.Actor = event.Party{Name: "unknown", Person: "unknown"}
	}
	out.Resource, _ = a.Resource.render(e)
	out.Scope, _ = a.Scope.render(e)
	if out.Grace == 0 {
		out.Grace = m.defaults.Grace
	}
	if out.Limit == 0 {
		out.Limit = m.defaults.Limit
	}
	out.ApprovedBy = m.requirements(a.ApprovedBy, ref.Product, e)
	return out
}
