package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"sidedoor/rules/sigma"
)

// An event as encoding/json reads it, token by token, so that a key that
// stands twice is there twice: object, []any, string, json.Number, bool, nil.
type (
	object struct {
		raw     string
		members []member
	}
	member struct {
		key   string
		value any
	}
)

// decode reads one JSON object.
func decode(raw []byte) (object, error) {
	if !json.Valid(raw) {
		return object{}, fmt.Errorf("no JSON")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	o, ok := decodeValue(d, raw).(object)
	if !ok {
		return object{}, fmt.Errorf("no object")
	}
	return o, nil
}

// decodeValue reads one value of valid JSON.
func decodeValue(d *json.Decoder, raw []byte) any {
	tok, _ := d.Token()
	switch tok {
	case json.Delim('{'):
		o, start := object{}, d.InputOffset()-1
		for d.More() {
			key, _ := d.Token()
			o.members = append(o.members, member{key.(string), decodeValue(d, raw)})
		}
		d.Token()
		o.raw = string(raw[start:d.InputOffset()])
		return o
	case json.Delim('['):
		list := []any{}
		for d.More() {
			list = append(list, decodeValue(d, raw))
		}
		d.Token()
		return list
	}
	return tok
}

// valuesAt returns what is at a dotted path: of an array its members, or the
// array itself if it has none.
func valuesAt(v any, path string) []any {
	o, ok := v.(object)
	if !ok {
		return nil
	}
	var found []any
	for _, m := range o.members {
		if m.key == path {
			found = append(found, flat(m.value)...)
		}
		if rest, ok := strings.CutPrefix(path, m.key+"."); ok {
			for _, below := range flat(m.value) {
				found = append(found, valuesAt(below, rest)...)
			}
		}
	}
	return found
}

func flat(v any) []any {
	list, ok := v.([]any)
	if !ok || len(list) == 0 {
		return []any{v}
	}
	var members []any
	for _, m := range list {
		members = append(members, flat(m)...)
	}
	return members
}

// stringsIn returns every text of an event, but for its keys.
func stringsIn(v any) []any {
	var all []any
	switch v := v.(type) {
	case string:
		all = append(all, v)
	case []any:
		for _, m := range v {
			all = append(all, stringsIn(m)...)
		}
	case object:
		for _, m := range v.members {
			all = append(all, stringsIn(m.value)...)
		}
	}
	return all
}

// textOf returns a value's text; null and arrays have none.
func textOf(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	case object:
		return v.raw, true
	}
	return "", false
}

// view is an event as a rule sees it.
type view struct {
	event object
	kind  string
	// whole is the event with every member, of which the keywords are; the
	// event, if it is not set.
	whole object
}

func (v view) texts() []any {
	if v.whole.raw != "" {
		return stringsIn(v.whole)
	}
	return stringsIn(v.event)
}

func (v view) at(path string) []any {
	if path != sigma.KindField {
		return valuesAt(v.event, path)
	}
	if v.kind == "" {
		return nil
	}
	return []any{v.kind}
}

// readings returns the events that readers may take one for in which a key
// stands twice: with all its members, the first ones, the last ones.
func readings(o object) []object {
	return []object{o, single(o, false).(object), single(o, true).(object)}
}

func single(v any, last bool) any {
	switch v := v.(type) {
	case []any:
		list := []any{}
		for _, m := range v {
			list = append(list, single(m, last))
		}
		return list
	case object:
		out := object{raw: v.raw}
		for _, m := range v.members {
			m.value = single(m.value, last)
			i := slices.IndexFunc(out.members, func(o member) bool { return o.key == m.key })
			switch {
			case i < 0:
				out.members = append(out.members, m)
			case last:
				out.members[i] = m
			}
		}
		return out
	}
	return v
}
