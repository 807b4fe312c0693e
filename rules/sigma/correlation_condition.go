package sigma

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// thresholds are what a condition may compare with.
var thresholds = []string{"gt", "gte", "lt", "lte", "eq"}

// readCondition reads the condition, whose meaning depends on the type.
func (p *correlationParser) readCondition(block Pair) {
	c := p.out
	isTemporal := c.Type == temporal || c.Type == temporalOrdered
	all := []Bound{{Is: "gte", Than: float64(len(c.Rules))}}
	switch {
	case p.condition == nil && isTemporal:
		c.Condition = all
		return
	case p.condition == nil:
		p.fault(block.KeyNode, "%s needs a condition, such as {gte: 10}", c.Type)
		return
	}
	if s, ok := Text(p.condition.Value); ok {
		if !isTemporal || !p.allJoined(s) {
			p.fault(p.condition.Value, "a condition in words belongs to version 2.2 of the specification, which this version does not run; write {gte: 10}, or for all rules of a temporal correlation leave it out")
		}
		c.Condition = all
		return
	}
	pairs, ok := Pairs(p.condition.Value)
	if !ok {
		p.fault(p.condition.KeyNode, "condition has to be a mapping, such as {gte: 10}")
		return
	}
	p.conditionKeys(pairs)
	if len(p.faults) == 0 {
		p.checkCondition()
	}
}

// allJoined says whether a condition in words is "a and b and c" with every
// rule: that is what a temporal correlation means anyway.
func (p *correlationParser) allJoined(s string) bool {
	var named []string
	for i, word := range strings.Fields(s) {
		switch {
		case i%2 == 0:
			named = append(named, word)
		case !strings.EqualFold(word, "and"):
			return false
		}
	}
	var rules []string
	for _, r := range p.out.Rules {
		rules = append(rules, r.Name)
	}
	if p.out.Type == temporal {
		slices.Sort(named)
		slices.Sort(rules)
	}
	return slices.Equal(named, rules)
}

func (p *correlationParser) conditionKeys(pairs []Pair) {
	c := p.out
	seen := map[string]bool{}
	for _, k := range pairs {
		switch {
		case seen[k.Key]:
			p.fault(k.KeyNode, "key %q stands twice", k.Key)
		case slices.Contains(thresholds, k.Key):
			p.bound(k)
		case k.Key == "field":
			p.fields(k, &c.Fields)
		case k.Key == "percentile":
			p.percentile(k)
		default:
			known := append(slices.Clone(thresholds), "field", "percentile")
			p.fault(k.KeyNode, "condition has no key %q%s; it takes %s", k.Key, suggest(k.Key, known), strings.Join(known, ", "))
		}
		seen[k.Key] = true
	}
	wantsField := strings.HasPrefix(c.Type, "value_")
	switch {
	case len(c.Condition) == 0:
		p.fault(p.condition.KeyNode, "condition compares nothing; add one of %s", strings.Join(thresholds, ", "))
	case wantsField && len(c.Fields) == 0:
		p.fault(p.condition.KeyNode, "%s needs a field in its condition", c.Type)
	case !wantsField && len(c.Fields) > 0:
		p.fault(p.condition.KeyNode, "%s looks at no field; value_count does", c.Type)
	case c.Type != valueCount && len(c.Fields) > 1:
		p.fault(p.condition.KeyNode, "%s takes one field, not %d", c.Type, len(c.Fields))
	case seen["percentile"] && c.Type != valuePercentile:
		p.fault(p.condition.KeyNode, "percentile belongs to value_percentile, not to %s", c.Type)
	}
}

func (p *correlationParser) bound(pair Pair) {
	s, _ := Text(pair.Value)
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
		p.fault(pair.Value, "%s: %q is not a number", pair.Key, s)
		return
	}
	switch t := p.out.Type; t {
	case eventCount, valueCount, temporal, temporalOrdered:
		if x != math.Trunc(x) || x < 0 {
			p.fault(pair.Value, "%s: %s counts, so %q has to be a whole number", pair.Key, t, s)
			return
		}
		if x > MaxCount {
			p.fault(pair.Value, "%s: %s is more than the %d that are counted; take a shorter timespan, or chain correlations", pair.Key, s, MaxCount)
			return
		}
	}
	p.out.Condition = append(p.out.Condition, Bound{Is: pair.Key, Than: x})
}

func (p *correlationParser) percentile(pair Pair) {
	s, _ := Text(pair.Value)
	x, err := strconv.ParseFloat(s, 64)
	if err != nil || !(x > 0 && x <= 100) { // nor NaN
		p.fault(pair.Value, "percentile: %q is not a number above 0 and up to 100", s)
		return
	}
	p.out.Percentile = x
}

// checkCondition finds conditions that always hold, or never.
func (p *correlationParser) checkCondition() {
	c := p.out
	least, most := math.Inf(-1), math.Inf(1)
	var step float64 // between two figures; where they are not counts there is always another
	switch c.Type {
	case eventCount, valueCount:
		least, step = 1, 1 // there is no window without an event
	case temporal, temporalOrdered:
		least, most, step = 1, float64(len(c.Rules)), 1
	}
	low, high := least, most
	for _, b := range c.Condition {
		switch b.Is {
		case "gte":
			low = max(low, b.Than)
		case "gt":
			low = max(low, b.Than+step)
		case "lte":
			high = min(high, b.Than)
		case "lt":
			high = min(high, b.Than-step)
		case "eq":
			low, high = max(low, b.Than), min(high, b.Than)
		}
	}
	empty := low > high || step == 0 && low == high && !p.meets(low)
	switch at := p.condition.KeyNode; {
	case empty && math.IsInf(most, 1) && high < least:
		p.fault(at, "condition never holds: a window begins with an event, so there are never fewer than 1")
	case empty && low > most:
		p.fault(at, "condition never holds: there are only %d rules", len(c.Rules))
	case empty:
		p.fault(at, "condition never holds: its parts contradict each other")
	case slices.ContainsFunc(c.Condition, func(b Bound) bool { return b.Is == "gte" && b.Than < least }):
		p.fault(at, "condition always holds; write gte: 1 if every event is to count")
	case c.Type == temporalOrdered && low < most:
		p.fault(at, "temporal_ordered needs all of its rules, so a condition other than gte: %d is not supported; leave it out, or use temporal", len(c.Rules))
	case low == most: // eq or lte: as many as there are adds nothing, but would have to wait for the window's end
		c.Condition = []Bound{{Is: "gte", Than: most}}
	}
}

// meets says whether the figure satisfies every part of the condition.
func (p *correlationParser) meets(x float64) bool {
	return !slices.ContainsFunc(p.out.Condition, func(b Bound) bool {
		return b.Is == "gt" && !(x > b.Than) || b.Is == "lt" && !(x < b.Than)
	})
}
