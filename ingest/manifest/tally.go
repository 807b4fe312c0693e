package manifest

import (
	"crypto/sha256"
	"time"

	"sidedoor/event"
)

// tally is what is counted of one hour of one source.
type tally struct {
	Events    int            `json:"events,omitempty"`
	Repeats   int            `json:"repeats,omitempty"`
	Reused    int            `json:"reused,omitempty"`
	Unchecked int            `json:"unchecked,omitempty"`
	Truncated int            `json:"truncated,omitempty"`
	Late      int            `json:"late,omitempty"`
	Recovered int            `json:"recovered,omitempty"`
	Dead      map[string]int `json:"dead,omitempty"`
	First     time.Time      `json:"first,omitzero"`
	Last      time.Time      `json:"last,omitzero"`
	Rolling   event.Digest   `json:"rolling"`
	Lags      lags           `json:"lags"`
	// Touched is the sequence on EVENTS of what touched the hour last.
	Touched uint64 `json:"touched,omitempty"`
	// Forgot says that events were let go which had to be remembered.
	Forgot bool `json:"forgot,omitempty"`
	// Dirty says that there may be something to say that was not said.
	Dirty bool  `json:"dirty,omitempty"`
	Said  *said `json:"said,omitempty"` // nil: nothing
	// Base is what the record said when the hour was taken up again.
	Base *base `json:"base,omitempty"`

	memory memory
}

// said is the last revision that is on record.
type said struct {
	Revision     int                `json:"revision"`
	First        uint64             `json:"first"` // Position of revision 1
	At           time.Time          `json:"at"`
	Digest       event.Digest       `json:"digest"` // of what it says
	Completeness event.Completeness `json:"completeness"`
	Reused       int                `json:"reused,omitempty"`
}

// next is what is on record when another revision is.
func (s *said) next(m event.Manifest, at time.Time) *said {
	first := m.Position
	if s != nil {
		first = s.First
		if m.Revision < s.Revision {
			return s
		}
	}
	return &said{Revision: m.Revision, First: first, At: at, Digest: material(m), Completeness: m.Completeness, Reused: m.Reused}
}

// base is what of an hour's record cannot be worked out again from its tally: the
// proofs of it may have been let go.
type base struct {
	Completeness event.Completeness `json:"completeness"`
	Proofs       proofs             `json:"proofs,omitempty"`
	OtherProofs  int                `json:"other_proofs,omitempty"`
	Unproved     []string           `json:"unproved,omitempty"`
	Outages      []event.Outage     `json:"outages,omitempty"`
}

// meeting is one event as it meets the tally of its hour.
type meeting struct {
	event        event.Event
	at, received time.Time
	seq          uint64
	truncated    bool
	recovered    bool // it occurred in a gap, and arrives after it
	room         bool // for its memory
}

// add counts an event, and says what it is. One that is new is remembered if there
// is room.
func (t *tally) add(m meeting) novelty {
	id, content := fingerprint(m.event)
	n := t.memory.meet(id, content)
	t.touch(m.seq)
	if n == again {
		t.Repeats++
		return n
	}
	if m.room {
		t.memory.keep(id, content)
	}
	if n == reused {
		t.Reused++
	}
	t.Events++
	if t.Forgot || !m.room {
		// It may be the repeat of one that is not remembered, and one that repeats
		// it may not be told.
		t.Unchecked++
		t.Forgot = true
	}
	if m.truncated {
		t.Truncated++
	}
	if m.recovered {
		t.Recovered++
	}
	if t.Said != nil && m.seq > t.Said.First {
		t.Late++
	}
	if t.First.IsZero() || m.at.Before(t.First) {
		t.First = m.at
	}
	if m.at.After(t.Last) {
		t.Last = m.at
	}
	t.Lags.add(m.received.Sub(m.at), 1)
	t.roll(m.event.Original)
	return n
}

func (t *tally) roll(d event.Digest) {
	var both [2 * sha256.Size]byte
	copy(both[:], t.Rolling[:])
	copy(both[sha256.Size:], d[:])
	t.Rolling = sha256.Sum256(both[:])
}

func (t *tally) touch(seq uint64) {
	t.Touched, t.Dirty = seq, true
}

// maxCauses bounds the causes of dead letters that are counted by themselves.
const maxCauses = 12

// bury counts a dead letter.
func (t *tally) bury(cause string) {
	if t.Dead == nil {
		t.Dead = map[string]int{}
	}
	if _, known := t.Dead[cause]; cause == "" || !known && len(t.Dead) >= maxCauses {
		cause = "other"
	}
	t.Dead[cause]++
	t.Dirty = true
}

// forget lets go of what is remembered, and says how much it was.
func (t *tally) forget() int {
	n := t.memory.size()
	t.memory = memory{}
	t.Forgot = t.Forgot || n > 0
	return n
}

// resume takes up a tally from the record of it. What was remembered is gone.
func resume(m *event.Manifest) *tally {
	t := &tally{
		Events: m.Events, Repeats: m.Repeats, Reused: m.Reused, Unchecked: m.Unchecked, Truncated: m.Truncated,
		Late: m.Late, Recovered: m.Recovered, First: m.First, Last: m.Last, Rolling: m.Rolling, Forgot: m.Events > 0,
		Base: &base{Completeness: m.Completeness, Proofs: m.Proofs, OtherProofs: m.OtherProofs, Unproved: m.Unproved, Outages: m.Outages},
	}
	for cause, n := range m.Dead {
		if t.Dead == nil {
			t.Dead = map[string]int{}
		}
		t.Dead[cause] = n
	}
	t.Lags.add(m.Lag.Median, m.Events)
	t.Lags.Most = m.Lag.Most
	return t
}
