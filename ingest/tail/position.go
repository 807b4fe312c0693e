package tail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"
)

// window is how many bytes at a file's beginning and before a place identify
// the place.
const window = 4 << 10

// Position is a place in a file, known by content.
//
//	{"offset":81234,"first":"9f2c…","last":"77ab…","modified":"2026-11-24T09:00:00.123Z"}
type Position struct {
	Offset int64 `json:"offset"` // in bytes of the content, unpacked
	// First and Last are SHA-256 digests of the first bytes of the file, and of
	// those before the offset, as many as there are up to 4096.
	First string `json:"first,omitempty"`
	Last  string `json:"last,omitempty"`
	// Modified is when the file had changed last: what was rotated after it was
	// lost sight of is newer.
	Modified time.Time `json:"modified,omitzero"`
}

func (p *Position) parse(b []byte) error { return json.Unmarshal(b, p) }

func (p Position) bytes() []byte {
	b, _ := json.Marshal(p) // nothing in it can fail
	return b
}

// marks are the bytes by which a place is known.
type marks struct{ first, last []byte }

// add says that b was read next.
func (m *marks) add(b []byte) {
	if missing := window - len(m.first); missing > 0 {
		m.first = append(m.first, b[:min(missing, len(b))]...)
	}
	if len(b) >= window {
		m.last = append(m.last[:0], b[len(b)-window:]...)
		return
	}
	if over := len(m.last) + len(b) - window; over > 0 {
		m.last = append(m.last[:0], m.last[over:]...)
	}
	m.last = append(m.last, b...)
}

func (m *marks) clone() marks { return marks{bytes.Clone(m.first), bytes.Clone(m.last)} }

func (m *marks) digests() (first, last string) { return digest(m.first), digest(m.last) }

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
