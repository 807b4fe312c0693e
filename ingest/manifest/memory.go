package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"sidedoor/event"
)

// memory is what is remembered of the events of an hour, to tell repeats: eight
// bytes of each one's identity and eight of its content.
type memory struct {
	content map[uint64]uint64      // of the first event by identity
	others  map[[2]uint64]struct{} // identity and content of those that reused one
}

// novelty says what an event is to those before it.
type novelty int

const (
	fresh  novelty = iota
	again          // the same arrived before
	reused         // its ID arrived with other content, and this arrived never
)

// fingerprint shortens an event to what is remembered of it. One without an ID is
// identified by its content.
func fingerprint(e event.Event) (id, content uint64) {
	content = binary.BigEndian.Uint64(e.Original[:8])
	if e.ID == "" {
		return binary.BigEndian.Uint64(e.Original[8:16]), content
	}
	h := sha256.Sum256([]byte(e.ID + "\x00" + e.Kind))
	return binary.BigEndian.Uint64(h[:8]), content
}

// meet says what an event is to those that are remembered.
func (m *memory) meet(id, content uint64) novelty {
	was, known := m.content[id]
	if !known {
		return fresh
	}
	if was == content {
		return again
	}
	if _, known := m.others[[2]uint64{id, content}]; known {
		return again
	}
	return reused
}

// keep remembers an event that is new.
func (m *memory) keep(id, content uint64) {
	if _, known := m.content[id]; !known {
		if m.content == nil {
			m.content = map[uint64]uint64{}
		}
		m.content[id] = content
		return
	}
	if m.others == nil {
		m.others = map[[2]uint64]struct{}{}
	}
	m.others[[2]uint64{id, content}] = struct{}{}
}

func (m *memory) size() int { return len(m.content) + len(m.others) }

// perEvent is how many bytes the memory of an event takes.
const perEvent = 16

// append adds the memory to b, size times perEvent bytes.
func (m *memory) append(b []byte) []byte {
	for id, content := range m.content {
		b = binary.BigEndian.AppendUint64(b, id)
		b = binary.BigEndian.AppendUint64(b, content)
	}
	for o := range m.others {
		b = binary.BigEndian.AppendUint64(b, o[0])
		b = binary.BigEndian.AppendUint64(b, o[1])
	}
	return b
}

// parseMemory reads a memory of n first events and others that follow them.
func parseMemory(b []byte, n, others int) (m memory, rest []byte, err error) {
	if n < 0 || others < 0 || n > len(b)/perEvent || others > len(b)/perEvent-n {
		return m, nil, errors.New("what is remembered is cut off")
	}
	next := func() (id, content uint64) {
		id, content = binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		b = b[perEvent:]
		return id, content
	}
	m.content = make(map[uint64]uint64, n)
	for range n {
		id, content := next()
		m.content[id] = content
	}
	m.others = make(map[[2]uint64]struct{}, others)
	for range others {
		id, content := next()
		m.others[[2]uint64{id, content}] = struct{}{}
	}
	return m, b, nil
}
