package judge

import (
	"cmp"
	"slices"
	"strings"
)

// questions are what an inquiry asks for, each as often as it does.
type questions struct {
	list []key
	once int // how many there were without what is there twice, when that was last looked at
}

func (q *questions) note(k key) {
	if len(q.list) > 2*q.once+16 { // links may ask the same a million times
		q.tidy()
	}
	q.list = append(q.list, k)
}

func (q *questions) tidy() {
	slices.SortFunc(q.list, key.compare)
	q.list = slices.Compact(q.list)
	q.once = len(q.list)
}

// asked returns each question once, in order, and begins anew.
func (q *questions) asked() []key {
	q.tidy()
	asked := slices.Clone(q.list)
	clear(q.list)
	q.list, q.once = q.list[:0], 0
	return asked
}

// key is a kind of approval together with a scope or a person.
type key struct{ kind, value string }

func (k key) compare(o key) int {
	return cmp.Or(strings.Compare(k.kind, o.kind), strings.Compare(k.value, o.value))
}

func among(asked []key, k key) bool {
	_, is := slices.BinarySearchFunc(asked, k, key.compare)
	return is
}
