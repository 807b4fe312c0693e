package judge

import "iter"

// rings links numbers to rings, each in the order in which they were added.
type rings struct{ links links }

type link struct{ next, prev int32 }

// links gives each number its link.
type links interface{ at(n int32) *link }

// begin makes a ring of one.
func (r *rings) begin(n int32) { *r.links.at(n) = link{n, n} }

// append adds a number to the end of the ring that begins with first.
func (r *rings) append(first, n int32) {
	head := r.links.at(first)
	*r.links.at(n) = link{next: first, prev: head.prev}
	r.links.at(head.prev).next = n
	head.prev = n
}

// leave takes a number out of its ring. It returns the next, or says that n was
// alone.
func (r *rings) leave(n int32) (next int32, alone bool) {
	l := *r.links.at(n)
	r.links.at(l.prev).next = l.next
	r.links.at(l.next).prev = l.prev
	return l.next, l.next == n
}

// from goes along the ring that begins with first. It must not be changed
// meanwhile.
func (r *rings) from(first int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		for n := first; yield(n); {
			if n = r.links.at(n).next; n == first {
				return
			}
		}
	}
}

// chains holds numbers by a key that they share, and of the key its hash alone:
// who asks has to say whether a number is of the key that is meant.
type chains struct {
	first table // of each key
	rings
}

// of returns the numbers with a key, in the order in which they were added.
func (c *chains) of(hash uint32, is func(int32) bool) iter.Seq[int32] {
	if first, ok := c.first.find(hash, is); ok {
		return c.from(first)
	}
	return func(func(int32) bool) {}
}

// add adds a number. It says whether it is the first with its key.
func (c *chains) add(hash uint32, n int32, is func(int32) bool) (fresh bool) {
	if first, ok := c.first.find(hash, is); ok {
		c.append(first, n)
		return false
	}
	c.begin(n)
	c.first.add(hash, n)
	return true
}

// remove takes out a number. It says whether that was the first with its key,
// and which is now, if any.
func (c *chains) remove(hash uint32, n int32) (next int32, first, alone bool) {
	next, alone = c.leave(n)
	if alone {
		c.first.remove(hash, n)
		return next, true, true
	}
	return next, c.first.replace(hash, n, next), false
}
