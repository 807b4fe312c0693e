package alerting

import (
	"container/list"

	"github.com/cenkalti/backoff/v5"

	"sidedoor/event"
)

// maxKnown bounds the alerts of which a loop remembers what its receiver was
// told. One that is forgotten is told once more when it has another revision.
const maxKnown = 8192

// knowledge is what one receiver was told of one alert.
type knowledge struct {
	alert string
	// told is the revision that the receiver was told last, or will never
	// take; nil if it is not known.
	told *event.Alert
	// attempts counts those since told. It is right if the record came here
	// first: then counted is true.
	attempts int
	counted  bool
	retry    *backoff.ExponentialBackOff // nil before the first failure
	owed     *attempt                    // made, and not recorded yet
}

// toldRevision is 0 if it is not known.
func (k *knowledge) toldRevision() int {
	if k.told == nil {
		return 0
	}
	return k.told.Revision
}

// isNews says whether a receiver that was told one revision has to be told
// another: always if the state is another one, and for more of the same only
// once their number has doubled (1, then 2, 4, 8 …, or 5, 10, 20 … if the
// first message carried 5), so that a loop of ten thousand makes fourteen
// messages.
//
// A revision does not say what the state was before it, so this cannot be
// decided from revisions alone; hence the memory. It is only a memory: where
// it is empty, after a restart, the receiver is told again rather than not at
// all.
func isNews(told *event.Alert, a event.Alert) bool {
	return told == nil || a.State != told.State || a.Occurrences >= 2*told.Occurrences
}

// known remembers the alerts that were looked at last.
type known struct {
	byAlert map[string]*list.Element
	recent  *list.List // of *knowledge, the last used in front
	limit   int
}

func newKnown(limit int) *known {
	return &known{byAlert: map[string]*list.Element{}, recent: list.New(), limit: limit}
}

func (s *known) of(alert string) *knowledge {
	if e, ok := s.byAlert[alert]; ok {
		s.recent.MoveToFront(e)
		return e.Value.(*knowledge)
	}
	k := &knowledge{alert: alert}
	s.byAlert[alert] = s.recent.PushFront(k)
	if s.recent.Len() > s.limit {
		oldest := s.recent.Back()
		delete(s.byAlert, s.recent.Remove(oldest).(*knowledge).alert)
	}
	return k
}
