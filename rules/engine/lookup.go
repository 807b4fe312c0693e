package engine

// search looks a value up in an index.
func (r *run) search(x *fieldIndex, v *value) {
	r.value++
	text := v.text
	if !v.ascii {
		r.lookup = appendIndexed(r.lookup[:0], v.text)
		text = r.lookup
	}
	if x.whole.slots != nil {
		r.hit(x.whole.find(text), v)
	}
	for _, n := range x.startLengths {
		if n > len(text) {
			break
		}
		r.hit(x.starts.find(text[:n]), v)
	}
	for _, n := range x.endLengths {
		if n > len(text) {
			break
		}
		r.hit(x.ends.find(text[len(text)-n:]), v)
	}
	if x.inside.slots != nil {
		r.inside(&x.inside, text, v)
	}
	if x.short != nil {
		r.short(x.short, text, v)
	}
}

// inside looks for the literals of grams in a text.
func (r *run) inside(g *grams, text []byte, v *value) {
	set, shift := g.set, g.shift
	for i := 0; i+gramSize <= len(text); i++ {
		gram := gramAt(text, i)
		h := gram * gramMix
		if bit := h >> shift; set[bit>>6]>>(bit&63)&1 == 0 {
			continue
		}
		for slot := g.slot(h); g.slots[slot].entry != 0; slot = (slot + 1) & g.mask {
			s := &g.slots[slot]
			if s.gram != gram {
				continue
			}
			r.compare(&g.entries[s.entry-1], text, i-int(s.offset), v)
		}
	}
}

// short looks for the literals of pairs in a text.
func (r *run) short(p *pairs, text []byte, v *value) {
	for i := 0; i+pairSize <= len(text); i++ {
		pair := pairAt(text, i)
		if p.set[pair>>6]>>(pair&63)&1 == 0 {
			continue
		}
		entries := p.byPair[pair]
		for k := range entries {
			r.compare(&entries[k], text, i, v)
		}
	}
}

// compare says what follows if a literal stands at a place of a text, once for
// a value: it may stand there a million times, and thousands of rules ask for it.
func (r *run) compare(e *entry, text []byte, at int, v *value) {
	end := at + len(e.text)
	if at < 0 || end > len(text) || r.found[e.number] == r.value || !equalFolded(text[at:end], e.text) {
		return
	}
	r.found[e.number] = r.value
	r.hit(e.postings, v)
}

// number looks a number up by its value.
func (r *run) number(x *fieldIndex, v *value) {
	equal := x.numbers
	if isInteger(v.text) {
		equal = x.decimals
	}
	if len(equal) == 0 {
		return
	}
	if n, ok := parseNumber(v.text); ok {
		for _, p := range equal[n] {
			r.holdsNow(p.leaf)
		}
	}
}

// hit marks the leaves that a literal found in v gives away. A check is made
// once for a value, however often its literals stand there.
func (r *run) hit(postings []posting, v *value) {
	for i := range postings {
		p := &postings[i]
		if r.truth[p.leaf] == r.event<<1|1 {
			continue
		}
		if !p.exact || !v.ascii {
			if r.tried[p.check] == r.value {
				continue
			}
			r.tried[p.check] = r.value
			if !r.satisfies(r.route.checks[p.check], v) {
				continue
			}
		}
		r.holdsNow(p.leaf)
	}
}

// holdsNow marks that a leaf holds, and names the rules that it is a witness of.
func (r *run) holdsNow(leaf int32) {
	if r.truth[leaf] == r.event<<1|1 {
		return
	}
	r.truth[leaf] = r.event<<1 | 1
	for _, rule := range r.route.leaves[leaf].rules {
		r.name(rule)
	}
}
