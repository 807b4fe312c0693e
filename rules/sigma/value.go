package sigma

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// kind is the JSON type of a value.
type kind uint8

const (
	kindNull kind = iota
	kindString
	kindNumber
	kindBool
	kindObject
	kindArray
)

// found is a value of an event: a reference into its bytes.
type found struct {
	kind kind
	// text is a string's content unescaped, anything else as it is written.
	text   []byte
	folded []byte // lower case, once it was asked for
}

// lower returns the text in lower case. It allocates only for text that is
// not in lower case yet.
func (v *found) lower() []byte {
	if v.folded == nil {
		v.folded = lower(v.text)
	}
	return v.folded
}

// quoted is what stands between a string's quotes.
type quoted struct {
	body    []byte
	escaped bool // it holds a backslash
}

// text returns the string's content. Plain text is returned as it is; escapes
// and invalid UTF-8 are decoded as encoding/json does, so that nobody can
// write a value that people read and rules do not.
func (q quoted) text() []byte {
	if !q.escaped && utf8.Valid(q.body) {
		return q.body
	}
	whole := make([]byte, 0, len(q.body)+2)
	whole = append(append(append(whole, '"'), q.body...), '"')
	var out string
	if err := json.Unmarshal(whole, &out); err != nil {
		return q.body
	}
	return []byte(out)
}

// lower folds to lower case as strings.ToLower does.
func lower(b []byte) []byte {
	for _, c := range b {
		if (c >= 'A' && c <= 'Z') || c >= utf8.RuneSelf {
			return bytes.ToLower(b)
		}
	}
	if b == nil {
		return []byte{}
	}
	return b
}
