package judge

import (
	"bytes"
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sidedoor/event"
)

// Bounds on the contributions held for one group of a correlation, and so on
// the time that one more of them takes.
const (
	maxGroup   = 10_000
	maxOrdered = 1_000 // where their order matters
)

// contribution is an event's part in a correlation, as long as it is held.
type contribution struct {
	Windows string `json:"windows"` // the ID of those that hold it
	// Match is the correlation's match, if this event completes a window.
	Match    event.Match `json:"match"` // bounded
	Position int         `json:"position"`
	Value    string      `json:"value,omitempty"`
	Stored   time.Time   `json:"stored"` // the judge's clock when it arrived

	place               // when it is to be forgotten
	id     string       // by which duplicates are recognised when it is gone
	match  string       // the ID of Match
	at     int64        // when it happened, in microseconds since 1970
	key    event.Digest // of the event
	mark   int          // stands for what is counted: the value, or the rule
	number number
}

// newContribution readies a part for the windows; all that is derived from it
// is derived from what a snapshot holds.
func newContribution(p event.Part, ref event.Ref, stored time.Time) *contribution {
	p = boundedParts([]event.Part{p})[0]
	m := bounded(event.Match{Rule: p.Rule, Control: p.Control, Event: ref, Act: p.Act, Parts: p.Parts})
	c := &contribution{Windows: p.WindowsID(), Match: m, Value: p.Value, Stored: stored}
	switch p.Type { // for the others an event counts once, by however many rules it matches
	case event.Temporal, event.TemporalOrdered:
		c.Position = min(max(p.Position, 0), max(p.Rules-1, 0))
	}
	c.ready()
	return c
}

func (c *contribution) ready() {
	c.at, c.key, c.number = c.Match.Event.At().UnixMicro(), c.Match.Event.Key(), parseNumber(c.Value)
	id := strings.Join([]string{c.Windows, c.key.String(), strconv.Itoa(c.Position), c.Value}, "/")
	c.id, c.match = event.DigestOf([]byte(id)).String(), c.Match.ID()
}

// byTime is the order of contributions in their windows. At the same moment the
// earlier rule comes first.
func byTime(a, b *contribution) int {
	return cmp.Or(
		cmp.Compare(a.at, b.at), cmp.Compare(a.Position, b.Position),
		bytes.Compare(a.key[:], b.key[:]), strings.Compare(a.Value, b.Value),
	)
}

// together describes the events of contributions in the order of their times.
func together(list []*contribution) *event.Together {
	var events []event.Ref
	keys := map[event.Digest]bool{}
	for _, c := range list {
		if !keys[c.key] {
			keys[c.key] = true
			events = append(events, c.Match.Event)
		}
	}
	n := len(events)
	return &event.Together{
		Count: n, First: events[0].At(), Last: events[n-1].At(),
		Events: slices.Clone(events[max(0, n-event.MaxTogether):]),
	}
}

// windows holds what one group contributes to one version of a correlation and
// no match has used, in the order of its times.
type windows struct {
	ID string `json:"id"`
	// Definition is without the rule, which the matches name.
	Definition event.Correlation `json:"definition"`
	// Through is the end of the last window that was judged: nothing before it
	// counts any more. Due is when the first one that is open will be. Both are
	// only for conditions that are judged at the end.
	Through time.Time `json:"through,omitzero"`
	Due     time.Time `json:"due,omitzero"`
	Since   time.Time `json:"since,omitzero"` // since when it is empty, if it is

	place // when it is to be forgotten, if it is empty
	held  []*contribution
	marks marks
}

// insert takes a contribution in, unless it is there.
func (w *windows) insert(c *contribution) (i int, fresh bool) {
	i, found := slices.BinarySearchFunc(w.held, c, byTime)
	if found {
		return i, false
	}
	w.held = slices.Insert(w.held, i, c)
	switch w.Definition.Type {
	case event.ValueCount:
		c.mark = w.marks.enter(c.Value)
	case event.Temporal:
		c.mark = c.Position
	}
	return i, true
}

func (w *windows) remove(c *contribution) {
	if i, found := slices.BinarySearchFunc(w.held, c, byTime); found {
		w.take(i, i)
	}
}

// span is the timespan in microseconds.
func (w *windows) span() int64 { return w.Definition.Timespan.Microseconds() }

