// Package explain says why a rule matches an event, or why it does not.
//
// It has no opinion of its own about fields and values: each is compiled as a
// rule that asks for it alone, and the engine decides about all of these, and
// about the whole rule, in one pass over the event. Explain only adds up what
// the engine says, as the rule's conditions do, and refuses to explain what
// would not come to the engine's own verdict.
package explain

import (
	"errors"
	"fmt"
	"slices"

	"sidedoor/rules/engine"
	"sidedoor/rules/sigma"
)

// Explainer explains the verdicts of one rule. It belongs to one goroutine.
type Explainer struct {
	rule     *sigma.Rule
	outlines []*sigma.Outline // any of which suffices
	filters  []*sigma.Outline // all of which have to hold
	matcher  *engine.Matcher
	asked    map[*sigma.Outline]int // index of the rule that asks for a part
	found    []int
}

// Explanation is why a rule matches one event, or why not.
type Explanation struct {
	Matches bool `json:"matches"`
	// Fits says that the event is of the rule's log source. If it is not, the
	// rule does not match, whatever its conditions come to.
	Fits bool `json:"fits"`
	// Conditions are any of which suffices; then all of Filters, which others
	// laid over the rule, have to hold.
	Conditions []*Step `json:"conditions,omitempty"`
	Filters    []*Step `json:"filters,omitempty"`
	// Twice is a key that stands more than once in an object of the event. The
	// engine matches such an event in every reading of it, so that a rule may
	// match that no single reading explains.
	Twice   string `json:"twice,omitempty"`
	Because string `json:"because"`
}

// Step is one part of a rule and what the event made of it.
//
//	{"kind":"field","text":"verb","line":9,"path":"verb","holds":true,"saw":["patch"],"parts":[…]}
type Step struct {
	Kind  sigma.OutlineKind `json:"kind"`
	Text  string            `json:"text"`
	Line  int               `json:"line,omitempty"`
	Path  string            `json:"path,omitempty"`
	Holds bool              `json:"holds"`
	Saw   []string          `json:"saw,omitempty"` // of a field: its values in the event
	Parts []*Step           `json:"parts,omitempty"`

	bracketed bool // and or or joins its parts
}

// New prepares to explain a rule. lists are the estate's.
func New(rule *sigma.Rule, lists sigma.Lists) (*Explainer, sigma.Faults) {
	x := &Explainer{rule: rule, outlines: rule.Outline(), filters: rule.FilterOutlines(), asked: map[*sigma.Outline]int{}}
	all := []*sigma.Rule{rule}
	var gather func(o *sigma.Outline)
	gather = func(o *sigma.Outline) {
		if _, again := x.asked[o]; again {
			return
		}
		if o.Asks != nil {
			x.asked[o] = len(all)
			all = append(all, o.Asks)
		}
		for _, p := range o.Parts {
			gather(p)
		}
	}
	for _, o := range slices.Concat(x.outlines, x.filters) {
		gather(o)
	}
	program, faults := engine.Compile(all, lists)
	if faults.Err() != nil {
		return nil, faults.Unique()
	}
	x.matcher = program.NewMatcher()
	return x, nil
}

// Event explains what the rule makes of an event. src is the event's log
// source; kind is its [sigma.KindField], or empty. It fails if raw is not one
// valid JSON object.
func (x *Explainer) Event(src sigma.LogSource, kind string, raw []byte) (*Explanation, error) {
	out := &Explanation{Fits: x.rule.LogSource.Covers(src)}
	var err error
	// Asked as if the event fitted, so that the conditions are explained too
	// where it does not.
	x.found, err = x.matcher.Match(x.found[:0], x.rule.LogSource, kind, raw)
	if twice, ok := errors.AsType[*engine.DuplicateKeyError](err); ok {
		out.Twice = twice.Key
	} else if err != nil {
		return nil, err
	}
	subject := &subject{kind: kind, raw: raw, steps: map[*sigma.Outline]*Step{}}
	for _, o := range x.outlines {
		out.Conditions = append(out.Conditions, x.step(o, subject))
	}
	for _, o := range x.filters {
		out.Filters = append(out.Filters, x.step(o, subject))
	}
	holds := slices.Contains(x.found, 0)
	out.Matches = out.Fits && holds
	switch {
	case holds == out.addsUp():
		out.Because = because(out, x.rule.LogSource, src)
	case out.Twice == "":
		return nil, fmt.Errorf("the parts of rule %q come to %v, and the rule to %v: it cannot be explained", x.rule.Title, !holds, holds)
	case out.Matches:
		out.Because = fmt.Sprintf("matches: the event has the key %q twice, and in some reading of it the rule matches", out.Twice)
	default:
		out.Because = fmt.Sprintf("does not match: the event has the key %q twice, and in no reading of it the rule matches", out.Twice)
	}
	return out, nil
}

// addsUp is what the conditions and filters come to.
func (x *Explanation) addsUp() bool {
	return slices.ContainsFunc(x.Conditions, didHold) && !slices.ContainsFunc(x.Filters, didNot)
}

// subject is the event that is explained.
type subject struct {
	kind  string
	raw   []byte
	steps map[*sigma.Outline]*Step // of selections, which may stand in several places
}

func (x *Explainer) step(o *sigma.Outline, s *subject) *Step {
	if done := s.steps[o]; done != nil {
		return done
	}
	out := &Step{Kind: o.Kind, Text: o.Text, Line: o.Line, Path: o.Path, bracketed: o.Joined}
	s.steps[o] = out
	for _, p := range o.Parts {
		out.Parts = append(out.Parts, x.step(p, s))
	}
	switch o.Kind {
	case sigma.OutlineAll:
		out.Holds = !slices.ContainsFunc(out.Parts, didNot)
	case sigma.OutlineAny, sigma.OutlineSelection:
		out.Holds = slices.ContainsFunc(out.Parts, didHold)
	case sigma.OutlineNot:
		out.Holds = !out.Parts[0].Holds
	case sigma.OutlineField:
		out.Saw = s.values(o.Path)
		fallthrough
	case sigma.OutlineValue:
		out.Holds = slices.Contains(x.found, x.asked[o])
	}
	return out
}

// values returns the event's values at a path.
func (s *subject) values(path string) []string {
	switch path {
	case "":
		return nil // keywords are looked for in every text
	case sigma.KindField:
		if s.kind == "" {
			return nil
		}
		return []string{s.kind}
	}
	values, _ := engine.Get(s.raw, path)
	return values
}
