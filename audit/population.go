package audit

import (
	"maps"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/evidence"
)

// What a population may be of.
const (
	OfAlerts   = "alerts"   // to vouch: was each alert answered for?
	OfVerdicts = "verdicts" // approved acts included: was each act judged rightly?
)

// Population is everything of one kind that a control produced in a period, by
// the time at which it happened.
type Population struct {
	Control string       `json:"control"`
	From    time.Time    `json:"from"` // inclusive
	To      time.Time    `json:"to"`   // exclusive
	Of      string       `json:"of"`
	Records uint64       `json:"records"` // of the ledger that it was taken from
	Count   int          `json:"count"`
	Root    event.Digest `json:"root"` // of the IDs, see evidence.PopulationRoot
	Items   []Item       `json:"items"`
}

// Item is one member of a population, by its latest revision.
type Item struct {
	ID       string      `json:"id"`
	Occurred time.Time   `json:"occurred"`
	Rule     string      `json:"rule"`
	State    event.State `json:"state"`
	Actor    string      `json:"actor"`
	Resource string      `json:"resource"`
}

// IDs returns the members' IDs, sorted.
func (p Population) IDs() []string {
	ids := make([]string, len(p.Items))
	for i, it := range p.Items {
		ids[i] = it.ID
	}
	return ids
}

// Population returns the population of a control in a period.
func (x *Index) Population(control string, from, to time.Time, of string) Population {
	p := Population{Control: control, From: from.UTC(), To: to.UTC(), Of: of, Items: []Item{}}
	inside := func(c string, t time.Time) bool { return c == control && !t.Before(from) && t.Before(to) }
	if of == OfAlerts {
		for _, id := range slices.Sorted(maps.Keys(x.alerts)) {
			revisions := x.alerts[id]
			if a := revisions[len(revisions)-1].body; inside(a.Control, a.First) {
				p.Items = append(p.Items, Item{
					ID: id, Occurred: a.First, Rule: a.Rule.Name, State: a.State, Actor: a.Actor.Person, Resource: a.Resource,
				})
			}
		}
	} else {
		for _, id := range slices.Sorted(maps.Keys(x.verdicts)) {
			revisions := x.verdicts[id]
			if v := revisions[len(revisions)-1].body; inside(v.Control, v.Event.At()) {
				p.Items = append(p.Items, Item{
					ID: id, Occurred: v.Event.At(), Rule: v.Rule.Name, State: v.Verdict, Actor: v.Actor.Person, Resource: v.Resource,
				})
			}
		}
	}
	p.Count = len(p.Items)
	p.Root = evidence.PopulationRoot(p.IDs())
	return p
}

// SampleRecord draws a sample and returns the record of the draw.
func SampleRecord(p Population, seed string, size int, by string, now time.Time) event.Record {
	s := event.Sample{
		Control: p.Control, From: p.From, To: p.To, Of: p.Of, Population: p.Root, Count: p.Count,
		Seed: seed, Size: size, Items: evidence.Draw(p.IDs(), p.Root.String(), seed, size), By: by,
	}
	id := event.DigestOf([]byte(p.Root.String() + "\n" + seed + "\n" + by + "\n" + now.UTC().Format(time.RFC3339Nano)))
	return event.Record{Type: event.TypeSample, ID: id.String()[:24], Time: now.UTC(), Body: &s}
}