// from returns the index of the first contribution at that time or later.
func (w *windows) from(at int64) int {
	i, _ := slices.BinarySearchFunc(w.held, at, func(c *contribution, at int64) int {
		if c.at < at {
			return -1
		}
		return 1
	})
	return i
}

// complete finds the window that is complete first, of those that contain the
// contribution at i: the contributions from first to last, the event of the last
// being what completes it.
func (w *windows) complete(i int) (first, last int, ok bool) {
	at := w.held[i].at
	return w.sweep(w.from(at-w.span()), i, at+w.span())
}

// completeAny looks at all windows.
func (w *windows) completeAny() (first, last int, ok bool) {
	if len(w.held) == 0 {
		return 0, 0, false
	}
	return w.sweep(0, 0, w.held[len(w.held)-1].at)
}

// sweep looks at the windows that end at or after the contribution at from, and
// not after until. The first of them begins with the contribution at first.
func (w *windows) sweep(first, from int, until int64) (begin, end int, ok bool) {
	t, span := newTally(w.Definition, w.marks.most()), w.span()
	for i := first; i < from; i++ {
		t.add(w.held[i])
	}
	for i := from; i < len(w.held) && w.held[i].at <= until; i++ {
		t.add(w.held[i])
		start := w.held[i].at - span
		for w.held[first].at < start {
			t.remove(w.held[first])
			first++
		}
		if t.holds(start) {
			return first, i, true
		}
	}
	return 0, 0, false
}

// take removes the contributions from first to last.
func (w *windows) take(first, last int) []*contribution {
	taken := slices.Clone(w.held[first : last+1])
	w.held = slices.Delete(w.held, first, last+1)
	if w.Definition.Type == event.ValueCount {
		for _, c := range taken {
			w.marks.leave(c.Value)
		}
	}
	return taken
}

// needless finds the contributions around i that no window needs: where only
// different marks are counted, those between two of the same mark that are no
// further apart than the timespan. Any window that holds the one in the middle
// holds one of the others.
func (w *windows) needless(i int) []*contribution {
	if w.Definition.Type != event.ValueCount && w.Definition.Type != event.Temporal {
		return nil
	}
	c, span := w.held[i], w.span()
	same := []*contribution{}
	for k := w.from(c.at - span); k < len(w.held) && w.held[k].at <= c.at+span; k++ {
		if w.held[k].mark == c.mark {
			same = append(same, w.held[k])
		}
	}
	var out []*contribution
	for k := 1; k+1 < len(same); k++ {
		if same[k+1].at-same[k-1].at <= span {
			out = append(out, same[k])
			same = slices.Delete(same, k, k+1)
			k--
		}
	}
	return out
}

// surplus returns the contribution that is to be let go if there are too many,
// else nil: the oldest of the rule that has the most, so that a flood of one
// cannot wash the others away. What begins a window that is judged at its end
// stays, or the window would move.
func (w *windows) surplus() *contribution {
	most := maxGroup
	if w.Definition.Type == event.TemporalOrdered {
		most = maxOrdered
	}
	if len(w.held) <= most {
		return nil
	}
	rest := w.held
	if !w.Definition.AtOnce() {
		rest = rest[1:]
	}
	times := make([]int, w.Definition.Rules)
	for _, c := range rest {
		times[c.Position]++
	}
	crowd := slices.Index(times, slices.Max(times))
	return rest[slices.IndexFunc(rest, func(c *contribution) bool { return c.Position == crowd })]
}

// closes is when the first open window is judged. What began it may have come
// long after its end, after hours in which nothing ran: then the others that
// come with it are given the same time as what is late at any other end.
func (w *windows) closes() time.Time {
	return civil(later(w.end(), w.held[0].Stored).Add(w.Definition.Wait))
}

// end is the end of the first open window, and never before its begin, be that
// at the end of all time.
func (w *windows) end() time.Time {
	begin := time.UnixMicro(w.held[0].at).UTC()
	return later(civil(begin.Add(w.Definition.Timespan)), begin)
}

// close takes the contributions of the first open window, and says whether the
// condition holds of them.
func (w *windows) close() (taken []*contribution, holds bool) {
	start := w.held[0].at
	w.Through = w.end()
	n := w.from(w.Through.UnixMicro() + 1)
	t := newTally(w.Definition, w.marks.most())
	for _, c := range w.held[:n] {
		t.add(c)
	}
	holds = t.holds(start)
	return w.take(0, n-1), holds
}
