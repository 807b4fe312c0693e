package rules

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Template is a text with fields of an event in braces:
//
//	{scope}/{objectRef.namespace}/{objectRef.name}
//	{recipientAccountId|userIdentity.accountId}
//	{pull_request.title ~ ([A-Z]+-[0-9]+)}
//
// {scope} is the scope of the event's source. Of several fields, separated by
// '|', the first that the event has is taken. Behind a '~' stands a regular
// expression: what its first group finds in the field, or the whole of it if it
// has no group; a field in which it finds nothing is missing.
type Template struct {
	source string
	parts  []part
}

// part is a literal text, or the fields to try.
type part struct {
	literal string
	fields  []string
	find    *regexp.Regexp // in the fields' values; nil: all of the value
}

// missing stands where an event lacks every field of a template's part.
const missing = "-"

// parseTemplate reads a template.
func parseTemplate(s string) (Template, error) {
	t := Template{source: s}
	for rest := s; rest != ""; {
		before, behind, found := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return t, fmt.Errorf("%q has a closing brace without an opening one%s", s, bracesOf(s))
		}
		if before != "" {
			t.parts = append(t.parts, part{literal: before})
		}
		if !found {
			break
		}
		name, after, closed := strings.Cut(behind, "}")
		if !closed || name == "" || strings.Contains(name, "{") {
			return t, fmt.Errorf("%q has a brace that does not close around a field%s", s, bracesOf(s))
		}
		p, err := parsePart(name)
		if err != nil {
			return t, fmt.Errorf("%q %w", s, err)
		}
		t.parts = append(t.parts, p)
		rest = after
	}
	return t, nil
}

// bracesOf reminds of what nobody expects of a regular expression.
func bracesOf(s string) string {
	if strings.Contains(s, "~") {
		return "; a regular expression in a template has no braces, so write [0-9][0-9] for [0-9]{2}"
	}
	return ""
}

// parsePart reads what stands between the braces.
func parsePart(s string) (part, error) {
	names, expr, searches := strings.Cut(s, " ~ ")
	p := part{fields: strings.Split(names, "|")}
	switch {
	case strings.Contains(names, "~"):
		return part{}, errors.New("has a ~ without spaces around it; write {field ~ expression}")
	case slices.ContainsFunc(p.fields, func(f string) bool { return strings.TrimSpace(f) == "" }):
		return part{}, errors.New("names an empty field")
	case !searches:
		return p, nil
	case strings.TrimSpace(expr) == "":
		return part{}, errors.New("has no expression behind the ~")
	}
	var err error
	if p.find, err = regexp.Compile(expr); err != nil {
		return part{}, fmt.Errorf("has an expression that is none: %w", err)
	}
	return p, nil
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
		v, ok := p.of(e)
		if !ok {
			v, complete = missing, false
		}
		b.WriteString(v)
	}
	return b.String(), complete
}

// of returns what the part stands for in an event.
func (p part) of(e *subject) (string, bool) {
	for _, f := range e.narrowed(p.fields) {
		for _, v := range e.values(f) {
			if v = p.found(v); v != "" {
				return v, true
			}
		}
	}
	return "", false
}

// found returns what the part looks for in a value.
func (p part) found(value string) string {
	if p.find == nil {
		return value
	}
	m := p.find.FindStringSubmatch(value)
	switch {
	case m == nil:
		return ""
	case len(m) > 1:
		return m[1]
	}
	return m[0]
}

// maxEach bounds what is made of the values of one field.
const maxEach = 100

// each returns the event once for each value of the template's first field that
// has several; more is true if there are too many of them. A value in which an
// expression finds nothing is not passed over: whoever asks for all of them
// must not be content with those that look right.
func (t Template) each(e *subject) (all []*subject, more bool) {
	for _, p := range t.parts {
		field, values := e.several(p.fields)
		if len(values) < 2 {
			continue
		}
		for _, v := range values[:min(len(values), maxEach)] {
			all = append(all, e.with(field, v))
		}
		return all, len(values) > maxEach
	}
	return []*subject{e}, false
}
