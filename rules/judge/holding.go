package judge

import (
	"cmp"
	"slices"
)

// holding is the contributions that are held, by the correlation that they are
// for: the first that is due is to be forgotten, and the first of the one that
// has the most where there are too many. A flood into one correlation must not
// wash away what others hold.
type holding struct {
	of    map[string]*crowd // by the correlation's ID
	due   queue[*crowd]     // by when the first contribution of each is due
	count int
	// byMatch are those of one event to one correlation, by the ID of the match
	// that each would complete.
	byMatch map[string][]*contribution
}

func newHolding() holding {
	return holding{of: map[string]*crowd{}, byMatch: map[string][]*contribution{}}
}

// crowd is the contributions to one correlation; there is at least one.
type crowd struct {
	rule string
	held queue[*contribution]
	place
}

// Len returns how many contributions are held.
func (h *holding) Len() int { return h.count }

// first returns the contribution that is due first, nil if there is none.
func (h *holding) first() *contribution {
	if r := h.due.first(); r != nil {
		return r.held.first()
	}
	return nil
}

// most returns the first of the correlation that has the most.
func (h *holding) most() *contribution {
	var most *crowd
	for _, r := range h.due.heap { // in no particular order
		if most == nil || cmp.Or(cmp.Compare(r.held.Len(), most.held.Len()), cmp.Compare(most.rule, r.rule)) > 0 {
			most = r
		}
	}
	return most.held.first()
}

func (h *holding) add(c *contribution) {
	r := h.of[c.Match.Rule.ID]
	if r == nil {
		r = &crowd{rule: c.Match.Rule.ID}
		h.of[r.rule] = r
	} else {
		h.due.remove(r)
	}
	r.held.add(c)
	h.count++
	h.byMatch[c.match] = append(h.byMatch[c.match], c)
	h.place(r)
}

func (h *holding) remove(c *contribution) {
	r := h.of[c.Match.Rule.ID]
	h.due.remove(r)
	r.held.remove(c)
	h.count--
	rest := slices.DeleteFunc(h.byMatch[c.match], func(o *contribution) bool { return o == c })
	if h.byMatch[c.match] = rest; len(rest) == 0 {
		delete(h.byMatch, c.match)
	}
	if r.held.Len() == 0 {
		delete(h.of, r.rule)
		return
	}
	h.place(r)
}

// place puts a crowd where its first contribution belongs.
func (h *holding) place(r *crowd) {
	first := r.held.first()
	r.due, r.order = first.due, first.order
	h.due.add(r)
}

// all returns the contributions in the order of their arrival.
func (h *holding) all() []*contribution {
	list := make([]*contribution, 0, h.count)
	for _, r := range h.due.heap {
		list = append(list, r.held.heap...)
	}
	slices.SortFunc(list, func(a, b *contribution) int { return cmp.Compare(a.order, b.order) })
	return list
}
