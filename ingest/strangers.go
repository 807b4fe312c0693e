package ingest

import (
	"container/list"
	"context"
	"sync"
)

// strangers are the deliveries of which is not known yet who sends them, and the
// memory that they may have together.
type strangers struct {
	size int64

	mu     sync.Mutex
	used   int64
	inside *list.List    // *stranger, the longest there first
	freed  chan struct{} // closed when memory was given back
}

type stranger struct {
	cut  func()
	away chan struct{} // closed when it was cut
	sent bool          // likewise
	held int64
	at   *list.Element
}

func (s *strangers) enter(cut func()) *stranger {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := &stranger{cut: cut, away: make(chan struct{})}
	one.at = s.inside.PushBack(one)
	return one
}

// grow has one of them hold so many bytes. If there are not so many, the ones who
// have been there for the longest have to go, one after the other.
func (s *strangers) grow(ctx context.Context, one *stranger, want int64) error {
	want = min(want, s.size)
	if taken, _ := s.take(one, want); taken {
		return nil
	}
	patience, cancel := context.WithTimeout(ctx, gateWait)
	defer cancel()
	for {
		taken, freed := s.take(one, want)
		if taken {
			return nil
		}
		select {
		case <-freed:
		case <-one.away:
			return errBusy
		case <-patience.Done():
			return errBusy
		}
	}
}

// take takes what is lacking to want. If it is not there, somebody is sent away,
// and freed says when to look again.
func (s *strangers) take(one *stranger, want int64) (taken bool, freed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	more := want - one.held
	if more <= 0 {
		return true, nil
	}
	if s.used+more <= s.size {
		s.used += more
		one.held += more
		return true, nil
	}
	for e := s.inside.Front(); e != nil; e = e.Next() {
		if other, ok := e.Value.(*stranger); ok && other != one && !other.sent && other.held > 0 {
			other.sent = true
			close(other.away)
			other.cut()
			break
		}
	}
	return false, s.freed
}

func (s *strangers) leave(one *stranger) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inside.Remove(one.at)
	s.used -= one.held
	one.held = 0
	close(s.freed)
	s.freed = make(chan struct{})
}
