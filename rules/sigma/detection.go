package sigma

import (
	"errors"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

func (p *ruleParser) detection(pair Pair) {
	pairs, ok := Pairs(pair.Value)
	if !ok {
		p.fault(pair.KeyNode, "detection has to be a mapping of selections and a condition")
		return
	}
	p.selections(pair, pairs)
}

// selections reads the selections and the condition of a detection or of a
// filter.
func (p *ruleParser) selections(of Pair, pairs []Pair) {
	var conditions *Pair
	for i, s := range pairs {
		switch s.Key {
		case "condition":
			conditions = &pairs[i]
		case "timeframe":
			p.fault(s.KeyNode, "timeframe belongs to aggregations, which were removed from Sigma; %s", correlateInstead)
		default:
			if _, twice := p.rule.selections[s.Key]; twice {
				p.fault(s.KeyNode, "selection %q stands twice", s.Key)
				continue
			}
			p.rule.selections[s.Key] = p.searched(s)
			p.rule.names = append(p.rule.names, s.Key)
		}
	}
	if conditions == nil {
		near := nearest("condition", p.rule.names)
		if near == "" {
			p.fault(of.KeyNode, "%s needs a condition", of.Key)
			return
		}
		i := slices.IndexFunc(pairs, func(s Pair) bool { return s.Key == near })
		p.fault(pairs[i].KeyNode, "%s needs a condition; did you mean %q?", of.Key, "condition")
		return
	}
	before := len(p.faults)
	p.conditions(*conditions)
	if len(p.faults) == before {
		p.unused(pairs)
	}
}

// searched reads what stands under a selection's name.
func (p *ruleParser) searched(s Pair) selection {
	if IsNull(s.Value) {
		p.fault(s.KeyNode, "the selection %q is empty", s.Key)
		return listOr{}
	}
	return p.selection("", s.Value, s.KeyNode)
}

// unused reports the selections that no condition names: a filter that was
// forgotten looks as if it were at work. A name with an underscore before it
// says that "them" leaves it out on purpose.
func (p *ruleParser) unused(pairs []Pair) {
	for _, s := range pairs {
		if _, ok := p.rule.selections[s.Key]; ok && !p.used[s.Key] && !strings.HasPrefix(s.Key, "_") {
			p.fault(s.KeyNode, "no condition uses the selection %q", s.Key)
		}
	}
}

func (p *ruleParser) conditions(pair Pair) {
	nodes := OneOrMore(pair.Value)
	if len(nodes) == 0 {
		p.fault(pair.KeyNode, "the list of conditions is empty; the rule would never match")
	}
	for _, n := range nodes {
		text, isText := Text(n)
		switch {
		case IsNull(n), isText && strings.TrimSpace(text) == "":
			p.fault(pair.KeyNode, "the condition is empty")
			continue
		case !isText:
			p.fault(pair.KeyNode, "a condition is a text, or a list of them")
			continue
		}
		c, err := parseCondition(text)
		var at *conditionError
		if errors.As(err, &at) {
			p.faults = append(p.faults, p.doc.within(n, text, at.at, "condition: %v", err))
			continue
		}
		p.resolve(c, writtenCondition{n, text})
		p.rule.conditions = append(p.rule.conditions, c)
	}
}

// writtenCondition is a condition's text and its node.
type writtenCondition struct {
	node ast.Node
	text string
}

// maxNamed bounds how many selections the conditions of a rule name in all:
// "1 of them" names each of them, and whoever is not there is looked for.
const maxNamed = 1 << 16

// names counts n names of selections, and says whether there are not too many.
func (p *ruleParser) names(n int, in writtenCondition) bool {
	full := p.named > maxNamed
	if p.named += n; p.named <= maxNamed {
		return true
	}
	if !full {
		p.fault(in.node, "condition: the conditions of this rule name selections more than %d times, with those that \"1 of\" and \"all of\" mean; write another rule for some of them", maxNamed)
	}
	return false
}

// resolve checks that a condition names selections that exist.
func (p *ruleParser) resolve(c condition, in writtenCondition) {
	switch c := c.(type) {
	case allOf:
		for _, s := range c {
			p.resolve(s, in)
		}
	case anyOf:
		for _, s := range c {
			p.resolve(s, in)
		}
	case negate:
		p.resolve(c.of, in)
	case named:
		name := c.name.text
		if _, ok := p.rule.selections[name]; !ok && p.names(len(p.rule.names), in) {
			p.faults = append(p.faults, p.doc.within(in.node, in.text, c.name.at,
				"condition: there is no selection %q%s", name, p.meant(name)))
		}
		p.used[name] = true
	case some:
		p.resolvePattern(c.pattern, in)
	case every:
		p.resolvePattern(c.pattern, in)
	}
}

// meant says which selection a name may mean that is none.
func (p *ruleParser) meant(name string) string {
	if not, ok := strings.CutPrefix(name, "!"); ok && slices.Contains(p.rule.names, not) {
		return "; write not " + not
	}
	return suggest(name, p.rule.names)
}

func (p *ruleParser) resolvePattern(pattern word, in writtenCondition) {
	if !p.names(len(p.rule.names), in) {
		return
	}
	names := p.rule.matching(pattern.text)
	if len(names) == 0 {
		p.faults = append(p.faults, p.doc.within(in.node, in.text, pattern.at, "condition: no selection is named %q", pattern.text))
	}
	for _, n := range names {
		p.used[n] = true
	}
}

// matching returns the names of the selections that a pattern of "1 of" or
// "all of" means. "them" leaves out names that begin with an underscore.
func (r *Rule) matching(pattern string) []string {
	means := ParsePattern(pattern).Match
	if strings.EqualFold(pattern, "them") {
		means = func(n string) bool { return !strings.HasPrefix(n, "_") }
	}
	var names []string
	for _, n := range r.names {
		if means(n) {
			names = append(names, n)
		}
	}
	return names
}
