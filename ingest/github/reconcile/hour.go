package reconcile

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// hour is the account of the events that GitHub delivered, or tried to deliver, in
// an hour for the first time.
type hour struct {
	Items     int `json:"items"`
	Recovered int `json:"recovered,omitempty"`
	// Missing are the events that did not arrive, by GUID, as many as are
	// remembered; Beyond counts the rest.
	Missing map[string]*missing `json:"missing,omitempty"`
	Beyond  int                 `json:"beyond,omitempty"`
	// Elsewhere are recovered events that somebody else had taken in our place.
	Elsewhere []string `json:"elsewhere,omitempty"`
	// Unsent are events that arrived and that GitHub did not send, as many as a
	// proof can name.
	Unsent []string `json:"unsent,omitempty"`
	// Skipped is why the rest of the hour is not known.
	Skipped string `json:"skipped,omitempty"`
	// Stated is the proof that was published last; zero: none.
	Stated event.Digest `json:"stated,omitzero"`
}

// missing is an event that did not arrive.
type missing struct {
	ID     int64     `json:"id"`
	Event  string    `json:"event"`
	At     time.Time `json:"at"`
	Said   string    `json:"said"` // what GitHub says of the first attempt
	Taken  bool      `json:"taken,omitempty"`
	Asked  int       `json:"asked,omitempty"`
	Last   time.Time `json:"last,omitzero"` // when it was last asked for
	Gone   bool      `json:"gone,omitempty"`
	Refuse string    `json:"refuse,omitempty"` // why GitHub does not redeliver it
}

const (
	// redeliverable is for how long GitHub can redeliver.
	redeliverable = 3 * 24 * time.Hour
	// maxMissing bounds the missing events of an hour that are remembered; GitHub
	// would not redeliver more of them in three days.
	maxMissing = 5000
	// tries is how often a missing event is asked for before it is reported.
	tries = 3
	// seldom is how long it is waited between further tries.
	seldom = time.Hour
	// reported is how long after its end an hour is reported at the latest.
	reported = 2 * time.Hour
)

// lose enters an event that did not arrive.
func (h *hour) lose(d delivery) {
	if len(h.Missing) >= maxMissing {
		h.Beyond++
		return
	}
	if h.Missing == nil {
		h.Missing = map[string]*missing{}
	}
	h.Missing[d.GUID] = &missing{ID: d.ID, Event: d.Event, At: d.At, Said: d.outcome(), Taken: d.ok()}
}

// find takes an event that arrived off the missing ones.
func (h *hour) find(guid string) {
	m := h.Missing[guid]
	if m == nil {
		return
	}
	delete(h.Missing, guid)
	if m.Asked > 0 {
		h.Recovered++
	}
	if m.Taken && len(h.Elsewhere) < event.MaxFaults {
		h.Elsewhere = append(h.Elsewhere, fmt.Sprintf("%s, though not from here; redelivered since", m.told(guid)))
	}
}

// told is what GitHub says of a missing event.
func (m *missing) told(guid string) string {
	return fmt.Sprintf("%s %s %s: %s", guid, m.Event, m.At.Format(time.RFC3339), m.Said)
}

// fault is a missing event for people.
func (m *missing) fault(guid string, now time.Time) string {
	s := m.told(guid)
	if m.Taken {
		s += ", though not from here"
	}
	switch {
	case m.Refuse != "":
		return s + ", not redelivered: " + m.Refuse
	case m.lost(now):
		return s + ", not redelivered, and too old for it now"
	case m.Asked == 0:
		return s + ", not asked for yet"
	}
	return fmt.Sprintf("%s, not redelivered, asked for %d times", s, m.Asked)
}

// lost says whether a missing event cannot be had any more.
func (m *missing) lost(now time.Time) bool { return m.Gone || now.Sub(m.At) >= redeliverable }

// due says whether it is time to ask for a missing event.
func (m *missing) due(now time.Time) bool {
	return !m.lost(now) && (m.Asked < tries || now.Sub(m.Last) >= seldom)
}

// settled says whether all is known of an hour that ended at end, or as much as
// can be waited for.
func (h *hour) settled(end, now time.Time) bool {
	if now.Sub(end) >= reported {
		return true
	}
	for _, m := range h.Missing {
		if !m.lost(now) && m.Asked < tries {
			return false
		}
	}
	return true
}

// final says whether nothing of the hour can change any more.
func (h *hour) final(now time.Time) bool {
	for _, m := range h.Missing {
		if !m.lost(now) {
			return false
		}
	}
	return true
}

// proof is what GitHub says of the hour, compared with what arrived.
func (h *hour) proof(p event.Proof, now time.Time) event.Proof {
	p.Kind, p.Verdict = event.DeliveryList, event.Complete
	p.Items, p.Recovered = h.Items, h.Recovered
	if len(h.Missing) > 0 || h.Beyond > 0 {
		p.Verdict = event.Missing
	}
	for _, id := range h.oldestFirst() {
		p.Faults = append(p.Faults, h.Missing[id].fault(id, now))
	}
	if h.Beyond > 0 {
		p.Faults = append(p.Faults, fmt.Sprintf("%d more that were not asked for, since there are too many", h.Beyond))
	}
	if h.Skipped != "" {
		p.Faults = append(p.Faults, "the rest of the hour was not compared: "+h.Skipped)
	}
	if len(h.Unsent) > 0 {
		p.Verdict = event.Altered
		p.Faults = append(slices.Clone(h.Unsent), p.Faults...)
	}
	p.Faults = append(p.Faults, h.Elsewhere...)
	return p
}

// oldestFirst are the GUIDs of the missing events.
func (h *hour) oldestFirst() []string {
	return slices.SortedFunc(maps.Keys(h.Missing), func(a, b string) int {
		return cmp.Or(h.Missing[a].At.Compare(h.Missing[b].At), strings.Compare(a, b))
	})
}
