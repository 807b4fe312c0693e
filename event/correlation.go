package event

import (
	"slices"
	"strconv"
	"time"
)

// Part is what a match contributes to one correlation. It carries all that
// the judge needs from the correlation, so that what becomes of it depends on
// the stream alone.
//
//	{"rule":{"name":"many-failures",…},"type":"event_count","rules":1,"timespan":600000000000,
//	 "condition":[{"is":"gte","than":10}],"position":0,"group":["alice"],"act":{…}}
type Part struct {
	Correlation
	// Position is that of the matched rule among the correlation's, from 0.
	Position int `json:"position"`
	// Group are the event's values of the fields by which the correlation
	// groups; Value is that of the field which it counts, sums or averages.
	Group []string `json:"group,omitempty"`
	Value string   `json:"value,omitempty"`
	// Control and Act are the correlation's match, if this event completes it:
	// no act if the correlation only feeds others. Parts is what its match
	// contributes to these.
	Control string `json:"control,omitempty"`
	Act     *Act   `json:"act,omitempty"`
	Parts   []Part `json:"parts,omitempty"`
	// Verdicts are the states in which the match's own act has to end for the
	// part to count. Empty: it counts at once, whatever becomes of the act.
	Verdicts []State `json:"verdicts,omitempty"`
}

// Together is the events that completed a correlation. Of a chain's they are
// those that completed its last correlation.
type Together struct {
	Count int       `json:"count"`
	First time.Time `json:"first"` // source's clock
	Last  time.Time `json:"last"`
	// Events are the last of them, at most MaxTogether, in the order of their
	// times.
	Events []Ref `json:"events,omitempty"`
}

// MaxTogether bounds the events listed in one verdict.
const MaxTogether = 10

// Correlation says when events together are a match.
type Correlation struct {
	Rule       RuleRef         `json:"rule"`
	Type       CorrelationType `json:"type"`
	Rules      int             `json:"rules"` // how many it refers to
	Timespan   time.Duration   `json:"timespan"`
	Condition  []Bound         `json:"condition"`            // all have to hold
	Percentile float64         `json:"percentile,omitempty"` // for value_percentile
	// Wait is by how much what feeds it may come after its time. Where the
	// condition can only be judged at a window's end, it is for so long after
	// the end, and after the arrival of what began the window, that others are
	// waited for; elsewhere it is for so long that events are held.
	Wait time.Duration `json:"wait,omitempty"`
}

// CorrelationType is what a correlation looks at.
type CorrelationType string

// The types of the Sigma specification.
const (
	EventCount      CorrelationType = "event_count"
	ValueCount      CorrelationType = "value_count"
	Temporal        CorrelationType = "temporal"
	TemporalOrdered CorrelationType = "temporal_ordered"
	ValueSum        CorrelationType = "value_sum"
	ValueAvg        CorrelationType = "value_avg"
	ValuePercentile CorrelationType = "value_percentile"
)

// Numeric says whether the values have to be numbers.
func (t CorrelationType) Numeric() bool {
	return t == ValueSum || t == ValueAvg || t == ValuePercentile
}

// MaxNumber bounds the numbers that are summed and averaged, in both directions:
// sums stay exact, to the millionth.
const MaxNumber = 1e14

// Bound is one condition on a figure: that it is gt, gte, lt, lte or eq than a
// number.
type Bound struct {
	Is   string  `json:"is"`
	Than float64 `json:"than"`
}

func (b Bound) holds(x float64) bool {
	switch b.Is {
	case "gt":
		return x > b.Than
	case "gte":
		return x >= b.Than
	case "lt":
		return x < b.Than
	case "lte":
		return x <= b.Than
	case "eq":
		return x == b.Than
	}
	return false
}

// Holds says whether the figure satisfies the condition.
func (c Correlation) Holds(x float64) bool {
	return !slices.ContainsFunc(c.Condition, func(b Bound) bool { return !b.holds(x) })
}

// AtOnce says whether the correlation is a match as soon as its condition
// holds. Else a later event could make it untrue, and only at the end of a
// window can it be judged.
func (c Correlation) AtOnce() bool {
	upwards := c.Type != ValueAvg && c.Type != ValuePercentile
	return upwards && !slices.ContainsFunc(c.Condition, func(b Bound) bool { return b.Is != "gt" && b.Is != "gte" })
}

// WindowsID identifies the windows that the part belongs to: those of one
// version of a correlation, for one group.
func (p Part) WindowsID() string {
	c := p.Correlation
	id := []string{
		c.Rule.ID, c.Rule.Digest.String(), string(c.Type), strconv.Itoa(c.Rules), c.Timespan.String(), c.Wait.String(),
		number(c.Percentile), strconv.Itoa(len(c.Condition)),
	}
	for _, b := range c.Condition {
		id = append(id, b.Is, number(b.Than))
	}
	return identify("sidedoor/windows/v1", append(id, p.Group...)...).String()
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
