package judge

import "strings"

// arenaSize is how many bytes of texts are made room for at once.
const arenaSize = 2 << 10

// arena holds texts that are part of records: the many short ones that a verdict
// says of approvals. Each keeps the others from being freed, so what the judge
// holds on to must be none of them.
type arena struct{ room strings.Builder }

func (a *arena) keep(text []byte) string {
	if a.room.Cap()-a.room.Len() < len(text) {
		a.room.Reset() // what was kept remains where it is
		a.room.Grow(max(len(text), arenaSize))
	}
	from := a.room.Len()
	a.room.Write(text)
	return a.room.String()[from:]
}
