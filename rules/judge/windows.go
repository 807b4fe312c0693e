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

// maxGroup bounds the contributions held for one group of a correlation, and so
// the time that one more of them takes.
const maxGroup = 10_000

// contribution is an event's part in a correlation, as long as it is held.
type contribution struct {
	Windows string `json:"windows"` // the ID of those that hold it
	// Match is the correlation's match, if this event completes a window.
	Match    event.Match `json:"match"` // bounded
	Position int         `json:"position"`
	Value    string      `json:"value,omitempty"`
	Stored   time.Time   `json:"stored"` // the judge's clock when it arrived

	place         // when it is to be forgotten
	id     string // by which duplicates are recognised when it is gone
	at     time.Time
	key    event.Digest // of the event
	mark   int          // stands for what is counted: the value, or the rule
	number float64
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
	c.at, c.key = c.Match.Event.At(), c.Match.Event.Key()
	c.number, _ = strconv.ParseFloat(c.Value, 64)
	id := strings.Join([]string{c.Windows, c.key.String(), strconv.Itoa(c.Position), c.Value}, "/")
	c.id = event.DigestOf([]byte(id)).String()
}

// byTime is the order of contributions in their windows. At the same moment the
// earlier rule comes first.
func byTime(a, b *contribution) int {
	return cmp.Or(
		a.at.Compare(b.at), cmp.Compare(a.Position, b.Position),
		bytes.Compare(a.key[:], b.key[:]), strings.Compare(a.Value, b.Value),
	)
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

// from returns the index of the first contribution at t or later.
func (w *windows) from(t time.Time) int {
	i, _ := slices.BinarySearchFunc(w.held, t, func(c *contribution, t time.Time) int {
		if c.at.Before(t) {
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
	at, span := w.held[i].at, w.Definition.Timespan
	return w.sweep(w.from(at.Add(-span)), i, at.Add(span))
}

// sweep looks at the windows that end at or after the contribution at from, and
// not after until, and contain nothing before first.
func (w *windows) sweep(first, from int, until time.Time) (begin, end int, ok bool) {
	t := newTally(w.Definition, w.marks.most())
	for i := first; i < len(w.held) && !w.held[i].at.After(until); i++ {
		c := w.held[i]
		t.add(c)
		start := c.at.Add(-w.Definition.Timespan)
		for w.held[first].at.Before(start) {
			t.remove(w.held[first])
			first++
		}
		if i >= from && t.holds(start) {
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
	c, span := w.held[i], w.Definition.Timespan
	same := []*contribution{}
	for k := w.from(c.at.Add(-span)); k < len(w.held) && !w.held[k].at.After(c.at.Add(span)); k++ {
		if w.held[k].mark == c.mark {
			same = append(same, w.held[k])
		}
	}
	var out []*contribution
	for k := 1; k+1 < len(same); k++ {
		if same[k+1].at.Sub(same[k-1].at) <= span {
			out = append(out, same[k])
			same = slices.Delete(same, k, k+1)
			k--
		}
	}
	return out
}

// closes is when the first open window is judged.
func (w *windows) closes() time.Time {
	return civil(w.held[0].at.Add(w.Definition.Timespan).Add(w.Definition.Wait))
}

// close takes the contributions of the first open window, and says whether the
// condition holds of them.
func (w *windows) close() (taken []*contribution, holds bool) {
	start := w.held[0].at
	w.Through = civil(start.Add(w.Definition.Timespan))
	n := w.from(w.Through.Add(1))
	t := newTally(w.Definition, w.marks.most())
	for _, c := range w.held[:n] {
		t.add(c)
	}
	holds = t.holds(start)
	return w.take(0, n-1), holds
}
