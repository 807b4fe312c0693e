package judge

import (
	"time"
	"unicode/utf8"

	"sidedoor/event"
)

// Bounds on the strings of events that the judge keeps, in bytes: an event may
// carry megabytes in a name, a record of the ledger may not.
const (
	maxText         = 512
	maxSentence     = 2048
	maxRequirements = 16
	maxIndependent  = 16
)

// clip shortens s to at most n bytes. What is cut is replaced by its digest,
// so that different strings stay different.
func clip(s string, n int) string {
	s = valid(s)
	if len(s) <= n {
		return s
	}
	tail := "…#" + event.DigestOf([]byte(s)).Short()
	cut := n - len(tail)
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + tail
}

// valid replaces bytes that are no UTF-8, as the JSON of records would.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// bounded returns m with every string clipped and every time in UTC. Acts and
// approvals are clipped alike, so that equal scopes stay equal.
func bounded(m event.Match) event.Match {
	text := func(s *string) { *s = clip(*s, maxText) }
	party := func(p *event.Party) { text(&p.Name); text(&p.Person) }
	for _, s := range []*string{
		&m.Rule.ID, &m.Rule.Name, &m.Rule.Title, &m.Control, &m.Event.Source, &m.Event.Product, &m.Event.Service,
		&m.Event.Scope, &m.Event.ID, &m.Event.Kind, &m.Event.Origin, &m.Event.Batch,
	} {
		text(s)
	}
	m.Event.Occurred, m.Event.Received = utc(m.Event.Occurred), utc(m.Event.Received)
	if m.Approval != nil {
		p := *m.Approval
		party(&p.Actor)
		party(&p.Approver)
		for _, s := range []*string{&p.Kind, &p.Covers, &p.Reference} {
			text(s)
		}
		p.From, p.Until, p.Recorded = utc(p.From), utc(p.Until), utc(p.Recorded)
		m.Approval = &p
	}
	if m.Act != nil {
		a := *m.Act
		party(&a.Actor)
		text(&a.Resource)
		text(&a.Scope)
		a.ApprovedBy = boundedRequirements(a.ApprovedBy, text, party)
		m.Act = &a
	}
	return m
}

func boundedRequirements(in []event.Requirement, text func(*string), party func(*event.Party)) []event.Requirement {
	out := make([]event.Requirement, 0, min(len(in), maxRequirements))
	for _, r := range in[:min(len(in), maxRequirements)] {
		text(&r.Kind)
		text(&r.Scope)
		list := make([]event.Party, 0, min(len(r.IndependentOf), maxIndependent))
		for _, p := range r.IndependentOf[:min(len(r.IndependentOf), maxIndependent)] {
			party(&p)
			list = append(list, p)
		}
		r.IndependentOf = list
		out = append(out, r)
	}
	return out
}

// fitted drops the least near approvals until the verdict fits into a record
// of the ledger.
func fitted(v event.Verdict) event.Verdict {
	v.Reason = clip(v.Reason, maxSentence)
	for {
		_, err := event.VerdictRecord(v, time.Time{}).Encode()
		if err == nil {
			return v
		}
		switch n := len(v.Considered); {
		case n > 0:
			v.Omitted += n - n/2
			v.Considered = v.Considered[:n/2]
		case len(v.Required) > 1:
			v.Required = v.Required[:1]
		default:
			return v // the bounds on text make this impossible
		}
	}
}

func utc(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC()
}
