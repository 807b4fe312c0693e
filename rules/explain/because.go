package explain

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"sidedoor/rules/sigma"
)

// because puts into one sentence why the rule came out as it did.
func because(x *Explanation, rule, event sigma.LogSource) string {
	switch {
	case !x.Fits:
		return fmt.Sprintf("does not match: the rule is for %s events, and this is one of %s", rule, event)
	case x.Matches:
		for _, c := range x.Conditions {
			if c.Holds {
				return "matches: " + c.why()
			}
		}
	}
	var reasons []string
	if !slices.ContainsFunc(x.Conditions, didHold) {
		for _, c := range x.Conditions {
			reasons = append(reasons, c.why())
		}
	}
	for _, f := range x.Filters {
		if !f.Holds {
			reasons = append(reasons, f.suppresses())
		}
	}
	return "does not match: " + list(reasons, "; and ")
}

// suppresses says why a filter keeps the event back.
func (s *Step) suppresses() string {
	name, _, _ := strings.Cut(strings.TrimPrefix(s.Text, "not "), ": ")
	return fmt.Sprintf("%s suppresses it (%s)", name, s.Parts[0].fact())
}

// Bounds on what a sentence names; the tree has all of it.
const (
	maxNamed = 4
	maxQuote = 80 // characters
)

// list joins what a sentence names.
func list(names []string, with string) string {
	if more := len(names) - maxNamed; more > 0 {
		names = append(names[:maxNamed:maxNamed], fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, with)
}

// why says what made the step hold, or what it lacks.
func (s *Step) why() string {
	switch s.Kind {
	case sigma.OutlineNot:
		return s.notWhy()
	case sigma.OutlineSelection:
		if s.Holds {
			return s.Text
		}
		return s.Text + " needs " + s.Parts[0].lack()
	case sigma.OutlineField, sigma.OutlineValue:
		if !s.Holds {
			return s.lack()
		}
		return s.fact()
	}
	return s.joined((*Step).why)
}

// joined says the same of those parts that decided.
func (s *Step) joined(say func(*Step) string) string {
	var out []string
	for _, p := range s.Parts {
		if p.Holds == s.Holds {
			out = append(out, say(p))
			if s.Holds && s.Kind == sigma.OutlineAny {
				break // one is enough
			}
		}
	}
	if len(out) == 0 {
		return s.Text + " is empty"
	}
	return list(out, ", and ")
}

// notWhy says of a negation what kept it, or what broke it. Of alternatives
// none held, or the first that did is the one to name.
func (s *Step) notWhy() string {
	of := s.Parts[0]
	switch {
	case of.Kind == sigma.OutlineAny && s.Holds:
		var names []string
		for _, p := range of.Parts {
			names = append(names, p.name())
		}
		if len(names) > 1 {
			return "none of " + list(names, ", ")
		}
	case of.Kind == sigma.OutlineAny:
		if i := slices.IndexFunc(of.Parts, func(p *Step) bool { return p.Holds }); i >= 0 {
			of = of.Parts[i]
		}
	}
	if s.Holds {
		return fmt.Sprintf("not %s (%s)", of.name(), of.fact())
	}
	return fmt.Sprintf("%s holds (%s)", of.name(), of.fact())
}

// name is how a sentence calls a part of a condition.
func (s *Step) name() string {
	if s.bracketed {
		return "(" + s.Text + ")"
	}
	return s.Text
}

// fact says what the event has that decided about the step.
func (s *Step) fact() string {
	switch s.Kind {
	case sigma.OutlineNot:
		return s.notWhy()
	case sigma.OutlineField:
		if s.Path == "" {
			return s.keywords()
		}
		return s.Path + " is " + s.saw()
	case sigma.OutlineSelection:
		return s.Parts[0].fact()
	}
	return s.joined((*Step).fact)
}

func (s *Step) keywords() string {
	if s.Holds {
		return "a text of the event has " + s.wanted(didHold)
	}
	return "no text of the event has " + s.wanted(didNot)
}

// saw quotes what the event has at a field.
func (s *Step) saw() string {
	if len(s.Saw) == 0 {
		return "absent"
	}
	quoted := make([]string, len(s.Saw))
	for i, v := range s.Saw {
		quoted[i] = quote(v)
	}
	return list(quoted, ", ")
}

// quote makes visible where a value ends, and what a terminal would obey.
func quote(s string) string {
	if r := []rune(s); len(r) > maxQuote {
		s = string(r[:maxQuote]) + "…"
	}
	var b strings.Builder
	for _, r := range s {
		if unicode.IsGraphic(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return `"` + b.String() + `"`
}

// lack says what a step that does not hold needs, and what there is instead.
func (s *Step) lack() string {
	switch s.Kind {
	case sigma.OutlineField:
		if s.Path == "" {
			return "a text that has " + s.wanted(didNot)
		}
		return fmt.Sprintf("%s %s%s, and it is %s", s.Path, s.verb(), s.wanted(didNot), s.saw())
	case sigma.OutlineAny:
		return "any of these: " + s.joined((*Step).lack)
	}
	return s.joined((*Step).lack)
}

func didHold(s *Step) bool { return s.Holds }
func didNot(s *Step) bool  { return !s.Holds }

// wanted lists some values of a field.
func (s *Step) wanted(which func(value *Step) bool) string {
	var values []string
	for _, v := range s.Parts {
		if which(v) {
			values = append(values, quote(v.Text))
		}
	}
	if len(values) == 0 { // an empty list of the estate has no value that fails
		for _, v := range s.Parts {
			values = append(values, quote(v.Text))
		}
	}
	if len(values) == 1 {
		return values[0]
	}
	if s.modifier("all") {
		return "all of " + list(values, ", ")
	}
	return "one of " + list(values, ", ")
}

func (s *Step) modifier(name string) bool {
	_, modifiers, _ := strings.Cut(s.Text, "|")
	return slices.Contains(strings.Split(modifiers, "|"), name)
}

// verbs are what modifiers ask of a value, the telling ones first.
var verbs = []struct{ modifier, verb string }{
	{"exists", "to exist: "}, {"neq", "to be other than "}, {"re", "to match the expression "}, {"cidr", "to be an address in "},
	{"lt", "to be less than "}, {"lte", "to be at most "}, {"gt", "to be greater than "}, {"gte", "to be at least "},
	{"contains", "to contain "}, {"startswith", "to begin with "}, {"endswith", "to end with "},
	{"fieldref", "to be the same as the field "}, {"expand", "to be in the list "},
}

// plain are the modifiers that a sentence does not need to tell.
var plain = []string{"all", "cased", "i", "m", "s"}

// verb is what the field's modifiers ask of its value.
func (s *Step) verb() string {
	_, modifiers, _ := strings.Cut(s.Text, "|")
	words := slices.DeleteFunc(strings.Split(modifiers, "|"), func(m string) bool { return m == "" || slices.Contains(plain, m) })
	for _, v := range verbs {
		if len(words) == 1 && words[0] == v.modifier {
			return v.verb
		}
	}
	if len(words) == 0 {
		return "to be "
	}
	return "to satisfy |" + strings.Join(words, "|") + " "
}
