package offline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sidedoor/event"
)

// item is a match as JSON, with what it is sorted by.
type item struct {
	at    time.Time
	class int // approvals come before the acts at the same moment
	key   event.Digest
	id    string
	json  []byte
}

// itemOverhead is about what an item takes in memory beside its JSON.
const itemOverhead = 192

func newItem(m event.Match, b []byte) item {
	it := item{at: m.Event.At(), key: m.Event.Key(), id: m.ID(), json: b}
	if m.Approval == nil { // an act, or a part of a correlation's
		it.class = 1
	}
	return it
}

func parseItem(b []byte) (item, error) {
	var m event.Match
	if err := json.Unmarshal(b, &m); err != nil {
		return item{}, fmt.Errorf("sort: %w", err)
	}
	return newItem(m, b), nil
}

func order(a, b item) int {
	return cmp.Or(
		a.at.Compare(b.at),
		cmp.Compare(a.class, b.class),
		bytes.Compare(a.key[:], b.key[:]),
		strings.Compare(a.id, b.id),
	)
}
