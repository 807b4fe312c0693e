package judge

// pageSize is how many values a page holds.
const pageSize = 4096

// pages holds values by number. It grows by a page at a time, so that nothing
// is ever copied and at most a page is empty: of a million values that matters.
type pages[T any] struct{ list []*[pageSize]T }

// at returns the value of a number, the zero value if it was never set.
func (p *pages[T]) at(n int32) *T {
	page := uint32(n) / pageSize
	if page >= uint32(len(p.list)) {
		p.grow(page)
	}
	return &p.list[page][uint32(n)%pageSize]
}

func (p *pages[T]) grow(page uint32) {
	for page >= uint32(len(p.list)) {
		p.list = append(p.list, new([pageSize]T))
	}
}

// numbers gives out the numbers from 0, those first that were given back last.
type numbers struct {
	next int32
	free []int32
}

func (x *numbers) take() int32 {
	if last := len(x.free) - 1; last >= 0 {
		n := x.free[last]
		x.free = x.free[:last]
		return n
	}
	x.next++
	return x.next - 1
}

func (x *numbers) give(n int32) { x.free = append(x.free, n) }
