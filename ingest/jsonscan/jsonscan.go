// Package jsonscan finds values in JSON documents and replaces them, without
// decoding what lies between: every other byte stays as it was received.
//
// It looks at structure alone; whether a document is valid JSON is for the
// caller to ask of [Valid] first. On a document that is not, the
// functions find less, and never fail or read beyond it.
package jsonscan

import (
	"bytes"
	"encoding/json"
	"time"
	"unicode/utf8"
)

// Members calls f for each member of the object raw, with its key decoded and
// its value as it is written, until f returns false. It does nothing if raw is
// no object.
func Members(raw []byte, f func(key string, value []byte) bool) {
	members(raw, func(key string, start, end int) bool { return f(key, raw[start:end]) })
}

// Fields is Members, for who looks at many documents: the key is valid only until
// f returns, and costs nothing.
func Fields(raw []byte, f func(key, value []byte) bool) {
	fields(raw, func(key []byte, start, end int) bool { return f(key, raw[start:end]) })
}

func members(raw []byte, f func(key string, start, end int) bool) {
	fields(raw, func(key []byte, start, end int) bool { return f(string(key), start, end) })
}

func fields(raw []byte, f func(key []byte, start, end int) bool) {
	at := space(raw, 0)
	if at >= len(raw) || raw[at] != '{' {
		return
	}
	at = space(raw, at+1)
	for at < len(raw) && raw[at] == '"' {
		keyEnd := skip(raw, at)
		key := textBytes(raw[at:keyEnd])
		at = space(raw, keyEnd)
		if at >= len(raw) || raw[at] != ':' {
			return
		}
		start := space(raw, at+1)
		end := skip(raw, start)
		if end == start || !f(key, start, end) {
			return
		}
		at = space(raw, end)
		if at < len(raw) && raw[at] == ',' {
			at = space(raw, at+1)
		}
	}
}

// Elements calls f for each element of the array raw, until f returns false.
// It does nothing if raw is no array.
func Elements(raw []byte, f func(value []byte) bool) {
	elements(raw, func(start, end int) bool { return f(raw[start:end]) })
}

func elements(raw []byte, f func(start, end int) bool) {
	at := space(raw, 0)
	if at >= len(raw) || raw[at] != '[' {
		return
	}
	at = space(raw, at+1)
	for at < len(raw) && raw[at] != ']' {
		end := skip(raw, at)
		if end == at || !f(at, end) {
			return
		}
		at = space(raw, end)
		if at < len(raw) && raw[at] == ',' {
			at = space(raw, at+1)
		}
	}
}

// Get returns the value at a path of keys, as it is written, or nil. Where a
// key stands twice, the last one counts, as it does for encoding/json.
func Get(raw []byte, path ...string) []byte {
	for _, key := range path {
		var found []byte
		Members(raw, func(k string, v []byte) bool {
			if k == key {
				found = v
			}
			return true
		})
		if raw = found; raw == nil {
			return nil
		}
	}
	return raw
}

// GetText returns the string at a path, or the number as it is written, or "".
func GetText(raw []byte, path ...string) string { return Text(Get(raw, path...)) }

// GetTime returns the RFC 3339 time at a path in UTC and to the microsecond, as
// events have it, or the zero time if none can be read there.
func GetTime(raw []byte, path ...string) time.Time {
	t, err := time.Parse(time.RFC3339, GetText(raw, path...))
	if err != nil {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

// Text returns the content of a JSON string, or a number as it is written, or
// "" for anything else.
func Text(value []byte) string {
	if len(value) == 0 {
		return ""
	}
	switch c := value[0]; {
	case c == '"':
		if len(value) >= 2 && bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value) {
			return string(value[1 : len(value)-1])
		}
		var s string
		if json.Unmarshal(value, &s) != nil {
			return ""
		}
		return s
	case c == '-' || (c >= '0' && c <= '9'):
		return string(value)
	}
	return ""
}

// textBytes is Text of a string, and part of it if nothing is escaped.
func textBytes(value []byte) []byte {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' && bytes.IndexByte(value, '\\') < 0 && utf8.Valid(value) {
		return value[1 : len(value)-1]
	}
	return []byte(Text(value))
}

// ReplaceMembers returns raw with the values of some of its own members
// replaced: those for which replacement returns a value and not nil. If there
// are none, raw itself is returned.
func ReplaceMembers(raw []byte, replacement func(key string, value []byte) []byte) []byte {
	var out []byte
	done := 0
	members(raw, func(key string, start, end int) bool {
		if v := replacement(key, raw[start:end]); v != nil {
			out = append(append(out, raw[done:start]...), v...)
			done = end
		}
		return true
	})
	if done == 0 {
		return raw
	}
	return append(out, raw[done:]...)
}

