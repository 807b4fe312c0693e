package rules

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Approval says that a rule's match is something that approves acts.
//
//	approval:
//	  kind: access-grant
//	  actor: data.actor
//	  approver: data.approver
//	  covers: '{data.scope}'
//	  from: data.from
//	  until: data.until
//	  reference: data.reference
//	  requires:
//	    - change-ticket: {scope: '{data.ticket}'}
type Approval struct {
	Kind     string
	Actor    []Who // none: anybody may act
	Approver []Who // none: the kind needs no approver
	Covers   Template
	From     []Template // fields that hold times; see [parseTime]
	Until    []Template
	Recorded []Template // default: the event's own time
	// Lasts is how long it holds, from its beginning, where the event does not say
	// until when. Zero: for ever.
	Lasts time.Duration

	Reference []Template
	// Requires are the links that have to approve the approval itself, all of
	// them.
	Requires []Requirement
}

func (r *reader) approval(node ast.Node) *Approval {
	a := &Approval{}
	keep := func(to *[]Template) func(sigma.Pair) {
		return func(p sigma.Pair) { *to = r.fields(p) }
	}
	r.mapping(node, "approval", map[string]func(sigma.Pair){
		"kind":      r.text(&a.Kind),
		"actor":     r.whom(&a.Actor),
		"approver":  r.whom(&a.Approver),
		"covers":    r.template(&a.Covers),
		"from":      keep(&a.From),
		"until":     keep(&a.Until),
		"lasts":     r.duration(&a.Lasts),
		"recorded":  keep(&a.Recorded),
		"reference": keep(&a.Reference),
		"requires":  func(p sigma.Pair) { a.Requires = r.requirements(p) },
	})
	if a.Kind == "" {
		r.fault(node, "approval needs a kind, such as change-ticket")
	}
	if a.Covers.source == "" {
		r.fault(node, "approval needs covers: what it approves")
	}
	assume(a.Requires, a.Covers, a.Actor)
	eachOf(a.Requires, func(q Requirement) {
		if q.SameActor && len(a.Actor) == 0 {
			r.fault(q.node, "actor: same means the approval's own actor, and it names none")
		}
	})
	return a
}

func (m *Matcher) approval(a *Approval, ref event.Ref, e *subject) *event.Approval {
	out := &event.Approval{
		Kind: a.Kind, Actor: m.party(a.Actor, ref.Product, e), Approver: m.party(a.Approver, ref.Product, e),
		NeedsApprover: len(a.Approver) > 0, Recorded: timeOr(ref.At(), a.Recorded, e),
		Reference: firstText(a.Reference, e), Requires: m.requirements(a.Requires, ref.Product, e),
	}
	if covers, complete := a.Covers.render(e); complete && a.Covers.plain(ref.Product, e) {
		out.Covers = covers // else it covers nothing
	}
	var fromOK, untilOK bool
	out.From, fromOK = bound(a.From, e)
	out.Until, untilOK = bound(a.Until, e)
	if !fromOK || !untilOK {
		out.Covers = ""
	}
	if a.Lasts > 0 && out.Until.IsZero() {
		begin := out.From
		if begin.IsZero() {
			begin = out.Recorded
		}
		out.Until = begin.Add(a.Lasts)
	}
	return out
}

// plain says whether the values in an approval's covers may be taken as they
// are. Who approves in a system outside writes scopes, and may write '*'. What
// other products call things, their users choose: an environment called '*' is
// not every environment. And nothing may be called what a missing field is.
func (t Template) plain(product string, e *subject) bool {
	for _, p := range t.parts {
		if p.fields == nil {
			continue
		}
		v, _ := p.of(e)
		if v == missing || product != statingScopes && strings.Contains(v, "*") {
			return false
		}
	}
	return true
}

// statingScopes is the product whose events say in words of their own what they
// approve.
const statingScopes = "approvals"

// bound reads one end of a window: the zero time if the event gives none. A
// window that was meant and cannot be read must not become an open one: then ok
// is false.
func bound(fields []Template, e *subject) (t time.Time, ok bool) {
	if s := firstText(fields, e); s != "" {
		return parseTime(s)
	}
	return time.Time{}, !slices.ContainsFunc(fields, e.mentions)
}

// timeOr reads a time, or takes the other one.
func timeOr(otherwise time.Time, fields []Template, e *subject) time.Time {
	if t, ok := parseTime(firstText(fields, e)); ok {
		return t
	}
	return otherwise
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
