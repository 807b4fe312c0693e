package rules

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
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
	m := &Matcher{rules: slices.Clone(p.Rules), feeds: p.feeds(d), people: newDirectory(p.Estate, nil), defaults: d}
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

// meaning is empty for a rule that only contributes to correlations, of an event
// that contributes to none.
func (m *Matcher) meaning(r *Rule, ref event.Ref, e *subject) event.Match {
	out := event.Match{Rule: r.Ref(), Event: ref, Parts: m.parts(m.feeds.of[r.ID], ref, e)}
	switch {
	case r.Approval != nil:
		out.Approval = m.approval(r.Approval, ref, e)
	case !m.feeds.silent[r.ID]:
		out.Control = r.Act.Control
		out.Act = m.act(r.Act, ref, e)
	}
	return out
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
	for _, q := range a.ApprovedBy {
		need := event.Requirement{Kind: q.Kind, SameActor: q.SameActor, Skew: q.Skew}
		need.Scope, _ = q.Scope.render(e)
		for _, t := range q.IndependentOf {
			if p := m.party([]Template{t}, ref.Product, e); p.Name != "" {
				need.IndependentOf = append(need.IndependentOf, p)
			}
		}
		out.ApprovedBy = append(out.ApprovedBy, need)
	}
	return out
}

func (m *Matcher) approval(a *Approval, ref event.Ref, e *subject) *event.Approval {
	out := &event.Approval{
		Kind: a.Kind, Actor: m.party(a.Actor, ref.Product, e), Approver: m.party(a.Approver, ref.Product, e),
		NeedsApprover: len(a.Approver) > 0, Recorded: ref.At(),
	}
	if covers, complete := a.Covers.render(e); complete {
		out.Covers = covers // else it covers nothing
	}
	out.Reference = firstText(a.Reference, e)
	if t, ok := parseTime(firstText(a.Recorded, e)); ok {
		out.Recorded = t
	}
	var fromOK, untilOK bool
	out.From, fromOK = bound(a.From, e)
	out.Until, untilOK = bound(a.Until, e)
	if !fromOK || !untilOK {
		out.Covers = ""
	}
	return out
}

// bound reads one end of a window: the zero time if the event gives none. A
// window that was meant and cannot be read must not become an open one: then ok
// is false.
func bound(fields []Template, e *subject) (t time.Time, ok bool) {
	if s := firstText(fields, e); s != "" {
		return parseTime(s)
	}
	return time.Time{}, !slices.ContainsFunc(fields, e.mentions)
}

func (m *Matcher) party(fields []Template, product string, e *subject) event.Party {
	name := firstText(fields, e)
	if name == "" {
		return event.Party{}
	}
	return m.people.resolve(product, name)
}

// firstText returns what the first template yields that the event can fill.
func firstText(fields []Template, e *subject) string {
	for _, t := range fields {
		if s, complete := t.render(e); complete {
			return s
		}
	}
	return ""
}

// parseTime reads RFC 3339, or a number of seconds or milliseconds since 1970;
// ten digits are seconds until the year 2286. Of anything else, and of a time
// that JSON cannot hold, it returns the zero time.
func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		n, err := strconv.ParseInt(s, 10, 64)
		switch {
		case err != nil || n <= 0:
			return time.Time{}, false
		case n < 1e10:
			t = time.Unix(n, 0)
		default:
			t = time.UnixMilli(n)
		}
	}
	if !civil(t) {
		return time.Time{}, false
	}
	return t.UTC(), true
}

// civil says whether JSON can hold t.
func civil(t time.Time) bool {
	y := t.UTC().Year()
	return y >= 1 && y <= 9999
}
