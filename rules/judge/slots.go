package judge

import (
	"encoding/hex"
	"fmt"

	"sidedoor/event"
)

// slot is what is held of an entry but its text: where that is, what the entry is
// called, and its neighbours. It takes a line of the processor's cache, which of a
// million slots none is in when it is asked for.
type slot struct {
	spot
	token token
	links [rows]link
	_     [4]byte
}

// The rings of a shelf's entries.
const (
	arrival    = iota // all
	scopes            // of what an approval covers, or of what a fact is
	persons           // of who may act
	references        // of what a source calls an approval
	rows
)

// row gives each number its link in one of these rings.
type row struct {
	slots *pages[slot]
	of    int
}

func (r row) at(n int32) *link { return &r.slots.at(n).links[r.of] }

// token stands for an ID: half of its digest, which nobody can make equal to that
// of another.
type token [16]byte

func tokenOf(id string) (t token) {
	if len(id) == hex.EncodedLen(len(event.Digest{})) {
		if _, err := hex.Decode(t[:], []byte(id[:hex.EncodedLen(len(t))])); err == nil {
			return t
		}
	}
	d := event.DigestOf([]byte(id))
	copy(t[:], d[:])
	return t
}

// MarshalText implements [encoding.TextMarshaler].
func (t token) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, t[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (t *token) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(t)) {
		return fmt.Errorf("token %q: want %d hexadecimal digits", text, hex.EncodedLen(len(t)))
	}
	if _, err := hex.Decode(t[:], text); err != nil {
		return fmt.Errorf("token %q: %w", text, err)
	}
	return nil
}
