package rules

import (
	"slices"

	"sidedoor/event"
	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// subject is the event that a rule matched.
type subject struct {
	scope  string
	event  event.Event
	fields *engine.Reader // of the event

	only *value // if one of a field's several values is meant
}

// value is one value of a field.
type value struct{ field, text string }

func newSubject(scope string, e event.Event, fields *engine.Reader) *subject {
	fields.Reset(e.Raw)
	return &subject{scope: scope, event: e, fields: fields}
}

// with returns the event as though the field had one value only.
func (e *subject) with(field, text string) *subject {
	one := *e
	one.only = &value{field, text}
	return &one
}

// narrowed returns the fields to try: if one of them is the field of which one
// value is meant, no other may stand in for it.
func (e *subject) narrowed(fields []string) []string {
	if e.only != nil && slices.Contains(fields, e.only.field) {
		return []string{e.only.field}
	}
	return fields
}

// values returns the values of a field.
func (e *subject) values(path string) []string {
	switch {
	case e.only != nil && e.only.field == path:
		return []string{e.only.text}
	case path == "scope":
		return []string{e.scope}
	case path == sigma.KindField:
		return []string{e.event.Kind}
	}
	values, _ := e.fields.Values(path)
	return values
}

// several returns the different values, but for empty ones, of the first of the
// fields that has any.
func (e *subject) several(fields []string) (field string, values []string) {
	for _, f := range e.narrowed(fields) {
		seen := map[string]bool{"": true}
		for _, v := range e.values(f) {
			if !seen[v] {
				seen[v], values = true, append(values, v)
			}
		}
		if len(values) > 0 {
			return f, values
		}
	}
	return "", nil
}

// field returns the first value that is not empty.
func (e *subject) field(path string) (string, bool) {
	for _, v := range e.values(path) {
		if v != "" {
			return v, true
		}
	}
	return "", false
}

// mentions says whether the event has a field of the template, be it empty.
func (e *subject) mentions(t Template) bool {
	for _, p := range t.parts {
		for _, f := range p.fields {
			if _, ok := e.fields.Values(f); ok {
				return true
			}
		}
	}
	return false
}
