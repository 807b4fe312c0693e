package manifest

import (
	"cmp"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/monitor"
	"sidedoor/stream"
)

// Source is a configured source. Each of its hours gets a manifest, from its first
// appearance on, whether anything occurred in it or not.
type Source struct {
	Name, Product, Service string
	Lateness               time.Duration // by which its events may arrive late
	// Received says that it is sent, and not fetched: what is sent while no monitor
	// runs may be lost.
	Received bool
}

// limits bound what is held in memory, and so in the bookmark.
type limits struct {
	remember int // events
	hours    int
}

// fold is the account of all that is on EVENTS and DEAD up to its positions.
type fold struct {
	Position uint64              `json:"position"` // on EVENTS
	Dead     uint64              `json:"dead"`     // on DEAD
	Records  uint64              `json:"records"`  // of the last manifest or gap that is known
	Accounts map[string]*account `json:"accounts"`
	Outages  []event.Outage      `json:"outages,omitempty"` // the oldest first
	Every    time.Duration       `json:"every,omitempty"`   // of the monitor's last mark

	limits     limits
	sources    map[string]Source
	truncated  func(product string, raw []byte) bool
	remembered int    // events
	full       *tally // the hour that all that is remembered is of; nil: not known
	gapsSaid   map[string]*event.Gap
}

// account is that of one source.
type account struct {
	Product string `json:"product,omitempty"`
	Service string `json:"service,omitempty"`
	// First is the hour of the source's first appearance, and Next the first that
	// was not taken up yet for being over.
	First   event.Hour            `json:"first,omitempty"`
	Next    event.Hour            `json:"next,omitempty"`
	Through time.Time             `json:"through,omitzero"` // its latest mark
	Heard   time.Time             `json:"heard,omitzero"`   // when the latest batch arrived
	Proofs  proofs                `json:"proofs,omitempty"`
	Silence *silence              `json:"silence,omitempty"`
	Gaps    []*gap                `json:"gaps,omitempty"`
	Hours   map[event.Hour]*tally `json:"hours,omitempty"`
}

// key names an hour of a source.
type key struct {
	source string
	hour   event.Hour
}

// compare orders hours, and sources within them.
func (k key) compare(l key) int {
	return cmp.Or(cmp.Compare(k.hour, l.hour), cmp.Compare(k.source, l.source))
}

func newFold(l limits) *fold {
	return &fold{Accounts: map[string]*account{}, limits: l, gapsSaid: map[string]*event.Gap{}}
}

// account returns that of a source, which begins with being asked for.
func (f *fold) account(source string) *account {
	a := f.Accounts[source]
	if a == nil {
		a = &account{}
		f.Accounts[source] = a
	}
	if a.Hours == nil {
		a.Hours = map[event.Hour]*tally{}
	}
	if s, ok := f.sources[source]; ok {
		a.Product, a.Service = s.Product, s.Service
	}
	return a
}

// appear notes that there is something of the source.
func (a *account) appear(at time.Time) {
	if a.First == "" && at.Year() > 1 {
		a.First = event.HourOf(at)
		a.Next = a.First
	}
}

const (
	maxAge   = 400 * day // of an event that is put into its own hour
	maxAhead = time.Hour
)

// place puts an event into an hour: its own, or that of its arrival if its own is
// not to be believed, or so old that there would be no end of hours.
func place(at, received time.Time) (time.Time, event.Hour) {
	own, arrival := event.HourOf(at), event.HourOf(received)
	if ahead := own.Begin().Sub(arrival.Begin()); ahead > maxAhead || ahead < -maxAge {
		return received, arrival
	}
	return at, own
}

// arrived is our clock when a batch or repeat arrived.
func arrived(received, stored time.Time) time.Time {
	if received.Year() <= 1 {
		return stored
	}
	return received
}

// take takes in what follows on EVENTS. The hours that it touches are held.
func (f *fold) take(a stream.Arrival) {
	switch {
	case a.Batch != nil:
		f.batch(a, *a.Batch)
	case a.Repeat != nil:
		f.repeat(a, *a.Repeat)
	case a.Proof != nil:
		f.proof(*a.Proof)
	case a.Mark != nil:
		f.mark(*a.Mark)
	}
	f.Position = a.Sequence
}

func (f *fold) batch(a stream.Arrival, b event.Batch) {
	acct := f.account(b.Source)
	if _, configured := f.sources[b.Source]; !configured {
		acct.Product, acct.Service = b.Product, b.Service
	}
	received := arrived(b.Received, a.Stored)
	acct.appear(received)
	acct.Heard = later(acct.Heard, received)
	heardUpTo := received.Add(-f.sources[b.Source].Lateness)
	acct.Silence.hear(heardUpTo)
	for i, e := range b.Events {
		at, hour := place(b.Ref(i).At(), received)
		f.event(acct, acct.Hours[hour], meeting{
			event: e, at: at, received: received, seq: a.Sequence,
			truncated: f.truncated != nil && f.truncated(b.Product, e.Raw),
		})
	}
	if b.Source == monitor.Source {
		for _, e := range b.Events {
			f.note(e.Raw)
		}
	}
}

