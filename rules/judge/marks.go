package judge

// marks gives the values that are held small numbers, since a window is counted
// anew for each contribution.
type marks struct {
	of   map[string]*mark
	free []int
}

type mark struct{ number, times int }

// most is above every mark.
func (m *marks) most() int { return len(m.of) + len(m.free) }

func (m *marks) enter(value string) int {
	k := m.of[value]
	if k == nil {
		k = &mark{number: m.most()}
		if last := len(m.free) - 1; last >= 0 {
			k.number, m.free = m.free[last], m.free[:last]
		}
		if m.of == nil {
			m.of = map[string]*mark{}
		}
		m.of[value] = k
	}
	k.times++
	return k.number
}

func (m *marks) leave(value string) {
	k := m.of[value]
	if k.times--; k.times == 0 {
		delete(m.of, value)
		m.free = append(m.free, k.number)
	}
}
