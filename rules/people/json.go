package people

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// values calls f for each JSON value of the export: people put the pages of a
// listing one after the other.
func (r *reading) values(f func(json.RawMessage)) {
	d := json.NewDecoder(bytes.NewReader(r.src))
	empty := true
	for {
		var v json.RawMessage
		err := d.Decode(&v)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			r.notJSON(err, d.InputOffset())
			return
		}
		empty = false
		f(v)
	}
	if empty {
		r.fault("", "it is empty")
	}
}

func (r *reading) notJSON(err error, offset int64) {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = max(offset, s.Offset)
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		offset = int64(len(r.src))
	}
	before := r.src[:min(offset, int64(len(r.src)))]
	line := bytes.Count(before, []byte("\n")) + 1
	r.fault(fmt.Sprintf("line %d", line), "it is no JSON: %v", err)
}

// items returns the elements of a JSON array, or ok false if v is none.
func items(v json.RawMessage) (out []json.RawMessage, ok bool) {
	if v = bytes.TrimLeft(v, " \t\r\n"); len(v) == 0 || v[0] != '[' {
		return nil, false
	}
	return out, json.Unmarshal(v, &out) == nil
}

// problem says what is wrong with a record that is JSON.
func problem(err error) string {
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if t.Field == "" {
			return fmt.Sprintf("a %s stands where an object has to", t.Value)
		}
		return fmt.Sprintf("%s cannot be a %s", t.Field, t.Value)
	}
	return err.Error()
}
