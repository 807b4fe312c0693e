package rules

import (
	"fmt"
	"slices"
	"strings"

	"sidedoor/event"
	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// Template is a text with fields of an event in braces:
//
//	{scope}/{objectRef.namespace}/{objectRef.name}
//	{recipientAccountId|userIdentity.accountId}
//
// {scope} is the scope of the event's source. Of several fields, separated by
// '|', the first that the event has is taken.
type Template struct {
	source string
	parts  []part
}

// part is a literal text, or the fields to try.
type part struct {
	literal string
	fields  []string
}

// missing stands where an event lacks every field of a template's part.
const missing = "-"

// parseTemplate reads a template.
func parseTemplate(s string) (Template, error) {
	t := Template{source: s}
	for rest := s; rest != ""; {
		before, behind, found := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return t, fmt.Errorf("%q has a closing brace without an opening one", s)
		}
		if before != "" {
			t.parts = append(t.parts, part{literal: before})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(behind, "}")
		if !closed || name == "" || strings.Contains(name, "{") {
			return t, fmt.Errorf("%q has a brace that does not close around a field", s)
		}
		fields := strings.Split(name, "|")
		if slices.Contains(fields, "") {
			return t, fmt.Errorf("%q names an empty field", s)
		}
		t.parts = append(t.parts, part{fields: fields})
		rest = after
	}
	return t, nil
}

// parseField reads what may be a field's path or a template.
func parseField(s string) (Template, error) {
	if strings.ContainsAny(s, "{}") {
		return parseTemplate(s)
	}
	t, err := parseTemplate("{" + s + "}")
	t.source = s
	return t, err
}

// render fills the template from an event. complete is false if a field was
// missing; it is then written as "-".
func (t Template) render(e *subject) (s string, complete bool) {
	var b strings.Builder
	complete = true
	for _, p := range t.parts {
		if p.fields == nil {
			b.WriteString(p.literal)
			continue
		}
		v, ok := e.first(p.fields)
		if !ok {
			v, complete = missing, false
		}
		b.WriteString(v)
	}
	return b.String(), complete
}

// subject is the event that a rule matched.
type subject struct {
	scope  string
	event  event.Event
	fields *engine.Reader // of the event
}

func newSubject(scope string, e event.Event, fields *engine.Reader) *subject {
	fields.Reset(e.Raw)
	return &subject{scope, e, fields}
}

func (e *subject) first(fields []string) (string, bool) {
	for _, f := range fields {
		if v, ok := e.field(f); ok {
			return v, true
		}
	}
	return "", false
}

// field returns the first value that is not empty.
func (e *subject) field(path string) (string, bool) {
	switch path {
	case "scope":
		return e.scope, e.scope != ""
	case sigma.KindField:
		return e.event.Kind, e.event.Kind != ""
	}
	values, _ := e.fields.Values(path)
	for _, v := range values {
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
