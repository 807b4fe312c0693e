package judge

import (
	"time"

	"sidedoor/event"
)

// finding is an approval that came near, and what it is worth. Of the approval
// only as much is read as is asked for: most that come near are ruled out by
// what they are weighed by.
type finding struct {
	why      event.Why
	approval held
	since    time.Time // from when it counts: when it, or the last of its links, was recorded
	revoked  time.Time
	detail   string     // see [event.Considered]
	links    []*finding // of each requirement of its own, the nearest

	rank  int           // of why, when findings were last sorted
	apart time.Duration // of the approval and what it is weighed for, likewise

	entry   entry
	given   event.Approval // the entry's
	records *arena
	unread  codec
	isRead  bool // as far as its requirements
	isWhole bool
	known   string // the ID, once it was asked for
}

// begin reads what an approval is weighed by. The finding has to be zero; what is
// read of it for a record alone stands in the arena.
func (f *finding) begin(p held, records *arena) {
	f.approval, f.records, f.unread = p, records, p.in.reader(p.in.texts.at(p.n))
	f.entry.match.Approval = &f.given
	f.unread.arena = records
	f.unread.weighed(&f.entry)
	f.unread.arena = nil
}

// weighed is the approval but for what it requires itself.
func (f *finding) weighed() *event.Approval { return &f.given }

// source is that of the approval.
func (f *finding) source() string { return f.entry.match.Event.Source }

func (f *finding) requires() []event.Requirement {
	if !f.isRead {
		f.isRead = true
		f.unread.requirements(&f.entry)
	}
	return f.given.Requires
}

// whole is all of the entry.
func (f *finding) whole() *entry {
	if !f.isWhole {
		f.requires()
		f.isWhole = true
		f.unread.arena = f.records
		f.unread.rest(&f.entry)
	}
	return &f.entry
}

// id is the one by which the approval is held. Of thousands that differ in nothing
// else it is asked for again and again.
func (f *finding) id() string {
	if f.known == "" {
		f.known = f.whole().matchID()
	}
	return f.known
}

// alone says whether the approval counts, be it late.
func (f *finding) alone() bool { return f.why == event.Covers || f.why == event.RecordedAfter }

// desk has room for the findings of one inquiry, and is cleared for the next:
// nothing of a finding may be kept but copies.
type desk struct {
	asked questions
	near  []held // what comes near one requirement
	seen  []held // what came near the act itself, for each of its requirements
	room  []finding
	used  int
	free  []*finding // that were given back
	sum   byte       // keeps fetch from being left out
	texts arena
}

// deskSize is more findings than most inquiries have; the others take room of
// their own.
const deskSize = 64

// deskMost is how many approvals that came near there remains room for.
const deskMost = 4096

func (d *desk) clear() {
	clear(d.room[:d.used])
	d.used, d.free, d.seen = 0, nil, d.seen[:0]
	if cap(d.near)+cap(d.seen) > deskMost {
		d.near, d.seen = nil, nil
	}
}

// fetch looks at the texts of a few approvals before they are read, one after the
// other: the processor waits for the memory of all of them at once.
func (d *desk) fetch(list []held) {
	const line = 64 // of its cache
	for _, p := range list[:min(len(list), deskSize)] {
		text := p.in.texts.at(p.n)
		for i := 0; i < len(text) && i < 4*line; i += line {
			d.sum ^= text[i]
		}
	}
}

// take returns a finding that is zero.
func (d *desk) take() *finding {
	if last := len(d.free) - 1; last >= 0 {
		f := d.free[last]
		d.free = d.free[:last]
		*f = finding{}
		return f
	}
	if d.room == nil {
		d.room = make([]finding, deskSize)
	}
	if d.used == len(d.room) {
		return new(finding)
	}
	d.used++
	return &d.room[d.used-1]
}

func (d *desk) give(f *finding) { d.free = append(d.free, f) }
