package ingest

import (
	"bytes"
	"fmt"

	"sidedoor/event"
	"sidedoor/ingest/jsonscan"
)

const (
	// maxItems bounds the events of one delivery. An API server sends 400 at the
	// most unless it is told otherwise; a body of two-byte items would take a
	// hundred times its size.
	maxItems = 50_000
	// maxLetters bounds the dead letters of one delivery: each is a message.
	maxLetters = 100
)

// Items reads the elements of an array as events, by their identity. Those that
// are none become dead letters; of many such, the last letter has all the rest.
func (d Delivery) Items(array []byte, identify func(raw []byte) (event.Event, error)) (events []event.Event, dead []event.Dead, err error) {
	index, rest := 0, 0
	jsonscan.Elements(array, func(raw []byte) bool {
		e, fault := identify(raw)
		e.Index = index
		switch {
		case fault == nil:
			events = append(events, e)
		case len(dead) < maxLetters:
			dead = append(dead, event.Dead{Envelope: d.Envelope, Reason: fault.Error(), Cause: "malformed", Index: index, Raw: raw})
		default:
			last := &dead[maxLetters-1]
			if rest == 0 {
				last.Raw = bytes.Clone(last.Raw)
			}
			rest++
			if len(last.Raw) < event.MaxDead {
				last.Raw = append(append(last.Raw, '\n'), raw...)
			}
		}
		index++
		return index <= maxItems
	})
	if index > maxItems {
		return nil, nil, fmt.Errorf("the delivery has more than %d items; send them in several", maxItems)
	}
	if rest > 0 {
		last := &dead[maxLetters-1]
		last.Reason = fmt.Sprintf("%s; and %d more items behind it", last.Reason, rest)
	}
	return events, dead, nil
}
