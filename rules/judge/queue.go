package judge

import (
	"cmp"
	"container/heap"
	"time"
)

// place is a member's place in a [queue].
type place struct {
	due   time.Time
	order int // of arrival
	index int
}

func (p *place) where() *place { return p }

// queue orders its members by when they are due, then by arrival, and lets
// them leave early. Its zero value is empty.
type queue[T interface {
	comparable
	where() *place
}] struct{ heap []T }

func (q *queue[T]) add(x T) { heap.Push(q, x) }

func (q *queue[T]) remove(x T) { heap.Remove(q, x.where().index) }

// first returns the member that is due first, the zero value if there is none.
func (q *queue[T]) first() T {
	if len(q.heap) == 0 {
		var none T
		return none
	}
	return q.heap[0]
}

// Len implements [heap.Interface].
func (q *queue[T]) Len() int { return len(q.heap) }

// Less implements [heap.Interface].
func (q *queue[T]) Less(i, k int) bool {
	a, b := q.heap[i].where(), q.heap[k].where()
	return cmp.Or(a.due.Compare(b.due), cmp.Compare(a.order, b.order)) < 0
}

// Swap implements [heap.Interface].
func (q *queue[T]) Swap(i, k int) {
	q.heap[i], q.heap[k] = q.heap[k], q.heap[i]
	q.heap[i].where().index, q.heap[k].where().index = i, k
}

// Push implements [heap.Interface].
func (q *queue[T]) Push(x any) {
	member := x.(T)
	member.where().index = len(q.heap)
	q.heap = append(q.heap, member)
}

// Pop implements [heap.Interface].
func (q *queue[T]) Pop() any {
	last := len(q.heap) - 1
	x := q.heap[last]
	var none T
	q.heap[last] = none // for the garbage collector
	q.heap = q.heap[:last]
	return x
}
