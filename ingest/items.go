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
	in := d.Gather(identify)
	jsonscan.Elements(array, in.Take)
	return in.End()
}

// List is Items of the array under a key of the body, and calls member with the
// other members. valid says whether the body is valid JSON; there may be an error
// then, too. Every item that identify is given is valid.
func (d Delivery) List(key string, identify func(raw []byte) (event.Event, error), member func(key, value []byte)) (events []event.Event, dead []event.Dead, valid bool, err error) {
	in := d.Gather(identify)
	in.room = len(d.Body) / usualItem
	valid = jsonscan.List(d.Body, key, in.Take, func(key, value []byte) bool {
		member(key, value)
		return true
	})
	events, dead, err = in.End()
	return events, dead, valid || err != nil, err
}

// usualItem is the size of a small item, to guess how many there are.
const usualItem = 1 << 10

// Gather is for a delivery whose items are no array: call Take with each, and End.
func (d Delivery) Gather(identify func(raw []byte) (event.Event, error)) *Items {
	return &Items{delivery: d, identify: identify}
}

// Items are those of one delivery, as they are read.
type Items struct {
	delivery Delivery
	identify func(raw []byte) (event.Event, error)
	room     int // for so many events at first

	index, rest int
	events      []event.Event
	dead        []event.Dead
}

// Take reads the next item, and reports whether there may be more. The item is
// kept as it is.
func (in *Items) Take(raw []byte) bool {
	e, fault := in.identify(raw)
	e.Index = in.index
	in.index++
	switch {
	case fault == nil:
		if in.events == nil && in.room > 0 {
			in.events = make([]event.Event, 0, in.room)
		}
		in.events = append(in.events, e)
	case len(in.dead) < maxLetters:
		in.dead = append(in.dead, event.Dead{Envelope: in.delivery.Envelope, Reason: fault.Error(), Cause: "malformed", Index: e.Index, Raw: raw})
	default:
		last := &in.dead[maxLetters-1]
		if in.rest == 0 {
			last.Raw = bytes.Clone(last.Raw)
		}
		in.rest++
		if len(last.Raw) < event.MaxDead {
			last.Raw = append(append(last.Raw, '\n'), raw...)
		}
	}
	return in.index <= maxItems
}

// End returns what the items are; see [Delivery.Items].
func (in *Items) End() ([]event.Event, []event.Dead, error) {
	if in.index > maxItems {
		return nil, nil, fmt.Errorf("the delivery has more than %d items; send them in several", maxItems)
	}
	if in.rest > 0 {
		last := &in.dead[maxLetters-1]
		last.Reason = fmt.Sprintf("%s; and %d more items behind it", last.Reason, in.rest)
	}
	return in.events, in.dead, nil
}
