package monitor

import (
	"context"
	"time"

	"sidedoor/stream"
)

// SpaceNote is what a note says of the room for events.
type SpaceNote struct {
	// Refused is how many deliveries had to be sent away, so far or in all.
	Refused uint64 `json:"refused"`
	// Free is what the disk of the data folder has, in bytes.
	Free  int64     `json:"free,omitempty"`
	Since time.Time `json:"since,omitzero"` // of the end of it: when it began
}

// full tells that events are refused because there is no room for them, once, and
// of the end of that.
func (m *Monitor) full(ctx context.Context) error {
	if m.Space == nil {
		return nil
	}
	space := m.Space()
	refused := space.Refused - min(m.refused, space.Refused)
	// It may have been full and be no longer.
	began := m.memory.Full == nil && (space.Full != "" || refused > 0)
	ended := m.memory.Full != nil && space.Full == "" && refused == 0
	m.refused = space.Refused
	if !began && !ended {
		return nil
	}
	now := m.Now().UTC()
	n := Note{Time: now, Kind: StreamFull, SpaceNote: spaceNote(space), Why: space.Full}
	if began {
		m.memory.Full = &now
	} else {
		n.Kind, n.Since = StreamHasRoom, *m.memory.Full
		m.memory.Full = nil
	}
	n.ID = identity(n.Kind, now.String())
	return m.tell(ctx, n)
}

func spaceNote(s stream.Space) *SpaceNote { return &SpaceNote{Refused: s.Refused, Free: s.Free} }
