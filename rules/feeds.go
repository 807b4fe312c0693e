package rules

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"sidedoor/event"
	"sidedoor/rules/sigma"
)

// feeds says what the matches of rules contribute to which correlations.
type feeds struct {
	of map[string][]*feed // by the ID of a rule or correlation
	// silent are those whose matches only contribute.
	silent map[string]bool
	usual  map[string]*Act // what an ordinary detection's match means, by product
}

// feed is one way from a rule to a correlation, ready to read an event.
type feed struct {
	correlation *Correlation
	definition  event.Correlation
	position    int
	group       []string // fields of the rule's events, aliases resolved
	value       []string // likewise; none if the type looks at no value
}

// feeds compiles the correlations.
func (p *Policy) feeds(d Defaults) feeds {
	out := feeds{of: map[string][]*feed{}, silent: map[string]bool{}, usual: map[string]*Act{}}
	for _, product := range []string{"aws", "kubernetes", "github", ""} {
		out.usual[product] = detectionOnly(sigma.LogSource{Product: product})
	}
	alone := map[string]bool{}
	waits := waits{defaults: d, known: map[*Correlation]wait{}}
	for _, c := range p.Correlations {
		def := c.definition()
		def.Wait = waits.of(c).late
		for i, x := range c.rules {
			position := min(i, len(c.Rules)-1) // one that counts any rule has one place for all
			f := &feed{correlation: c, definition: def, position: position, value: c.fieldsOf(i, c.Fields), group: c.fieldsOf(i, c.GroupBy)}
			out.of[x.id()] = append(out.of[x.id()], f)
			if len(c.Verdicts) > 0 {
				continue // what has no verdict of its own has none to count
			}
			out.silent[x.id()] = true
			if c.Generate || x.rule != nil && declares(x.rule.Extra) || x.correlation != nil && declares(x.correlation.Extra) {
				alone[x.id()] = true
			}
		}
	}
	for id := range alone {
		delete(out.silent, id)
	}
	return out
}

// fieldsOf returns what fields are called in the events of the rule at a
// position. An alias that does not speak of the rule is a field's own name.
func (c *Correlation) fieldsOf(position int, names []string) []string {
	var out []string
	for _, name := range names {
		field := name
		for _, a := range c.Aliases {
			for _, f := range a.Fields {
				if a.Name == name && c.names(position, f.Rule.Name) {
					field = f.Field
				}
			}
		}
		out = append(out, field)
	}
	return out
}

// names says whether the rule at a position has the name or the ID.
func (c *Correlation) names(position int, s string) bool {
	x := c.rules[position]
	if x.rule != nil {
		return x.rule.Name == s || x.rule.ID == s
	}
	return x.correlation.Name == s || x.correlation.ID == s
}

// wait is how long after its time an event may come to a correlation, and how
// long after its last event the correlation may be a match.
type wait struct{ late, lag time.Duration }

// waits adds the waits up along chains: what is fed by a correlation that is
// judged at the end of its windows has to wait for that.
type waits struct {
	defaults Defaults
	known    map[*Correlation]wait
}

func (w waits) of(c *Correlation) wait {
	if known, ok := w.known[c]; ok {
		return known
	}
	var lag time.Duration
	for _, x := range c.rules {
		if x.correlation != nil {
			lag = max(lag, w.of(x.correlation).lag)
		}
	}
	if len(c.Verdicts) > 0 { // these come when the acts are judged
		lag = max(lag, w.defaults.Grace+w.defaults.Limit)
	}
	out := wait{late: lag, lag: lag}
	if !c.definition().AtOnce() {
		out.late += cmp.Or(c.Act.Grace, w.defaults.Grace)
		out.lag = c.Timespan + out.late
	}
	w.known[c] = out
	return out
}

// parts returns what an event contributes, if it is by actor.
func (m *Matcher) parts(to []*feed, actor []Who, ref event.Ref, e *subject) []event.Part {
	var out []event.Part
	for _, f := range to {
		group, ok := m.groupOf(f.group, actor, ref, e)
		value, ok2 := f.valueOf(e)
		if !ok || !ok2 {
			continue
		}
		c := f.correlation
		p := event.Part{
			Correlation: f.definition, Position: f.position, Group: group, Value: value,
			Parts: m.parts(m.feeds.of[c.ID], actor, ref, e), Verdicts: c.Verdicts,
		}
		if !m.feeds.silent[c.ID] {
			p.Control, p.Act = c.Act.Control, m.act(m.meant(c, ref), ref, e)
		}
		if p.Act != nil || len(p.Parts) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// groupOf returns the event's values of the fields of group-by. Whoever is
// behind the event is the actor of the rule's act, as a person.
func (m *Matcher) groupOf(fields []string, actor []Who, ref event.Ref, e *subject) (values []string, ok bool) {
	for _, name := range fields {
		if name != identityWord {
			v, ok := valuesOf([]string{name}, e)
			if !ok {
				return nil, false
			}
			values = append(values, v...)
			continue
		}
		who := m.party(actor, ref.Product, e)
		if who.Person == "" {
			return nil, false
		}
		values = append(values, who.Person)
	}
	return values, true
}

// meant is the correlation's act, for an event that completes it.
func (m *Matcher) meant(c *Correlation, ref event.Ref) *Act {
	if len(c.Act.Actor) > 0 {
		return c.Act
	}
	if a := m.feeds.usual[ref.Product]; a != nil {
		return a
	}
	return m.feeds.usual[""]
}

// valueOf returns the value that the correlation looks at; ok is false for an
// event that has none.
func (f *feed) valueOf(e *subject) (value string, ok bool) {
	values, ok := valuesOf(f.value, e)
	switch {
	case !ok:
		return "", false
	case f.definition.Type.Numeric():
		x, err := strconv.ParseFloat(values[0], 64)
		if err != nil || !(math.Abs(x) <= event.MaxNumber) { // nor NaN
			return "", false
		}
		return strconv.FormatFloat(x, 'g', -1, 64), true
	case len(values) == 1:
		return values[0], true
	}
	for i, v := range values { // so that two fields cannot look like one
		values[i] = strconv.Quote(v)
	}
	return strings.Join(values, ""), true
}

// maxValue bounds a value, in bytes. A longer one is replaced by its digest: of
// values it only matters whether they are equal.
const maxValue = 200

// valuesOf returns the event's values of the fields; ok is false if it lacks one.
func valuesOf(fields []string, e *subject) (values []string, ok bool) {
	for _, name := range fields {
		v, ok := e.field(name)
		if !ok {
			return nil, false
		}
		if v = strings.ToValidUTF8(v, "\ufffd"); len(v) > maxValue {
			v = event.DigestOf([]byte(v)).String()
		}
		values = append(values, v)
	}
	return values, true
}
