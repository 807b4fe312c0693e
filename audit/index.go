// Package audit draws populations and samples from the records, and writes
// what an auditor takes home: a folder with each item's chain from the raw
// event to the sign-off, every record with its proof, that verifies offline.
//
// A population is frozen by its root before the seed is known, and every draw
// is a record, so a sample cannot be picked: see [evidence.Draw].
package audit

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"sidedoor/event"
)

// Index is a fold over all records that keeps what belongs together. One
// goroutine uses it.
type Index struct {
	verdicts   map[string][]entry[event.Verdict]
	alerts     map[string][]entry[event.Alert]
	deliveries map[string][]entry[event.Delivery] // by alert
	reviews    map[string][]entry[event.Review]   // by alert
	signOffs   map[string][]entry[event.SignOff]  // by alert
	ruleSets   []entry[event.Policy]
	samples    map[string]link // by record ID
}

// entry is a record's body with where the record is.
type entry[T any] struct {
	link
	body T
}

// link is where a record is in the ledger.
type link struct {
	index uint64
	typ   event.Type
	id    string
	time  time.Time
	raw   []byte
}

// NewIndex returns an index of nothing.
func NewIndex() *Index {
	return &Index{
		verdicts: map[string][]entry[event.Verdict]{}, alerts: map[string][]entry[event.Alert]{},
		deliveries: map[string][]entry[event.Delivery]{}, reviews: map[string][]entry[event.Review]{},
		signOffs: map[string][]entry[event.SignOff]{}, samples: map[string]link{},
	}
}

// Add folds a record in. index is its place in the ledger, from 0.
func (x *Index) Add(index uint64, raw []byte) error {
	r, err := event.ParseRecord(raw)
	if err != nil {
		return fmt.Errorf("record %d: %w", index, err)
	}
	l := link{index: index, typ: r.Type, id: r.ID, time: r.Time, raw: append([]byte(nil), raw...)}
	switch b := r.Body.(type) {
	case *event.Verdict:
		x.verdicts[b.ID] = append(x.verdicts[b.ID], entry[event.Verdict]{l, *b})
	case *event.Alert:
		x.alerts[b.ID] = append(x.alerts[b.ID], entry[event.Alert]{l, *b})
	case *event.Delivery:
		x.deliveries[b.Alert] = append(x.deliveries[b.Alert], entry[event.Delivery]{l, *b})
	case *event.Review:
		x.reviews[b.Alert] = append(x.reviews[b.Alert], entry[event.Review]{l, *b})
	case *event.SignOff:
		for _, it := range b.Alerts {
			x.signOffs[it.Alert] = append(x.signOffs[it.Alert], entry[event.SignOff]{l, *b})
		}
	case *event.Policy:
		x.ruleSets = append(x.ruleSets, entry[event.Policy]{l, *b})
	case *event.Sample:
		x.samples[r.ID] = l
	}
	return nil
}

// chain is all records that belong to an item, in the order of the ledger.
func (x *Index) chain(of, id string) ([]link, []entry[event.Verdict]) {
	var links []link
	var verdicts []entry[event.Verdict]
	alerts := map[string]bool{}
	if of == OfAlerts {
		alerts[id] = true
	} else {
		verdicts = x.verdicts[id]
		for _, v := range verdicts {
			if v.body.Alert != "" {
				alerts[v.body.Alert] = true
			}
		}
	}
	for alert := range alerts {
		links = append(links, linksOf(x.alerts[alert])...)
		links = append(links, linksOf(x.deliveries[alert])...)
		links = append(links, linksOf(x.reviews[alert])...)
		links = append(links, linksOf(x.signOffs[alert])...)
		if of == OfAlerts {
			for _, v := range x.verdictsOf(alert) {
				verdicts = append(verdicts, x.verdicts[v]...)
			}
		}
	}
	links = append(links, linksOf(verdicts)...)
	for _, v := range verdicts {
		if set, ok := x.ruleSetAt(v.index, v.body.Rule); ok {
			links = append(links, set)
		}
	}
	slices.SortFunc(links, func(a, b link) int { return cmp.Compare(a.index, b.index) })
	return slices.CompactFunc(links, func(a, b link) bool { return a.index == b.index }), verdicts
}

func linksOf[T any](entries []entry[T]) []link {
	out := make([]link, len(entries))
	for i, e := range entries {
		out[i] = e.link
	}
	return out
}

// verdictsOf returns the IDs of an alert's verdicts, in the order in which
// they joined it.
func (x *Index) verdictsOf(alert string) []string {
	var ids []string
	for _, a := range x.alerts[alert] {
		for _, v := range a.body.Verdicts {
			if !slices.Contains(ids, v.ID) {
				ids = append(ids, v.ID)
			}
		}
	}
	return ids
}

// ruleSetAt returns the record of the rules in force when a record was made:
// the last before it that has the very version of the rule.
func (x *Index) ruleSetAt(index uint64, rule event.RuleRef) (link, bool) {
	for _, s := range slices.Backward(x.ruleSets) {
		if s.index > index {
			continue
		}
		for _, r := range s.body.Rules {
			if r.Name == rule.Name && r.Digest == rule.Digest {
				return s.link, true
			}
		}
	}
	return link{}, false
}
