package event

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Completeness is what is known of an hour of a source, from best to worst.
type Completeness string

// The degrees of completeness.
const (
	// Complete: the source's own proof covers the hour and agrees.
	Complete Completeness = "complete"
	// Covered: the source was heard beyond the hour, and its own proof, if it has
	// one, does not reach over the whole of it.
	Covered Completeness = "covered"
	// Behind: the source is not known to be complete up to the hour's end, or no
	// monitor ran when something of the hour may have been sent to it.
	Behind Completeness = "behind"
	// Silent: the hour lies in a gap, wholly or in part, and nothing was recovered
	// of it since.
	Silent Completeness = "silent"
	// Missing: the source's own proof names something that did not arrive.
	Missing Completeness = "missing"
	// Altered: what arrived is not what the source's own proof says.
	Altered Completeness = "altered"
)

// completenesses are the degrees from best to worst.
var completenesses = []Completeness{Complete, Covered, Behind, Silent, Missing, Altered}

// Worse says whether c is worse than d.
func (c Completeness) Worse(d Completeness) bool {
	return slices.Index(completenesses, c) > slices.Index(completenesses, d)
}

// ProofKind says on what a source's own proof rests.
type ProofKind string

// The kinds of proof.
const (
	// DigestChain: CloudTrail's signed digest files.
	DigestChain ProofKind = "digest-chain"
	// DeliveryList: the deliveries that the sender says it made.
	DeliveryList ProofKind = "delivery-list"
	// History: the numbered list of past operations that the source keeps.
	History ProofKind = "history"
)

// Proof is what a source itself says of a period, compared with what arrived.
//
//	{"source":"trail","kind":"digest-chain","part":"111122223333/eu-west-1","from":"2026-11-16T08:12:41Z",
//	 "to":"2026-11-16T09:12:41Z","verdict":"missing","items":12,"faults":["AWSLogs/…/x.json.gz: it is gone"]}
type Proof struct {
	Source string    `json:"source"`
	Kind   ProofKind `json:"kind"`
	// Part is what of the source the proof is about, if not the whole: an account
	// and region, a hook. A later proof of the same part and period replaces it.
	Part    string       `json:"part,omitempty"`
	From    time.Time    `json:"from"`
	To      time.Time    `json:"to"`      // not in it
	Verdict Completeness `json:"verdict"` // Complete, Missing or Altered
	// Items is how many log files, deliveries or operations were compared, and
	// Recovered how many of these were fetched or asked for again.
	Items     int `json:"items"`
	Recovered int `json:"recovered,omitempty"`
	// Faults name what is missing or altered, as many as fit: see [MaxFaults].
	Faults []string `json:"faults,omitempty"`
}

// MaxFaults bounds the faults that a proof names, and MaxFault each in bytes.
const (
	MaxFaults = 20
	MaxFault  = 400
)

// Bound cuts a proof's faults to what a record can hold.
func (p Proof) Bound() Proof {
	if more := len(p.Faults) - MaxFaults; more > 0 {
		p.Faults = append(slices.Clone(p.Faults[:MaxFaults]), fmt.Sprintf("and %d more", more))
	} else {
		p.Faults = slices.Clone(p.Faults)
	}
	for i, f := range p.Faults {
		p.Faults[i] = strings.ToValidUTF8(f[:min(len(f), MaxFault)], "")
	}
	return p
}

// About identifies what the proof is about: the period, and the part of the source.
// Of proofs about the same the last one holds.
func (p Proof) About() Digest {
	at := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
	return identify("sidedoor/proof-about/v1", p.Source, string(p.Kind), p.Part, at(p.From), at(p.To))
}

// ID identifies the proof by all that it says.
func (p Proof) ID() (Digest, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return Digest{}, fmt.Errorf("proof of %s: %w", p.Source, err)
	}
	return identify("sidedoor/proof/v1", string(b)), nil
}

// Repeat says that a batch arrived again which was stored already.
type Repeat struct {
	Source   string    `json:"source"`
	Batch    Digest    `json:"batch"`
	Received time.Time `json:"received"`
	// Hours has how many events of each hour it holds.
	Hours map[Hour]int `json:"hours"`
}

// Hour is a whole hour, UTC: 2026-11-16T09.
type Hour string

const hourForm = "2006-01-02T15"

// HourOf returns the hour that t is in.
func HourOf(t time.Time) Hour { return Hour(t.UTC().Format(hourForm)) }

// Begin is when the hour begins; the zero time for what is none.
func (h Hour) Begin() time.Time {
	t, err := time.Parse(hourForm, string(h))
	if err != nil {
		return time.Time{}
	}
	return t
}

// End is when the next hour begins.
func (h Hour) End() time.Time { return h.Begin().Add(time.Hour) }

