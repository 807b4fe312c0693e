package sigma

import (
	"cmp"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// Outline is a rule's detection as its author wrote it: conditions over named
// selections, selections over fields, fields over values. It is for people;
// an engine needs [Rule.Detection] alone.
type Outline struct {
	Kind OutlineKind
	// Text is a condition or a part of one, a selection's name, a field's key
	// with its modifiers, or a value.
	Text string
	Line int    // in the rule's file; 0 for a part of a condition
	Path string // of a field: dotted; empty for keywords
	// Asks, of a field or value, is a rule that asks for this part alone: what
	// an engine makes of it, it makes of this part.
	Asks  *Rule
	Parts []*Outline
	// Joined says that and or or joins the parts; 1 of and all of do not.
	Joined bool
}

// OutlineKind says how the parts of an [Outline] make up the whole.
type OutlineKind string

// The kinds of outline.
const (
	OutlineAll       OutlineKind = "all" // holds if all parts do
	OutlineAny       OutlineKind = "any" // holds if any part does
	OutlineNot       OutlineKind = "not" // holds if its only part does not
	OutlineSelection OutlineKind = "selection"
	OutlineField     OutlineKind = "field" // its parts are values
	OutlineValue     OutlineKind = "value"
)

// Outline returns one outline for each condition of the rule, any of which
// suffices, without its filters.
func (r *Rule) Outline() []*Outline {
	o := outliner{rule: r, source: r.LogSource, memo: map[string]*Outline{}}
	out := make([]*Outline, len(r.conditions))
	for i, c := range r.conditions {
		out[i] = o.condition(c)
	}
	return out
}

// FilterOutlines returns an outline for each of the rule's filters, all of
// which have to hold: what lets the event pass. Their lines are those of the
// filters' files.
func (r *Rule) FilterOutlines() []*Outline {
	out := make([]*Outline, len(r.Filters))
	for i, f := range r.Filters {
		o := outliner{rule: f.body, source: r.LogSource, memo: map[string]*Outline{}}
		of := o.condition(f.body.conditions[0])
		text := "filter " + cmp.Or(f.Name, f.ID, f.Title)
		if f.inverted { // it says itself what may pass
			out[i] = &Outline{Kind: OutlineAll, Text: text + ": " + of.Text, Parts: []*Outline{of}}
		} else {
			out[i] = &Outline{Kind: OutlineNot, Text: "not " + text + ": " + of.Text, Parts: []*Outline{of}}
		}
	}
	return out
}

// outliner makes outlines; a selection that stands in several places has one.
type outliner struct {
	rule   *Rule
	source LogSource // of the rule that asks
	memo   map[string]*Outline
}

func (o *outliner) condition(c condition) *Outline {
	switch c := c.(type) {
	case allOf:
		return o.joined(OutlineAll, "and", c)
	case anyOf:
		return o.joined(OutlineAny, "or", c)
	case negate:
		of := o.condition(c.of)
		return &Outline{Kind: OutlineNot, Text: "not " + bracketed(of), Parts: []*Outline{of}}
	case named:
		return o.named(c.name.text)
	case some:
		return o.pattern(OutlineAny, "1 of ", c.pattern.text)
	case every:
		return o.pattern(OutlineAll, "all of ", c.pattern.text)
	}
	return &Outline{Kind: OutlineAny}
}

func (o *outliner) joined(kind OutlineKind, word string, parts []condition) *Outline {
	out := &Outline{Kind: kind, Joined: true}
	texts := make([]string, len(parts))
	for i, c := range parts {
		out.Parts = append(out.Parts, o.condition(c))
		texts[i] = bracketed(out.Parts[i])
	}
	out.Text = strings.Join(texts, " "+word+" ")
	return out
}

// bracketed writes a part of a condition inside another one.
func bracketed(o *Outline) string {
	if o.Joined {
		return "(" + o.Text + ")"
	}
	return o.Text
}

func (o *outliner) pattern(kind OutlineKind, word, pattern string) *Outline {
	out := &Outline{Kind: kind, Text: word + pattern}
	for _, n := range o.rule.matching(pattern) {
		out.Parts = append(out.Parts, o.named(n))
	}
	return out
}

func (o *outliner) named(name string) *Outline {
	if out := o.memo[name]; out != nil {
		return out
	}
	out := &Outline{Kind: OutlineSelection, Text: name, Parts: []*Outline{o.selection(o.rule.selections[name])}}
	out.Line = firstLine(out.Parts[0])
	o.memo[name] = out
	return out
}

func (o *outliner) selection(s selection) *Outline {
	switch s := s.(type) {
	case fieldsAnd:
		return o.fields(OutlineAll, "all of", s)
	case listOr:
		return o.fields(OutlineAny, "any of", s)
	case field:
		return o.field(s)
	}
	return &Outline{Kind: OutlineAny}
}

func (o *outliner) fields(kind OutlineKind, text string, parts []selection) *Outline {
	if len(parts) == 1 {
		return o.selection(parts[0])
	}
	out := &Outline{Kind: kind, Text: text}
	for _, s := range parts {
		out.Parts = append(out.Parts, o.selection(s))
	}
	out.Line = firstLine(out)
	return out
}

func (o *outliner) field(f field) *Outline {
	out := &Outline{Kind: OutlineField, Text: f.path, Path: f.path, Line: o.line(f.node), Asks: o.asks(f)}
	if _, modifiers, ok := strings.Cut(keyOf(f.node), "|"); ok {
		out.Text += "|" + modifiers
	}
	for _, v := range f.values {
		one := f
		one.values = []value{v}
		text := v.text
		if v.null {
			text = "null"
		}
		out.Parts = append(out.Parts, &Outline{Kind: OutlineValue, Text: text, Line: o.line(v.node), Asks: o.asks(one)})
	}
	return out
}

// keyOf is the key that a field's node stands for, or "" for keywords in a
// list.
func keyOf(n ast.Node) string {
	if k, ok := n.(ast.MapKeyNode); ok {
		return keyText(k)
	}
	return ""
}

// asks returns a rule that asks for one field alone.
func (o *outliner) asks(f field) *Rule {
	const part = "part"
	return &Rule{
		Title: o.rule.Title, LogSource: o.source, Place: o.rule.Place, Document: o.rule.Document,
		selections: map[string]selection{part: f}, names: []string{part}, conditions: []condition{named{word{text: part}}},
	}
}

func (o *outliner) line(n ast.Node) int {
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return o.rule.Line
	}
	return n.GetToken().Position.Line
}

// firstLine is the line of the outline, or of its first part.
func firstLine(o *Outline) int {
	for o.Line == 0 && len(o.Parts) > 0 {
		o = o.Parts[0]
	}
	return o.Line
}
