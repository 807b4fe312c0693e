package judge

import (
	"container/heap"
	"time"
)

// expiry orders numbers by when they are due, and lets them leave early. Its
// zero value is empty.
type expiry struct {
	heap []int32
	at   pages[due]
}

// due is when a number is due, and its place in the heap.
type due struct {
	seconds int64
	nanos   int32
	index   int32
}

func (a *due) before(b *due) bool {
	return a.seconds < b.seconds || a.seconds == b.seconds && a.nanos < b.nanos
}

func (e *expiry) add(n int32, t time.Time) {
	*e.at.at(n) = due{seconds: t.Unix(), nanos: int32(t.Nanosecond())}
	heap.Push(e, n)
}

func (e *expiry) remove(n int32) { heap.Remove(e, int(e.at.at(n).index)) }

// before returns the number that is due first, if that is before the clock.
func (e *expiry) before(clock time.Time) (int32, bool) {
	if len(e.heap) == 0 {
		return 0, false
	}
	now := due{seconds: clock.Unix(), nanos: int32(clock.Nanosecond())}
	return e.heap[0], e.at.at(e.heap[0]).before(&now)
}

// Len implements [heap.Interface].
func (e *expiry) Len() int { return len(e.heap) }

// Less implements [heap.Interface].
func (e *expiry) Less(i, k int) bool { return e.at.at(e.heap[i]).before(e.at.at(e.heap[k])) }

// Swap implements [heap.Interface].
func (e *expiry) Swap(i, k int) {
	e.heap[i], e.heap[k] = e.heap[k], e.heap[i]
	e.at.at(e.heap[i]).index, e.at.at(e.heap[k]).index = int32(i), int32(k)
}

// Push implements [heap.Interface].
func (e *expiry) Push(x any) {
	n := x.(int32)
	e.at.at(n).index = int32(len(e.heap))
	e.heap = append(e.heap, n)
}

// Pop implements [heap.Interface].
func (e *expiry) Pop() any {
	last := len(e.heap) - 1
	n := e.heap[last]
	e.heap = e.heap[:last]
	return n
}
