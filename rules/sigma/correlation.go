package sigma

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// Correlation is a Sigma correlation as it stands in its file: it matches where
// events that other rules match come together.
//
//	title: Many failed logins
//	correlation:
//	  type: event_count
//	  rules: [failed_login]
//	  group-by: [user]
//	  timespan: 10m
//	  condition: {gte: 10}
type Correlation struct {
	ID, Name, Title, Status, Description, Author, Date, Level string

	Tags, References, FalsePositives []string

	// Document is the exact text of the correlation's YAML document.
	Document []byte
	Place
	// Extra holds the top-level keys that Sigma does not know.
	Extra map[string]Pair

	Type  string      // one of [CorrelationTypes]
	Rules []Reference // to rules and correlations, by name or ID
	// GroupBy are fields or aliases whose values the events have in common.
	GroupBy  []string
	Aliases  []Alias
	Timespan time.Duration
	// Condition is what has to hold of the figure that the type stands for:
	// all of it. A temporal correlation always has one.
	Condition []Bound
	// Fields are those whose values are counted, summed or averaged; only
	// value_count may have several.
	Fields     []string
	Percentile float64 // of value_percentile, above 0 and up to 100
	// Generate says that the rules referred to stand alone as well.
	Generate bool
}

// Reference names a rule.
type Reference struct {
	Name string
	Node ast.Node
}

// Alias is a name for a field that is called differently in the events of
// different rules.
type Alias struct {
	Name   string
	Fields []AliasField
}

// AliasField says what the aliased field is called in the events of one rule.
type AliasField struct {
	Rule  Reference
	Field string
}

// Bound is one condition: that a figure is gt, gte, lt, lte or eq than a number.
type Bound struct {
	Is   string
	Than float64
}

// The types of correlations.
const (
	eventCount      = "event_count"
	valueCount      = "value_count"
	temporal        = "temporal"
	temporalOrdered = "temporal_ordered"
	valueSum        = "value_sum"
	valueAvg        = "value_avg"
	valuePercentile = "value_percentile"
)

// CorrelationTypes are the types of the specification.
var CorrelationTypes = []string{eventCount, valueCount, temporal, temporalOrdered, valueSum, valueAvg, valuePercentile}

// Bounds on a correlation. The engine holds as many events as a condition
// counts, for each group.
const (
	MaxCorrelated = 50    // rules that one correlation refers to
	MaxCount      = 5_000 // events or values that a condition counts
	maxTimespan   = 366 * 24 * time.Hour
)

// ParseCorrelation reads one correlation. What its rules are is not looked at.
func ParseCorrelation(d Document) (*Correlation, Faults) {
	p := &correlationParser{
		// What stands at the head of a correlation stands at that of a rule, too.
		ruleParser: ruleParser{doc: d, rule: &Rule{Document: d.Source, Place: d.Place, Extra: map[string]Pair{}}},
		out:        &Correlation{Percentile: 50},
	}
	p.each(p.top)
	p.needs("a correlation", "title")
	return p.finish(), p.faults
}

type correlationParser struct {
	ruleParser
	out       *Correlation
	condition *Pair
}

// finish takes over what the rule's parser has read.
func (p *correlationParser) finish() *Correlation {
	c, r := p.out, p.rule
	c.ID, c.Name, c.Title, c.Status, c.Description = r.ID, r.Name, r.Title, r.Status, r.Description
	c.Author, c.Date, c.Level = r.Author, r.Date, r.Level
	c.Tags, c.References, c.FalsePositives = r.Tags, r.References, r.FalsePositives
	c.Document, c.Place, c.Extra = r.Document, r.Place, r.Extra
	return c
}

func (p *correlationParser) top(pair Pair) {
	switch pair.Key {
	case "correlation":
		p.block(pair)
	case "generate":
		p.generate(pair)
	case "logsource", "detection":
		p.fault(pair.KeyNode, "a correlation has no %s; its rules have, each in a document of its own", pair.Key)
	default:
		p.key(pair)
	}
}

// block reads what stands under "correlation".
func (p *correlationParser) block(pair Pair) {
	pairs, ok := Pairs(pair.Value)
	if !ok {
		p.fault(pair.KeyNode, "correlation has to be a mapping")
		return
	}
	handlers := map[string]func(Pair){
		"type": p.kind, "rules": p.rules, "group-by": p.groupBy, "aliases": p.aliases, "timespan": p.timespan,
		"condition": func(c Pair) { p.condition = &c }, "generate": p.generate, // where pySigma reads it
	}
	seen := map[string]bool{}
	for _, k := range pairs {
		handle := handlers[k.Key]
		switch {
		case handle == nil:
			p.fault(k.KeyNode, "correlation has no key %q%s", k.Key, suggest(k.Key, slices.Sorted(maps.Keys(handlers))))
		case seen[k.Key]:
			p.fault(k.KeyNode, "key %q stands twice", k.Key)
		default:
			handle(k)
		}
		seen[k.Key] = true
	}
	for _, k := range []string{"type", "rules", "timespan"} {
		if !seen[k] {
			p.fault(pair.KeyNode, "a correlation needs %s", k)
		}
	}
	if slices.Contains(CorrelationTypes, p.out.Type) { // a condition is read in the light of that
		p.readCondition(pair)
	}
}

