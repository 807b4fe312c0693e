package engine

import (
	"bytes"
	"index/suffixarray"

	"sidedoor/rules/sigma"
)

// Up to how many pairs of values are compared one by one, and in how many bytes
// altogether one is looked for inside of the other. An event may have a hundred
// thousand values in each of two fields, or one of megabytes.
const (
	maxPairs    = 1 << 10
	maxSearched = 1 << 20
)

// same compares two fields, any value with any.
func (r *run) same(as, bs []value, how *sigma.Predicate) bool {
	searched := 0
	if how.Contains && len(bs) > 1 {
		searched = size(as) * len(bs)
	}
	if len(as)*len(bs) > maxPairs || searched > maxSearched {
		return r.sameAmongMany(as, bs, how)
	}
	for i := range as {
		for k := range bs {
			if as[i].hasText() && bs[k].hasText() && compare(r.compared(&as[i], how), r.compared(&bs[k], how), how) {
				return true
			}
		}
	}
	return false
}

func size(values []value) int {
	n := 0
	for i := range values {
		n += len(values[i].text)
	}
	return n
}

// compared returns the text of a value by which it is compared.
func (r *run) compared(v *value, how *sigma.Predicate) []byte {
	if how.Cased {
		return v.text
	}
	r.fold(v)
	return v.folded
}

func compare(a, b []byte, how *sigma.Predicate) bool {
	switch {
	case how.Contains:
		return bytes.Contains(a, b)
	case how.StartsWith:
		return bytes.HasPrefix(a, b)
	case how.EndsWith:
		return bytes.HasSuffix(a, b)
	}
	return bytes.Equal(a, b)
}

// between stands before, between and behind texts; no UTF-8 holds it.
const between = 0xff

// sameAmongMany looks the texts of one field up in a suffix array of the
// other's, which takes O(n log n) for n bytes, not their product.
func (r *run) sameAmongMany(as, bs []value, how *sigma.Predicate) bool {
	all := []byte{between}
	for i := range as {
		if as[i].hasText() {
			all = append(append(all, r.compared(&as[i], how)...), between)
		}
	}
	index := suffixarray.New(all)
	for i := range bs {
		if !bs[i].hasText() || len(all) == 1 {
			continue
		}
		text := r.compared(&bs[i], how)
		if !how.Contains && !how.EndsWith {
			text = append([]byte{between}, text...)
		}
		if !how.Contains && !how.StartsWith {
			text = append(bytes.Clone(text), between)
		}
		if len(text) == 0 || len(index.Lookup(text, 1)) > 0 {
			return true
		}
	}
	return false
}