// Replace returns raw with some members' values replaced, at any depth below
// objects and arrays. decide is called for each member with its path of keys
// (arrays add nothing to it) and its value, of which an object or array shows
// its bracket only: so every byte is looked at once, however deep it lies. It
// returns the new value, or nil to look inside. If nothing is replaced, raw
// itself is returned.
func Replace(raw []byte, decide func(path []string, value []byte) []byte) (out []byte, changed bool) {
	r := replacer{raw: raw, decide: decide}
	r.value(space(raw, 0))
	if !r.changed {
		return raw, false
	}
	return append(r.out, raw[r.done:]...), true
}

// ReplaceObjects returns raw with all objects replaced that have a member of their
// own for which has returns true: the smallest such, whatever they lie in. An
// object's or array's value is shown as [Replace] shows it. If there are none, raw
// itself is returned.
func ReplaceObjects(raw, with []byte, has func(key string, value []byte) bool) (out []byte, changed bool) {
	r := replacer{raw: raw, with: with}
	r.decide = func(path []string, value []byte) []byte {
		r.hit = r.hit || has(path[len(path)-1], value)
		return nil
	}
	r.value(space(raw, 0))
	if !r.changed {
		return raw, false
	}
	return append(r.out, raw[r.done:]...), true
}

// maxDepth is how deep encoding/json lets a valid document be.
const maxDepth = 10_000

type replacer struct {
	raw     []byte
	decide  func([]string, []byte) []byte
	path    []string
	depth   int
	out     []byte
	done    int // how much of raw is in out
	changed bool

	with []byte // instead of the object that was just hit
	hit  bool
}

// value looks through the value at at and returns where it ends: at the end of
// the document, if it is broken there.
func (r *replacer) value(at int) int {
	if at >= len(r.raw) || (r.raw[at] != '{' && r.raw[at] != '[') {
		return skip(r.raw, at)
	}
	if r.depth++; r.depth > maxDepth {
		return len(r.raw)
	}
	begin, outer, kept, done := at, r.hit, len(r.out), r.done
	r.hit = false
	defer func() { r.depth--; r.hit = outer }()
	isObject := r.raw[at] == '{'
	at = space(r.raw, at+1)
	for at < len(r.raw) && r.raw[at] != '}' && r.raw[at] != ']' {
		var end int
		if isObject {
			end = r.member(at)
		} else {
			end = r.value(at)
		}
		if end == at {
			return len(r.raw)
		}
		if at = space(r.raw, end); at < len(r.raw) && r.raw[at] == ',' {
			at = space(r.raw, at+1)
		}
	}
	end := min(at+1, len(r.raw))
	if r.hit { // and with it all that was replaced inside
		r.out = append(append(r.out[:kept], r.raw[done:begin]...), r.with...)
		r.done, r.changed = end, true
	}
	return end
}

// member looks at the member at at and returns where it ends.
func (r *replacer) member(at int) int {
	keyEnd := skip(r.raw, at)
	colon := space(r.raw, keyEnd)
	if r.raw[at] != '"' || colon >= len(r.raw) || r.raw[colon] != ':' {
		return len(r.raw)
	}
	start := space(r.raw, colon+1)
	if start >= len(r.raw) {
		return len(r.raw)
	}
	r.path = append(r.path, Text(r.raw[at:keyEnd]))
	defer func() { r.path = r.path[:len(r.path)-1] }()
	shown := r.raw[start : start+1]
	if shown[0] != '{' && shown[0] != '[' {
		shown = r.raw[start:skip(r.raw, start)]
	}
	v := r.decide(r.path, shown)
	if v == nil {
		return r.value(start)
	}
	end := skip(r.raw, start)
	r.out = append(append(r.out, r.raw[r.done:start]...), v...)
	r.done, r.changed = end, true
	return end
}

func space(b []byte, at int) int {
	for at < len(b) && (b[at] == ' ' || b[at] == '\t' || b[at] == '\n' || b[at] == '\r') {
		at++
	}
	return at
}

// skip returns where the value that begins at at ends.
func skip(b []byte, at int) int {
	depth := 0
	for i := at; i < len(b); i++ {
		switch b[i] {
		case '"':
			if i = endOfString(b, i); depth == 0 {
				return min(i+1, len(b))
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth < 0 {
				return i // it ends what is around the value
			}
			if depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\n', '\r', ':':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// endOfString returns the index of the quote that ends the string at at.
func endOfString(b []byte, at int) int {
	for i := at + 1; ; i += 2 {
		if i = quoteOrBackslash(b, min(i, len(b))); i >= len(b) || b[i] == '"' {
			return i
		}
	}
}