func (f *fold) event(acct *account, t *tally, m meeting) {
	if f.remembered >= f.limits.remember && f.full != t {
		n := f.forgetOldest(t)
		f.remembered -= n
		if n == 0 {
			f.full = t
		}
	}
	m.room = f.remembered < f.limits.remember
	m.recovered = acct.inGap(m.at)
	if t.add(m) == again {
		return
	}
	if m.room {
		f.remembered++
		if f.full != t {
			f.full = nil
		}
	}
	if m.recovered {
		acct.recover(m.at)
	}
}

// forgetOldest lets go of what is remembered of the hour that was touched longest
// ago, except the one that is being counted, and says how much that was.
func (f *fold) forgetOldest(but *tally) int {
	var oldest *tally
	var of key
	for source, a := range f.Accounts {
		for hour, t := range a.Hours {
			if t == but || t.memory.size() == 0 {
				continue
			}
			k := key{source, hour}
			// Whoever folds the same has to let go of the same.
			if oldest == nil || cmp.Or(cmp.Compare(t.Touched, oldest.Touched), k.compare(of)) < 0 {
				oldest, of = t, k
			}
		}
	}
	if oldest == nil {
		return 0
	}
	return oldest.forget()
}

func (f *fold) repeat(a stream.Arrival, r event.Repeat) {
	acct := f.account(r.Source)
	received := arrived(r.Received, a.Stored)
	acct.appear(received)
	acct.Heard = later(acct.Heard, received)
	for hour, n := range r.Hours {
		_, h := place(hour.Begin(), received)
		t := acct.Hours[h]
		t.Repeats += n
		t.touch(a.Sequence)
	}
}

func (f *fold) proof(p event.Proof) {
	acct := f.account(p.Source)
	acct.appear(p.To)
	acct.Proofs = acct.Proofs.add(p).prune(acct.oldest())
	acct.changed(p.From.Add(-time.Hour), p.To.Add(expectedFor))
}

func (f *fold) mark(m event.Mark) {
	if m.Source == monitor.Source {
		f.watch(m)
	}
	acct := f.account(m.Source)
	acct.appear(m.Through)
	if !m.Through.After(acct.Through) {
		return
	}
	acct.changed(acct.Through.Add(-time.Hour), m.Through)
	acct.Through = m.Through
	acct.Silence.hear(m.Through)
}

// oldest is when the oldest hour held begins; zero if none is.
func (a *account) oldest() (t time.Time) {
	for h := range a.Hours {
		if b := h.Begin(); t.IsZero() || b.Before(t) {
			t = b
		}
	}
	return t
}

// changed says that there may be something to say of the hours held that overlap
// the period.
func (a *account) changed(from, to time.Time) {
	for h, t := range a.Hours {
		if !h.Begin().After(to) && !h.End().Before(from) {
			t.Dirty = true
		}
	}
}

// bury counts a dead letter of a sequence on DEAD.
func (f *fold) bury(seq uint64, d event.Dead) {
	source := f.buried(d)
	a := f.account(source)
	a.Hours[event.HourOf(d.Received)].bury(d.Cause)
	if source != unknown {
		a.appear(d.Received)
	}
	f.Dead = seq
}

// unknown is what stands for the source of dead letters that is no source of ours.
const unknown = "unknown"

// buried is the source whose dead letter it is. One that names what does not exist
// was made by anybody.
func (f *fold) buried(d event.Dead) string {
	_, configured := f.sources[d.Source]
	_, seen := f.Accounts[d.Source]
	if !configured && !seen {
		return unknown
	}
	return d.Source
}

func (f *fold) holds(k key) bool {
	a := f.Accounts[k.source]
	return a != nil && a.Hours[k.hour] != nil
}

// held is how many hours are held.
func (f *fold) held() int {
	n := 0
	for _, a := range f.Accounts {
		n += len(a.Hours)
	}
	return n
}

// keys are the hours held, by source and hour.
func (f *fold) keys() []key {
	var out []key
	for source, a := range f.Accounts {
		for hour := range a.Hours {
			out = append(out, key{source, hour})
		}
	}
	slices.SortFunc(out, func(a, b key) int { return cmp.Or(cmp.Compare(a.source, b.source), a.compare(b)) })
	return out
}

// hold takes up an hour.
func (f *fold) hold(k key, t *tally) { f.account(k.source).Hours[k.hour] = t }