func (p *correlationParser) kind(pair Pair) {
	p.text(pair, &p.out.Type)
	if !slices.Contains(CorrelationTypes, p.out.Type) {
		p.fault(pair.Value, "type %q is none of %s%s", p.out.Type, strings.Join(CorrelationTypes, ", "), suggest(p.out.Type, CorrelationTypes))
	}
}

func (p *correlationParser) rules(pair Pair) {
	items := OneOrMore(pair.Value)
	seen := map[string]bool{}
	for _, it := range items {
		name, ok := Text(it)
		switch {
		case !ok || name == "":
			p.fault(it, "rules has to list names or ids of rules")
		case seen[name]:
			p.fault(it, "rule %q stands twice", name)
		default:
			p.out.Rules = append(p.out.Rules, Reference{Name: name, Node: it})
		}
		seen[name] = true
	}
	switch n := len(p.out.Rules); {
	case len(items) == 0:
		p.fault(pair.KeyNode, "rules has to list names or ids of rules")
	case n > MaxCorrelated:
		p.fault(p.out.Rules[MaxCorrelated].Node, "a correlation refers to %d rules; %d are allowed", n, MaxCorrelated)
	}
}

func (p *correlationParser) groupBy(pair Pair) {
	p.fields(pair, &p.out.GroupBy)
}

// fields reads names of fields, or a single one.
func (p *correlationParser) fields(pair Pair, to *[]string) {
	items := OneOrMore(pair.Value)
	seen := map[string]bool{}
	for _, it := range items {
		name, ok := Text(it)
		switch {
		case !ok || name == "":
			p.fault(it, "%s has to list fields", pair.Key)
		case seen[name]:
			p.fault(it, "field %q stands twice", name)
		default:
			*to = append(*to, name)
		}
		seen[name] = true
	}
}

func (p *correlationParser) aliases(pair Pair) {
	pairs, ok := Pairs(pair.Value)
	if !ok {
		p.fault(pair.KeyNode, "aliases has to be a mapping of names to the fields of each rule")
		return
	}
	seen := map[string]bool{}
	for _, a := range pairs {
		if seen[a.Key] {
			p.fault(a.KeyNode, "alias %q stands twice", a.Key)
			continue
		}
		seen[a.Key] = true
		p.out.Aliases = append(p.out.Aliases, p.alias(a))
	}
}

func (p *correlationParser) alias(pair Pair) Alias {
	out := Alias{Name: pair.Key}
	fields, ok := Pairs(pair.Value)
	if !ok || len(fields) == 0 {
		p.fault(pair.KeyNode, "alias %q has to name the field of each rule, as in {rule_a: source.ip, rule_b: destination.ip}", pair.Key)
	}
	seen := map[string]bool{}
	for _, f := range fields {
		field, ok := Text(f.Value)
		switch {
		case seen[f.Key]:
			p.fault(f.KeyNode, "key %q stands twice", f.Key)
		case !ok || field == "":
			p.fault(f.KeyNode, "alias %q: %s needs the name of a field", pair.Key, f.Key)
		}
		seen[f.Key] = true
		out.Fields = append(out.Fields, AliasField{Rule: Reference{Name: f.Key, Node: f.KeyNode}, Field: field})
	}
	return out
}

var timeUnits = map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}

func (p *correlationParser) timespan(pair Pair) {
	s, _ := Text(pair.Value)
	n, unit := int64(0), time.Duration(0)
	if s != "" {
		unit = timeUnits[s[len(s)-1]]
		n, _ = strconv.ParseInt(s[:len(s)-1], 10, 64)
	}
	switch {
	case unit == 0 || n <= 0 || s[0] == '+':
		p.fault(pair.Value, `timespan: %q is not a number and a unit; write "30s", "10m", "1h" or "2d"`, s)
	case n > int64(maxTimespan/unit):
		p.fault(pair.Value, "timespan: %s is more than a year", s)
	default:
		p.out.Timespan = time.Duration(n) * unit
	}
}

func (p *correlationParser) generate(pair Pair) {
	b, ok := pair.Value.(*ast.BoolNode)
	if !ok {
		p.fault(pair.Value, "generate is true or false")
		return
	}
	p.out.Generate = b.Value
}