// RepeatOf says that b arrived again.
func RepeatOf(b Batch) Repeat {
	r := Repeat{Source: b.Source, Batch: b.ID(), Received: b.Received.UTC(), Hours: map[Hour]int{}}
	for i := range b.Events {
		r.Hours[HourOf(b.Ref(i).At())]++
	}
	return r
}

// Manifest is the account of one source and hour: what of it is on the EVENTS
// stream. An event belongs to the hour in which it occurred ([Ref.At]), or in which
// it arrived if that is more than 400 days later or more than an hour earlier; a dead
// letter to the hour in which it arrived. It is revised when more is known.
//
//	{"source":"trail","product":"aws","service":"cloudtrail","hour":"2026-11-16T09","revision":1,"events":412,
//	 "repeats":3,"first":"…","last":"…","rolling":"9f2c…","lag":{"median":300000000000,"most":680000000000},
//	 "completeness":"complete","proofs":[…],"through":"…","position":1042}
type Manifest struct {
	Source   string `json:"source"`
	Product  string `json:"product,omitempty"`
	Service  string `json:"service,omitempty"`
	Hour     Hour   `json:"hour"`
	Revision int    `json:"revision"` // from 1

	// Events are those that are different from all others, and Repeats those that
	// arrived again, alike in identity and content. Both together, with Dead, are
	// what was sent.
	Events  int `json:"events"`
	Repeats int `json:"repeats,omitempty"`
	// Reused are events with the ID of another one and other content.
	Reused int `json:"reused,omitempty"`
	// Unchecked are events that were not looked at for repeats, since too many
	// had to be remembered; they are counted in Events.
	Unchecked int `json:"unchecked,omitempty"`
	// Truncated are events that say of themselves that a part is left out.
	Truncated int `json:"truncated,omitempty"`
	// Dead are the dead letters by cause.
	Dead map[string]int `json:"dead,omitempty"`
	// Late are events that arrived after the first revision.
	Late int `json:"late,omitempty"`
	// Recovered are events that occurred in a gap and arrived after it.
	Recovered int `json:"recovered,omitempty"`

	First time.Time `json:"first,omitzero"` // event
	Last  time.Time `json:"last,omitzero"`
	// Rolling is the SHA-256 digest of the rolling digest before (32 zero bytes
	// at first) and the digest of the event as it arrived, over the events in the
	// order of the stream, repeats left out.
	Rolling Digest `json:"rolling"`
	// Lag is by how much events arrived later than they occurred.
	Lag Lag `json:"lag"`

	Completeness Completeness `json:"completeness"`
	// Proofs are those that speak of the hour, the worst first, and OtherProofs how
	// many there was no room for.
	Proofs      []Proof `json:"proofs,omitempty"`
	OtherProofs int     `json:"other_proofs,omitempty"`
	// Unproved are parts of the source that were proved in the three days before
	// and are not for the whole of this hour, as many as fit.
	Unproved []string `json:"unproved,omitempty"`
	// Outages are the times when no monitor ran in which something of this hour may
	// have been sent, and its sender may have given up; only of a source that is
	// received, as many as fit.
	Outages []Outage `json:"outages,omitempty"`
	// Through is up to when the source is complete by its coverage.
	Through time.Time `json:"through,omitzero"`
	// Position and DeadPosition are the sequences on EVENTS and DEAD up to which
	// this account goes.
	Position     uint64 `json:"position"`
	DeadPosition uint64 `json:"dead_position"`
}

// Outage is a time in which no monitor ran.
type Outage struct {
	From time.Time `json:"from"` // when one is known to have run last
	To   time.Time `json:"to"`   // when one ran again
}

// Lag is how much later than they occurred events arrived, in nanoseconds.
type Lag struct {
	// Median is rounded up to the next of a few steps: 1s, 2s, 5s, 10s … 30 days.
	Median time.Duration `json:"median"`
	Most   time.Duration `json:"most"`
}

// Gap is a time in which a source was silent for longer than it ever is. It is
// revised when something of it is recovered.
type Gap struct {
	Source   string    `json:"source"`
	From     time.Time `json:"from"` // up to when it was complete
	To       time.Time `json:"to"`   // from when on it is complete again
	Noticed  time.Time `json:"noticed"`
	Revision int       `json:"revision"` // from 1
	// Recovered are events that occurred in the gap and arrived after it was
	// noticed.
	Recovered int `json:"recovered"`
}

// ManifestRecord returns m as a record.
func ManifestRecord(m Manifest, now time.Time) Record {
	id := m.Source + "." + string(m.Hour) + "." + strconv.Itoa(m.Revision)
	return Record{Type: TypeManifest, ID: id, Time: now, Body: &m}
}

// GapRecord returns g as a record.
func GapRecord(g Gap, now time.Time) Record {
	id := g.Source + "." + strconv.FormatInt(g.From.UnixMilli(), 10) + "." + strconv.Itoa(g.Revision)
	return Record{Type: TypeGap, ID: id, Time: now, Body: &g}
}
