package judge

import "strings"

// blockSize is how many bytes of texts stand end to end: so many that the
// garbage collector has few to look at, and so few that to move what is left of
// them takes some microseconds.
const blockSize = 32 << 10

// blocks holds texts by number. They stand end to end in blocks, since a million
// texts of their own would be a million things for the garbage collector to mark,
// and acts would wait for it. A block that is no longer used to three quarters
// is given up, and what is left in it moves to the newest.
type blocks struct {
	slots *pages[slot] // of the numbers
	list  []*block     // nil: given up
	texts []string     // of each, as far as it is filled
	free  []int32      // the numbers of these
	last  int32        // the one that is being filled, if there is any
}

// spot is where a text stands.
type spot struct{ block, from, size int32 }

// block is never written to but at its end, and never beyond the room that it
// began with: so texts that were read remain as they are.
type block struct {
	strings.Builder
	numbers []int32 // that were ever put here
	used    int     // bytes of those that are still here
}

// at returns the text of a number; it is part of its block, which it keeps from
// being freed.
func (t *blocks) at(n int32) string {
	s := &t.slots.at(n).spot
	if s.size == 0 {
		return ""
	}
	return t.texts[s.block][s.from : s.from+s.size]
}

// put gives a number that has none a text.
func (t *blocks) put(n int32, text string) {
	if text == "" {
		return
	}
	i := t.room(len(text))
	b := t.list[i]
	t.slots.at(n).spot = spot{block: i, from: int32(b.Len()), size: int32(len(text))}
	b.WriteString(text)
	t.texts[i] = b.String()
	b.numbers = append(b.numbers, n)
	b.used += len(text)
}

// room returns a block with room for a text: one of its own for a long one, so
// that no more than an eighth of the others is left empty at their end.
func (t *blocks) room(size int) int32 {
	if size > blockSize/8 {
		return t.begin(size)
	}
	full := t.last
	if len(t.list) > 0 && t.list[full] != nil && t.list[full].Len()+size <= t.list[full].Cap() {
		return full
	}
	t.last = t.begin(blockSize)
	t.tidy(full)
	return t.last
}

// begin returns a new block.
func (t *blocks) begin(size int) int32 {
	b := new(block)
	b.Grow(size)
	if last := len(t.free) - 1; last >= 0 {
		i := t.free[last]
		t.free, t.list[i] = t.free[:last], b
		return i
	}
	t.list, t.texts = append(t.list, b), append(t.texts, "")
	return int32(len(t.list) - 1)
}

// remove takes a number's text away.
func (t *blocks) remove(n int32) {
	s := &t.slots.at(n).spot
	if s.size == 0 {
		return
	}
	i := s.block
	t.list[i].used -= int(s.size)
	*s = spot{}
	t.tidy(i)
}

// tidy gives a block up if too little of it is used.
func (t *blocks) tidy(i int32) {
	b := t.list[i]
	if i == t.last || b == nil || b.used > 0 && b.used >= b.Len()/4*3 {
		return
	}
	for _, n := range b.numbers {
		if s := t.slots.at(n).spot; s.block == i && s.size > 0 { // it has not moved, nor come again elsewhere
			b.used -= int(s.size)
			t.put(n, b.String()[s.from:s.from+s.size])
		}
	}
	t.list[i], t.texts[i] = nil, ""
	t.free = append(t.free, i)
}
