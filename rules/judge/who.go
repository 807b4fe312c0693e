package judge

import (
	"cmp"
	"iter"
	"slices"
	"time"

	"sidedoor/event"
)

// who is the party as far as its sessions are known: whoever began one stands
// behind it. A source identity says that for certain already.
func (q *inquiry) who(p event.Party) event.Party {
	for range maxSessions {
		if p.Session == "" {
			return p
		}
		certain := slices.ContainsFunc(p.Chain, func(h event.Hop) bool { return h.By == "source-identity" })
		if certain && !p.Unknown {
			return p
		}
		began := q.beginner(p.Session)
		if began.Name == "" || began.Unknown && !p.Unknown {
			return p
		}
		chain := append(slices.Clone(p.Chain), event.Hop{By: event.FactSession, Name: began.Name})
		began.Chain, began.Name = append(chain, began.Chain...), p.Name
		p = began
	}
	return p
}

// beginner is who began the session: of several one, whatever the order in
// which they came.
func (q *inquiry) beginner(session string) event.Party {
	began, known := q.began[session]
	if known {
		return began
	}
	for f := range q.facts(event.FactRef{Is: event.FactSession, Of: session}) {
		named := f.Who.Name != "" && f.Who.Person != ""
		if named && (began.Name == "" || cmp.Or(cmp.Compare(f.Who.Name, began.Name), cmp.Compare(f.Who.Person, began.Person)) < 0) {
			began = f.Who
		}
	}
	if q.began == nil {
		q.began = map[string]event.Party{}
	}
	q.began[session] = began
	return began
}

// since gives for everybody, folded, of whom the fact is stated, since when it
// is, in order.
func (q *inquiry) since(ref event.FactRef) map[string][]time.Time {
	people, known := q.stated[ref]
	if known {
		return people
	}
	people = map[string][]time.Time{}
	for f := range q.facts(ref) {
		if who := q.who(f.Who); who.Person != "" {
			person := fold(who.Person)
			people[person] = append(people[person], f.Since)
		}
	}
	for _, since := range people {
		slices.SortFunc(since, time.Time.Compare)
	}
	if q.stated == nil {
		q.stated = map[event.FactRef]map[string][]time.Time{}
	}
	q.stated[ref] = people
	return people
}

func (q *inquiry) facts(ref event.FactRef) iter.Seq[event.Fact] {
	q.asked.note(factKey(ref))
	return q.j.facts.of(ref)
}
