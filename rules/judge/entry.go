package judge

import (
	"encoding/json"
	"time"

	"sidedoor/event"
)

// entry is an approval with what the judge knows of it.
type entry struct {
	id     string      // the match's as it came; empty if it is still the match's
	match  event.Match // an approval, bounded
	stored time.Time   // the judge's clock when it arrived

	own, atID bool // see weighed
}

// entry is in the order in which it is asked for: most approvals that come near
// an act are only weighed.
func (c *codec) entry(e *entry) {
	if c.reading {
		e.match.Approval = new(event.Approval)
	}
	c.weighed(e)
	c.requirements(e)
	c.rest(e)
}

// weighed is what approvals are found by, in front, and what they are weighed by.
// The match has its approval already.
func (c *codec) weighed(e *entry) {
	ap, ref := e.match.Approval, &e.match.Event
	c.lookup(ap)
	c.party(&ap.Approver)
	if !c.reading {
		e.own, e.atID = e.id == "", ref.Origin == ref.ID // as of webhooks
	}
	c.flags(&ap.NeedsApprover, &e.own, &e.atID)
	c.word(&ref.Source)
	c.moment(&ap.Recorded)
	c.moment(&ap.From)
	c.moment(&ap.Until)
}

// requirements are asked for where nothing else is wrong.
func (c *codec) requirements(e *entry) {
	for x := range each(c, &e.match.Approval.Requires) {
		c.requirement(x)
	}
}

// rest is what a verdict says of an approval, and what its ID is made of.
func (c *codec) rest(e *entry) {
	m, ref, r := &e.match, &e.match.Event, &e.match.Rule
	c.moment(&e.stored)
	c.moment(&ref.Received)
	c.moment(&ref.Occurred)
	c.words4(&r.ID, &r.Name, &r.Title, (*string)(&r.Level))
	c.version(&r.Digest)
	c.words4(&m.Control, &ref.Product, &ref.Service, &ref.Scope)
	c.path(&ref.ID)
	c.word(&ref.Kind)
	c.digest(&ref.Digest)
	if !e.atID {
		c.word(&ref.Origin)
	} else if c.reading {
		ref.Origin = ref.ID
	}
	integer(c, &ref.Index)
	c.text(&ref.Batch)
	for x := range each(c, &m.Facts) {
		c.fact(x)
	}
	c.parts(&m.Parts)

	if !e.own {
		c.text(&e.id)
	}
}

// newEntry returns the entry of a match that was bounded, and had the ID before.
func newEntry(m event.Match, id string, stored time.Time) entry {
	if m.ID() == id {
		id = ""
	}
	return entry{id: id, match: m, stored: stored}
}

// matchID returns the ID of the match as it came.
func (e *entry) matchID() string {
	if e.id == "" {
		return e.match.ID()
	}
	return e.id
}

// parts are rare, and not worth a form of their own.
func (c *codec) parts(all *[]event.Part) {
	var s string
	if len(*all) > 0 && !c.reading {
		b, _ := json.Marshal(*all) // as JSON they came
		s = string(b)
	}
	c.text(&s)
	if c.reading && s != "" && json.Unmarshal([]byte(s), all) != nil {
		c.fail()
	}
}

// lookup is what approvals are found by.
func (c *codec) lookup(ap *event.Approval) {
	c.word(&ap.Kind)
	c.path(&ap.Covers)
	c.party(&ap.Actor)
	c.path(&ap.Reference)
}

func (c *codec) words4(a, b, d, e *string) {
	c.word(a)
	c.word(b)
	c.word(d)
	c.word(e)
}

// version is the digest of a rule, of which there are few.
func (c *codec) version(d *event.Digest) {
	s := string(d[:])
	c.word(&s)
	if c.reading && copy(d[:], s) != len(d) {
		c.fail()
	}
}

// party is a word as a whole: the same people come again.
func (c *codec) party(p *event.Party) {
	var s string
	if !c.reading {
		s = partyText(*p)
	}
	c.word(&s)
	if !c.reading {
		return
	}
	*p = event.Party{}
	if s == "" {
		return
	}
	behind, lasting, texts := c.in, c.lasting, c.arena
	c.in, c.lasting, c.arena = s, true, nil // a word is, for as long as an entry has it; alerts keep people
	c.partyFields(p)
	if !c.done() {
		c.fail()
		return
	}
	c.in, c.lasting, c.arena = behind, lasting, texts
}

// partyText is a party written down; of nobody it is empty.
func partyText(p event.Party) string {
	var w codec
	if w.partyFields(&p); string(w.out) == "\x00\x00" {
		return ""
	}
	return string(w.out)
}

func (c *codec) partyFields(p *event.Party) {
	named, more := p.Name != p.Person, p.Owner != "" || p.Session != "" || len(p.Groups)+len(p.Chain) > 0
	c.text(&p.Person)
	c.flags(&named, &more, &p.Unknown)
	if named {
		c.text(&p.Name)
	} else {
		p.Name = p.Person
	}
	if !more {
		return
	}
	c.text(&p.Owner)
	c.text(&p.Session)
	for x := range each(c, &p.Groups) {
		c.text(x)
	}
	for h := range each(c, &p.Chain) {
		c.text(&h.By)
		c.text(&h.Name)
	}
}

func (c *codec) requirement(r *event.Requirement) {
	if c.depth++; c.depth > maxDepth && c.reading {
		c.fail()
		return
	}
	c.word(&r.Kind)
	c.flags(&r.SameActor)
	c.path(&r.Scope)
	for x := range each(c, &r.Within) {
		c.path(x)
	}
	integer(c, &r.Skew)
	for x := range each(c, &r.IndependentOf) {
		c.party(x)
	}
	for x := range each(c, &r.Separate) {
		c.factRef(x)
	}
	integer(c, &r.Approvers)
	c.word(&r.Group)
	integer(c, &r.MemberFor)
	for x := range each(c, &r.Also) {
		c.requirement(x)
	}
	c.depth--
}

func (c *codec) factRef(r *event.FactRef) {
	c.word(&r.Is)
	c.path(&r.Of)
}

func (c *codec) fact(f *event.Fact) {
	c.word(&f.Is)
	c.path(&f.Of)
	c.party(&f.Who)
	c.moment(&f.Since)
}
