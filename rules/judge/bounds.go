package judge

import (
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"sidedoor/event"
)

// Bounds on what comes from events, in bytes of its JSON form. An event may
// carry megabytes in a name; a record of the ledger may not. A verdict has 17
// texts and a reason, 15 for each approval and 2 for each party and requirement;
// an alert has 9 and a sentence, and 2 for each approver. So a verdict with its
// lists cut to the few below always fits [event.MaxRecord], and an alert does.
const (
	maxText     = 1 << 10 // of one name, resource, reference …
	maxSentence = 4 << 10
	maxHops     = 16 // of a party's chain
	// What is left of lists where a record would not fit otherwise.
	fewParties = 4
	fewSources = 8
)

// clip bounds a text. The end of a longer one is replaced by its digest, so
// that different texts stay different. The ellipsis after it keeps a pattern's
// last part from matching the digest: a clipped scope is covered only by what
// covers it whatever its end.
func clip(s string, bound int) string {
	if len(s) <= bound/6 && utf8.ValidString(s) { // no byte takes more than 6 in JSON
		return s
	}
	if !utf8.ValidString(s) {
		// What JSON makes of it, so that a judge that was restored from its
		// snapshot sees the same.
		s = string([]rune(s))
	}
	const ellipsis = "…"
	room := bound - 2*len(ellipsis) - 2*len(event.Digest{})
	cut, size := 0, 0
	for i, r := range s {
		if size += jsonLen(r); size > bound {
			return s[:cut] + ellipsis + event.DigestOf([]byte(s)).String() + ellipsis
		}
		if size <= room {
			cut = i + utf8.RuneLen(r)
		}
	}
	return s
}

// jsonLen is the most bytes that encoding/json writes for r.
func jsonLen(r rune) int {
	switch r {
	case '<', '>', '&', '"', '\\', '\u2028', '\u2029':
		return 6
	}
	if r < ' ' {
		return 6
	}
	return utf8.RuneLen(r)
}

// bounded returns m with every text clipped and every time civil. Acts and
// approvals are clipped alike, so equal scopes stay equal. The lists of
// parties stay whole: cutting one could make an approver independent.
func bounded(m event.Match) event.Match {
	e, r := &m.Event, &m.Rule
	clipAll(&r.ID, &r.Name, &r.Title, (*string)(&r.Level), &m.Control,
		&e.Source, &e.Product, &e.Service, &e.Scope, &e.ID, &e.Kind, &e.Origin, &e.Batch)
	e.Occurred, e.Received = civil(e.Occurred), civil(e.Received)
	if m.Act != nil {
		m.Act = boundedAct(*m.Act)
	}
	if m.Approval != nil {
		m.Approval = boundedApproval(*m.Approval)
	}
	if m.Revocation != nil {
		r := *m.Revocation
		clipAll(&r.Kind, &r.Reference, &r.Covers)
		r.Approver, r.At = clipParty(r.Approver), civil(r.At)
		m.Revocation = &r
	}
	m.Parts = boundedParts(m.Parts)
	return m
}

func boundedFact(f event.Fact) event.Fact {
	clipAll(&f.Is, &f.Of)
	f.Who, f.Since = clipParty(f.Who), civil(f.Since)
	return f
}

func boundedParts(parts []event.Part) []event.Part {
	parts = slices.Clone(parts)
	for i := range parts {
		p := &parts[i]
		clipAll(&p.Rule.ID, &p.Rule.Name, &p.Rule.Title, (*string)(&p.Rule.Level), &p.Control, &p.Value)
		p.Group = slices.Clone(p.Group)
		for k := range p.Group {
			clipAll(&p.Group[k])
		}
		if p.Act != nil {
			p.Act = boundedAct(*p.Act)
		}
		p.Parts = boundedParts(p.Parts)
	}
	return parts
}

func boundedAct(a event.Act) *event.Act {
	a.Actor = clipParty(a.Actor)
	clipAll(&a.Resource, &a.Scope)
	a.ApprovedBy = boundedRequirements(a.ApprovedBy)
	return &a
}

// boundedRequirements clips what is required. Those who must not approve are
// all kept, or somebody could become independent.
func boundedRequirements(list []event.Requirement) []event.Requirement {
	list = slices.Clone(list)
	for i := range list {
		r := &list[i]
		clipAll(&r.Kind, &r.Scope, &r.Group)
		r.Within = slices.Clone(r.Within)
		for k := range r.Within {
			clipAll(&r.Within[k])
		}
		r.IndependentOf = slices.Clone(r.IndependentOf)
		for k, p := range r.IndependentOf {
			r.IndependentOf[k] = clipParty(p)
		}
		r.Separate = slices.Clone(r.Separate)
		for k := range r.Separate {
			clipAll(&r.Separate[k].Is, &r.Separate[k].Of)
		}
		r.Also = boundedRequirements(r.Also)
	}
	return list
}

func boundedApproval(p event.Approval) *event.Approval {
	p.Actor, p.Approver = clipParty(p.Actor), clipParty(p.Approver)
	clipAll(&p.Kind, &p.Covers, &p.Reference)
	p.From, p.Until, p.Recorded = civil(p.From), civil(p.Until), civil(p.Recorded)
	p.Requires = boundedRequirements(p.Requires)
	return &p
}

