package rules

import (
	"cmp"
	"slices"
	"strings"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// Correlation is a Sigma correlation and what its match means: an act, like
// that of a rule, of the event that completed it.
type Correlation struct {
	*sigma.Correlation
	// Digest is that of the correlation's document, byte for byte.
	Digest event.Digest
	// Act without an Actor is that of an ordinary detection: who, what and
	// where are what the triggering event's product usually calls them.
	Act   *Act
	Tests []Test
	// Verdicts are the states of which an act of the rules has to end in one in
	// order to count. None: their matches count at once.
	Verdicts []event.State

	rules []referred // in the order of Correlation.Rules
}

// referred is a rule or a correlation that a correlation refers to.
type referred struct {
	rule        *Rule
	correlation *Correlation
}

func (r referred) id() string {
	if r.rule != nil {
		return r.rule.ID
	}
	return r.correlation.ID
}

// Ref names the correlation in matches and records.
func (c *Correlation) Ref() event.RuleRef {
	return event.RuleRef{ID: c.ID, Name: c.Name, Title: c.Title, Level: event.Level(c.Level), Digest: c.Digest}
}

// definition is what the judge has to know of the correlation.
func (c *Correlation) definition() event.Correlation {
	out := event.Correlation{
		Rule: c.Ref(), Type: event.CorrelationType(c.Type), Rules: len(c.Rules), Timespan: c.Timespan,
	}
	for _, b := range c.Condition {
		out.Condition = append(out.Condition, event.Bound{Is: b.Is, Than: b.Than})
	}
	if out.Type == event.ValuePercentile {
		out.Percentile = c.Percentile
	}
	return out
}

func (l *loader) correlation(d sigma.Document) {
	base, faults := sigma.ParseCorrelation(d)
	if len(faults) > 0 {
		l.reject(Rejected{File: d.File, Line: d.Line, Name: cmp.Or(base.Name, base.ID, base.Title), Faults: faults})
		return
	}
	c := &Correlation{Correlation: base, Digest: event.DigestOf(d.Source)}
	rd := &reader{Place: d.Place}
	rd.correlation(c)
	c.Name, c.ID = cmp.Or(c.Name, c.ID), cmp.Or(c.ID, c.Name)
	if l.admit(rd, d, c.Name, c.ID) {
		l.policy.Correlations = append(l.policy.Correlations, c)
	}
}

// correlation reads the blocks that say what a correlation's match means.
func (r *reader) correlation(c *Correlation) {
	act, isAct := c.Extra["act"]
	control, hasControl := c.Extra["control"]
	c.Act = &Act{}
	if isAct {
		c.Act = r.act(act.Value)
	}
	switch {
	case hasControl && isAct:
		r.fault(control.KeyNode, "control belongs into the act block")
	case hasControl:
		c.Act.Control, c.Act.node = r.scalar(control.Value, "control"), control.Value
	}
	for _, no := range [][2]string{{"approval", "approves nothing"}, {"revocation", "takes nothing back"}, {"facts", "states no facts"}} {
		if p, ok := c.Extra[no[0]]; ok {
			r.fault(p.KeyNode, "a correlation %s; the rules that it refers to may", no[1])
		}
	}
	if verdict, ok := c.Extra["verdict"]; ok {
		c.Verdicts = r.verdicts(verdict)
	}
	if tests, ok := c.Extra["tests"]; ok {
		c.Tests = r.tests(tests.Value, sigma.LogSource{}) // that of its first rule, once it is known
	}
	r.misspelt(c.Extra)
}

// verdicts reads the states of acts that a correlation counts.
func (r *reader) verdicts(p sigma.Pair) []event.State {
	known := []string{string(event.Approved), string(event.Bypass), string(event.Undetermined), string(event.ApprovedLate)}
	var out []event.State
	for _, s := range r.list(p.Value, p.Key) {
		if !slices.Contains(known, s) {
			r.fault(p.Value, "verdict %q is none of %s%s", s, strings.Join(known, ", "), sigma.Suggest(s, known))
		}
		out = append(out, event.State(s))
	}
	if len(out) == 0 {
		r.fault(p.Value, "verdict: name one or more of %s", strings.Join(known, ", "))
	}
	return out
}

// anyRule stands for every rule that has an act, in a correlation of verdicts.
const anyRule = "any"

// declares says whether a rule or a correlation says itself what its match
// means. No correlation that refers to it takes that away: a control must not
// fall silent because somebody looks at its rule from elsewhere, too.
func declares(extra map[string]sigma.Pair) bool {
	_, act := extra["act"]
	_, control := extra["control"]
	return act || control
}

// logSource is that of the first rule at the end of the chain.
func (c *Correlation) logSource() sigma.LogSource {
	first := c.rules[0]
	if first.rule != nil {
		return first.rule.LogSource
	}
	return first.correlation.logSource()
}

// setLogSource gives the tests' events that name none the log source of the
// correlation's first rule.
func (c *Correlation) setLogSource() {
	src := c.logSource()
	for i := range c.Tests {
		t := &c.Tests[i]
		t.LogSource = cmp.Or(t.LogSource, src)
		for k := range t.Given {
			t.Given[k].LogSource = cmp.Or(t.Given[k].LogSource, src)
		}
	}
}
