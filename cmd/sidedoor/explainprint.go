package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sidedoor/rules"
	"sidedoor/rules/explain"
	"sidedoor/rules/sigma"
)

// treePrinter prints explanations for people.
type treePrinter struct {
	w     io.Writer
	rule  *rules.Rule
	lists sigma.Lists
	seen  map[*explain.Step]bool // selections of the event at hand, which stand in several places
}

func (p *treePrinter) head() {
	fmt.Fprintf(p.w, "%s: %s\n%s:%d\n", printable(p.rule.Name), printable(p.rule.Title), p.rule.File, p.rule.Line)
}

func (p *treePrinter) event(x *explained) error {
	p.seen = map[*explain.Step]bool{}
	fmt.Fprintf(p.w, "\n%s record %d, %s %s\n", printable(x.File), x.Index, x.LogSource, when(x.Time))
	fit := "log source " + p.rule.LogSource.String()
	if !x.Fits {
		fit += ": the event is of " + x.LogSource
	}
	p.line(&explain.Step{Holds: x.Fits}, 0, fit)
	for _, c := range x.Conditions {
		p.line(&explain.Step{Holds: c.Holds}, 0, "condition: "+c.Text)
		if c.Kind == sigma.OutlineSelection {
			p.step(c, 1)
		} else {
			p.parts(c, 1)
		}
	}
	for _, f := range x.Filters { // whose lines are those of other files
		p.line(f, 0, f.Text)
		p.parts(f, 1)
	}
	fmt.Fprintf(p.w, "%s %s\n", printable(p.rule.Name), printable(x.Because))
	p.meaning(x)
	return nil
}

// line prints one part of the rule: its line in the file, whether it held, and
// what it says.
func (p *treePrinter) line(s *explain.Step, depth int, text string) {
	margin := ""
	if s.Line > 0 {
		margin = strconv.Itoa(s.Line)
	}
	mark := "✗"
	if s.Holds {
		mark = "✓"
	}
	fmt.Fprintf(p.w, "%5s %s%s %s\n", margin, strings.Repeat("  ", depth), mark, printable(strings.TrimRight(text, " ")))
}

func (p *treePrinter) parts(s *explain.Step, depth int) {
	for _, part := range s.Parts {
		p.step(part, depth)
	}
}

func (p *treePrinter) step(s *explain.Step, depth int) {
	switch s.Kind {
	case sigma.OutlineField:
		p.field(s, depth)
		return
	case sigma.OutlineSelection:
		p.selection(s, depth)
		return
	case sigma.OutlineAll, sigma.OutlineAny:
		text, at := s.Text, *s
		if s.Line > 0 {
			text += " these" // parts of a selection, not of a condition
			at.Line = 0      // which is the first part's
		}
		p.line(&at, depth, text)
	default:
		p.line(s, depth, s.Text)
	}
	p.parts(s, depth+1)
}

// selection prints a selection once for each event. That all of its fields
// have to hold goes without saying.
func (p *treePrinter) selection(s *explain.Step, depth int) {
	if p.seen[s] {
		p.line(s, depth, s.Text+" (as above)")
		return
	}
	p.seen[s] = true
	p.line(s, depth, s.Text)
	if body := s.Parts[0]; body.Kind == sigma.OutlineAll {
		p.parts(body, depth+1)
	} else {
		p.step(body, depth+1)
	}
}

// Bounds on what one line shows.
const (
	maxShown = 8   // values
	maxValue = 200 // characters of one in the event
)

// field prints a field with what it saw, and its values: of a list of which
// one suffices the one that did, if any.
func (p *treePrinter) field(s *explain.Step, depth int) {
	_, modifiers, _ := strings.Cut(s.Text, "|")
	each := slices.ContainsFunc(strings.Split(modifiers, "|"), func(m string) bool { return m == "all" || m == "neq" })
	all := each && len(s.Parts) > 1
	name := s.Text
	if s.Path == "" {
		name = "any text" + s.Text
	}
	wanted := "all of"
	if !all {
		wanted = p.wanted(s)
	}
	p.line(s, depth, name+": "+wanted+"   "+sawValues(s))
	if all {
		for _, v := range s.Parts {
			p.line(v, depth+1, p.value(v))
		}
	}
}

// wanted lists the values of a field of which one suffices.
func (p *treePrinter) wanted(s *explain.Step) string {
	var values []string
	for _, v := range s.Parts {
		if !s.Holds || v.Holds {
			values = append(values, p.value(v))
		}
	}
	text := fewOf(values)
	if n := len(s.Parts); s.Holds && n > 1 && len(values) < n {
		text += fmt.Sprintf(" (of %d)", n)
	}
	return text
}

// value is a value as the rule writes it, with the entries of the list that it
// names.
func (p *treePrinter) value(v *explain.Step) string {
	text := v.Text
	if text == "" || strings.TrimSpace(text) != text {
		text = `"` + text + `"`
	}
	name, isList := strings.CutPrefix(text, "%")
	if name, closed := strings.CutSuffix(name, "%"); isList && closed {
		if entries, known := p.lists[name]; known {
			text += " (" + fewOf(entries) + ")"
		}
	}
	return text
}

// fewOf lists as many of the texts as a line shows.
func fewOf(texts []string) string {
	out := strings.Join(texts[:min(len(texts), maxShown)], ", ")
	if more := len(texts) - maxShown; more > 0 {
		out += fmt.Sprintf(", and %d more", more)
	}
	return out
}

func sawValues(s *explain.Step) string {
	switch {
	case s.Path == "":
		return ""
	case len(s.Saw) == 0:
		return "← absent"
	}
	quoted := make([]string, len(s.Saw))
	for i, v := range s.Saw {
		quoted[i] = `"` + cut(v, maxValue) + `"`
	}
	return "← " + fewOf(quoted)
}