func clipAll(texts ...*string) {
	for _, s := range texts {
		*s = clip(*s, maxText)
	}
}

// clipParty clips a party. The person is folded first if it is cut, or the
// digest would tell apart what differs only in case.
func clipParty(p event.Party) event.Party {
	p.Name = clip(p.Name, maxText)
	if short := clip(p.Person, maxText); short != p.Person {
		p.Person = clip(fold(p.Person), maxText)
	}
	clipAll(&p.Owner, &p.Session)
	p.Groups = slices.Clone(p.Groups)
	for i := range p.Groups {
		clipAll(&p.Groups[i])
	}
	p.Chain = slices.Clone(p.Chain[:min(len(p.Chain), maxHops)])
	for i := range p.Chain {
		clipAll(&p.Chain[i].By, &p.Chain[i].Name)
	}
	return p
}

// civil returns t in UTC, within the years that JSON can hold.
func civil(t time.Time) time.Time {
	t = t.Round(0).UTC()
	switch {
	case t.Year() < 1:
		return time.Time{}
	case t.Year() > 9999:
		return time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	}
	return t
}

// fitVerdict shortens the lists of a verdict until its record fits.
func fitVerdict(v *event.Verdict, now time.Time) {
	fits := func() bool {
		_, err := v.Record(now).Encode()
		return err == nil
	}
	if mostBytes(v) <= event.MaxRecord || fits() {
		return
	}
	if v.Together != nil {
		short := *v.Together
		short.Events = nil
		v.Together = &short
	}
	for i := len(v.Considered) - 1; i >= 0 && !fits(); i-- { // the links of the decisive one are the last to go
		v.Considered[i].Links = nil
	}
	for !fits() && len(v.Considered) > 1 {
		v.Considered = v.Considered[:len(v.Considered)-1]
		v.Omitted++
	}
	if !fits() && len(v.Required) > 0 {
		r := v.Required[0]
		r.IndependentOf = r.IndependentOf[:min(len(r.IndependentOf), fewParties)]
		r.Separate, r.Within, r.Also = r.Separate[:min(len(r.Separate), fewParties)], r.Within[:min(len(r.Within), fewParties)], nil
		v.Required = []event.Requirement{r}
		v.Behind = v.Behind[:min(len(v.Behind), fewSources)]
	}
	if !fits() { // long names of every kind at once
		v.Actor = bare(v.Actor)
		for i := range v.Considered {
			c := &v.Considered[i]
			c.Actor, c.Approver = bare(c.Actor), bare(c.Approver)
		}
		for i := range v.Required { // the one that is left, a copy
			r := &v.Required[i]
			r.IndependentOf = slices.Clone(r.IndependentOf)
			for k, p := range r.IndependentOf {
				r.IndependentOf[k] = bare(p)
			}
		}
	}
}

// bare is a party without what led to it.
func bare(p event.Party) event.Party {
	return event.Party{Name: p.Name, Person: p.Person, Unknown: p.Unknown}
}

// fitPolicy returns the policy's record. Of each list it names as many as fit
// together, and says how many it leaves out; its digest stands for all that is in
// force.
func fitPolicy(p event.Policy, now time.Time) event.Record {
	clipAll(&p.Version, &p.By, &p.Commit, &p.Repository)
	p.Loaded = civil(p.Loaded)
	whole := p
	whole.Rejected, whole.Files = clipRejected(p.Rejected), clipFiles(p.Files)
	n := max(len(p.Rules), len(p.Filters), len(p.Controls), len(p.Estate), len(p.Files), len(p.Sources), len(p.Rejected))
	for ; ; n = n * 9 / 10 {
		r := event.PolicyRecord(firstOf(whole, n), now)
		if _, err := r.Encode(); err == nil || n == 0 {
			return r
		}
	}
}

// firstOf returns the policy with the first n of each list.
func firstOf(p event.Policy, n int) event.Policy {
	rule := func(more string) event.RuleVersion { return event.RuleVersion{Name: more} }
	for _, list := range []*[]event.RuleVersion{&p.Rules, &p.Filters, &p.Controls, &p.Estate} {
		*list = atMost(*list, n, rule)
	}
	p.Files = atMost(p.Files, n, func(more string) event.FileVersion { return event.FileVersion{Path: more} })
	p.Sources = atMost(p.Sources, n, func(more string) event.SourcePolicy { return event.SourcePolicy{Name: more} })
	p.Rejected = atMost(p.Rejected, n, func(more string) event.RejectedRule { return event.RejectedRule{Message: more} })
	return p
}

// atMost returns the first n of a list, and an entry that says how many are
// left out.
func atMost[T any](list []T, n int, entry func(more string) T) []T {
	if len(list) <= n {
		return list
	}
	return append(slices.Clone(list[:n]), entry(fmt.Sprintf("… and %d more", len(list)-n)))
}

func clipRejected(rejected []event.RejectedRule) []event.RejectedRule {
	rejected = slices.Clone(rejected)
	for i := range rejected {
		r := &rejected[i]
		clipAll(&r.File, &r.Name, &r.Message)
	}
	return rejected
}

func clipFiles(files []event.FileVersion) []event.FileVersion {
	files = slices.Clone(files)
	for i := range files {
		clipAll(&files[i].Path)
	}
	return files
}
