package gitops

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
)

// place is the bookmark of one object: what of it is on the stream.
//
//	{"place":"argocd/shop","outcome":"2026-11-16T09:00:00Z/Succeeded/…","number":17,"entries":{"17@…":"…"}}
type place struct {
	Place   string `json:"place"`
	Outcome string `json:"outcome,omitempty"` // of the last operation
	// Number and At are those of the last entry of its history, and Entries what the
	// history held.
	Number  int64             `json:"number"`
	At      time.Time         `json:"at,omitzero"`
	Entries map[string]string `json:"entries,omitempty"`
	// Generation and Settings are those of its spec.
	Generation string          `json:"generation,omitempty"`
	Settings   json.RawMessage `json:"settings,omitempty"`
	Deleted    bool            `json:"deleted,omitempty"`
	// Proof has to be stated with the events that are being stored.
	Proof *event.Proof `json:"proof,omitempty"`

	known bool // it was seen before
}

// news is what an object says that is not on the stream.
type news struct {
	events []event.Event
	dead   []event.Dead
	next   place
	more   bool // there is more than fits at once
}

// maxAtOnce bounds in bytes the events of an object that are stored at once.
const maxAtOnce = ingest.MaxBatch / 2

// compare finds the news in a reading. An object that is seen for the first time
// and was made after since, when its kind began to be watched, has to have the
// whole of its history.
func (k *kind) compare(p place, r reading, since time.Time) news {
	n := news{next: p}
	n.next.Place, n.next.known, n.next.Deleted, n.next.Proof = r.place, true, false, nil
	if r.settings != nil {
		if p.known && r.generation != p.Generation && !bytes.Equal(r.settings, p.Settings) {
			n.add(k, change(modified, p.Settings, r.raw))
		}
		n.next.Generation, n.next.Settings = r.generation, r.settings
	}
	faults := append(k.cut(p, r), k.past(&n, p, r, since)...)
	if !n.more && r.outcome != "" && r.outcome != p.Outcome {
		n.add(k, r.raw)
		n.next.Outcome = r.outcome
	}
	if len(faults) > 0 {
		n.next.Proof = shown(p, n.next, r, faults)
	}
	return n
}

// past finds the syncs of history that are news, and what is missing between them.
// That of the operation which goes on is no news yet, and that of the last one
// comes with it.
func (k *kind) past(n *news, p place, r reading, since time.Time) (faults []fault) {
	expected := k.expected(p, r, since)
	n.next.Entries = map[string]string{}
	size := 0
	for _, e := range r.history {
		old, known := p.Entries[e.key]
		switch {
		case known && old == e.content:
			n.next.Entries[e.key] = old
			continue
		case e.key == r.current && r.outcome == "":
			continue
		case size > maxAtOnce:
			n.more = true
			continue // entries that are known have to be kept
		case known:
			faults = append(faults, fault{event.Altered, fmt.Sprintf("history %d is altered: it was %q, and is %q", e.number, old, e.content)})
		default:
			faults = append(faults, k.between(expected, e)...)
			expected = e.number + 1
			n.next.Number, n.next.At = e.number, e.at
		}
		n.next.Entries[e.key] = e.content
		if known || e.key != r.current || r.outcome == p.Outcome {
			size += n.add(k, k.excerpt(r.raw, e))
		}
	}
	return faults
}

// fault is something that the history shows to be missing or altered.
type fault struct {
	is   event.Completeness
	text string
}

// unknown is the number that follows none.
const unknown = -1

// expected is the number that the next entry of the history has to have.
func (k *kind) expected(p place, r reading, since time.Time) int64 {
	switch {
	case p.known && len(p.Entries) > 0:
		return p.Number + 1
	case p.known, !since.IsZero() && r.created.After(since):
		return k.first
	}
	return unknown
}

// between says what is missing before an entry.
func (k *kind) between(expected int64, e past) []fault {
	switch {
	case !k.numbers, e.number < 0, expected == unknown, e.number == expected, k.restarts && e.number == k.first:
		return nil
	case e.number > expected:
		return []fault{{event.Missing, fmt.Sprintf("history %d to %d are gone: after them the oldest that the object keeps is %d", expected, e.number-1, e.number)}}
	}
	return []fault{{event.Missing, fmt.Sprintf("history was to go on with %d, and has %d: it was begun anew", expected, e.number)}}
}

// cut says what the end of the history lacks that was there before or, where it is
// not counted, that nothing connects it with what was there.
func (k *kind) cut(p place, r reading) []fault {
	if !p.known || len(p.Entries) == 0 {
		return nil
	}
	if !k.numbers {
		for _, e := range r.history {
			if _, known := p.Entries[e.key]; known {
				return nil
			}
		}
		if len(r.history) < k.keeps {
			return nil
		}
		return []fault{{event.Missing, fmt.Sprintf("the history has %d entries, and none that was seen before: what was between is gone", len(r.history))}}
	}
	last := int64(unknown)
	if n := len(r.history); n > 0 {
		last = r.history[n-1].number
		if _, known := p.Entries[r.history[n-1].key]; !known {
			return nil // it goes on, or was begun anew: see between
		}
	}
	if last >= p.Number || k.restarts || r.forgets {
		return nil
	}
	return []fault{{event.Altered, fmt.Sprintf("history ended with %d, and has nothing after %d now: somebody cut it", p.Number, last)}}
}

// shown is the proof that something is missing or altered.
func shown(p, next place, r reading, faults []fault) *event.Proof {
	from, to := p.At, next.At
	if from.IsZero() {
		from = r.created
	}
	if to.Before(from) { // it was begun anew, with whatever times
		from, to = to, from
	}
	proof := event.Proof{
		Kind: event.History, Part: r.place, From: from, To: to.Add(time.Second), Verdict: event.Missing, Items: len(r.history),
	}
	for _, f := range faults {
		proof.Faults = append(proof.Faults, f.text)
		if f.is.Worse(proof.Verdict) {
			proof.Verdict = f.is
		}
	}
	return &proof
}

// add adds an event, and returns its size.
func (n *news) add(k *kind, raw []byte) int {
	e, err := k.identify(raw)
	if err != nil {
		n.dead = append(n.dead, event.Dead{Reason: err.Error(), Cause: "malformed", Raw: raw})
		return len(raw)
	}
	e.Index = len(n.events)
	n.events = append(n.events, e)
	return len(raw)
}

// bytes is the bookmark as it is kept: with the events that are being stored, if
// there are any.
func (p place) bytes(received time.Time, events []event.Event) ([]byte, error) {
	b, err := json.Marshal(struct {
		place
		Received time.Time `json:"received,omitzero"`
	}{p, received})
	if err != nil {
		return nil, fmt.Errorf("bookmark of %s: %w", p.Place, err)
	}
	if len(events) == 0 {
		return b, nil
	}
	return append(append(b, '\n'), event.Batch{Events: events}.Payload()...), nil
}

// readPlace reads a bookmark back.
func readPlace(b []byte) (p place, received time.Time, events []event.Event, err error) {
	text, payload, pending := bytes.Cut(b, []byte("\n"))
	var kept struct {
		place
		Received time.Time `json:"received,omitzero"`
	}
	if err := json.Unmarshal(text, &kept); err != nil {
		return place{}, received, nil, fmt.Errorf("bookmark: %w", err)
	}
	if pending {
		if events, err = event.ParsePayload(payload); err != nil {
			return place{}, received, nil, fmt.Errorf("bookmark: %w", err)
		}
	}
	kept.known = true
	return kept.place, kept.Received, events, nil
}
