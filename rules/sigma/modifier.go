package sigma

import (
	"maps"
	"slices"
	"strings"
)

// modifiers are what stands behind a field's name, separated by '|'.
type modifiers struct {
	chain   []string // as they stand, and are applied; but not these:
	compare string   // lt, lte, gt, gte
	part    string   // minute, hour …
	flags   string   // of re: i, m, s
	faulty  bool     // one of them is unknown or misplaced
}

func (m *modifiers) has(n string) bool { return slices.Contains(m.chain, n) }

// modifierKind tells modifiers apart by what they may stand with.
type modifierKind uint8

const (
	kindPosition   modifierKind = iota // where the text stands in the value
	kindEncoding                       // text as bytes of another form
	kindDashes                         // windash
	kindList                           // expand
	kindExpression                     // re
	kindFlag                           // of re
	kindNetwork                        // cidr
	kindComparison                     // with a number
	kindTimePart                       // of a date
	kindPresence                       // exists
	kindReference                      // fieldref
	kindEvery                          // all
	kindDifferent                      // neq
	kindLetters                        // cased
)

// kinds are the modifiers of the specification, appendix "Sigma Modifiers" 2.1.
var kinds = map[string]modifierKind{
	"contains": kindPosition, "startswith": kindPosition, "endswith": kindPosition,
	"base64": kindEncoding, "base64offset": kindEncoding, "utf16": kindEncoding, "utf16le": kindEncoding, "utf16be": kindEncoding, "wide": kindEncoding,
	"windash": kindDashes, "expand": kindList,
	"re": kindExpression, "i": kindFlag, "m": kindFlag, "s": kindFlag,
	"cidr": kindNetwork, "lt": kindComparison, "lte": kindComparison, "gt": kindComparison, "gte": kindComparison,
	"minute": kindTimePart, "hour": kindTimePart, "day": kindTimePart, "week": kindTimePart, "month": kindTimePart, "year": kindTimePart,
	"exists": kindPresence, "fieldref": kindReference, "all": kindEvery, "neq": kindDifferent, "cased": kindLetters,
}

// together says which kinds may stand beside a kind; each pair stands once, at
// the kind that is declared first.
var together = map[modifierKind][]modifierKind{
	kindPosition:   {kindEncoding, kindDashes, kindList, kindExpression, kindFlag, kindReference, kindEvery, kindDifferent, kindLetters},
	kindEncoding:   {kindEncoding, kindDashes, kindList, kindEvery, kindDifferent, kindLetters},
	kindDashes:     {kindList, kindEvery, kindDifferent, kindLetters},
	kindList:       {kindExpression, kindFlag, kindNetwork, kindComparison, kindTimePart, kindReference, kindEvery, kindDifferent, kindLetters},
	kindExpression: {kindFlag, kindEvery, kindDifferent},
	kindFlag:       {kindFlag, kindEvery, kindDifferent},
	kindNetwork:    {kindEvery, kindDifferent},
	kindComparison: {kindTimePart, kindEvery},
	kindTimePart:   {kindEvery, kindDifferent},
	kindReference:  {kindEvery, kindDifferent, kindLetters},
	kindEvery:      {kindLetters},
	kindDifferent:  {kindLetters},
}

func compatible(a, b modifierKind) bool {
	return slices.Contains(together[min(a, b)], max(a, b))
}

// modifiers reads the modifiers of a key; what stands before them is its
// field, whose name they follow.
func (p *ruleParser) modifiers(pair Pair, names []string) modifiers {
	var m modifiers
	at := span{from: len([]rune(pair.Key))}
	for _, n := range names {
		at.from -= len([]rune(n)) + 1
	}
	for i, n := range names {
		at.from, at.n = at.from+1, len([]rune(n)) // behind the '|'
		if n == "" {
			p.faultWithin(pair, span{at.from - 1, 1}, "a modifier is missing behind '|'")
			m.faulty = true
		} else if _, known := kinds[n]; !known {
			p.faultWithin(pair, at, "there is no modifier %q%s", n, orAny(n, slices.Sorted(maps.Keys(kinds))))
			m.faulty = true
		} else if wrong := misplaced(names[:i], n); wrong != "" {
			p.faultWithin(pair, at, "%s", wrong)
			m.faulty = true
		} else {
			m.add(n)
		}
		at.from += at.n
	}
	return m
}

func (p *ruleParser) faultWithin(pair Pair, at span, format string, args ...any) {
	p.faults = append(p.faults, p.doc.within(pair.KeyNode, pair.Key, at, format, args...))
}

func (m *modifiers) add(n string) {
	switch kinds[n] {
	case kindComparison:
		m.compare = n
	case kindTimePart:
		m.part = n
	case kindFlag:
		m.flags += n
	default:
		m.chain = append(m.chain, n)
	}
}

// none says whether there is no modifier.
func (m *modifiers) none() bool { return len(m.chain) == 0 && m.compare == "" && m.part == "" }

// text says whether the values are Sigma strings.
func (m *modifiers) text() bool {
	return m.compare == "" && m.part == "" && !m.has("re") && !m.has("cidr") && !m.has("fieldref")
}

// misplaced says why a modifier cannot stand behind those before it, or
// nothing.
func misplaced(before []string, n string) string {
	kind := kinds[n]
	if kind == kindFlag && !slices.Contains(before, "re") {
		return "modifier \"" + n + "\" is a flag of re and stands behind it: |re|" + n
	}
	for _, b := range before {
		other, known := kinds[b]
		if !known {
			continue
		}
		if b == n && kind != kindEncoding {
			return "modifier \"" + n + "\" stands twice"
		}
		if !compatible(kind, other) {
			return "these modifiers exclude each other: " + b + ", " + n + instead(b, n)
		}
		if why := disordered(other, kind); why != "" {
			return strings.NewReplacer("{first}", n, "{second}", b).Replace(why)
		}
	}
	return ""
}

// disordered says why a kind cannot stand behind another, with which it could
// stand the other way around.
func disordered(before, kind modifierKind) string {
	switch {
	case before == kindPosition && kind == kindEncoding:
		return "{first} cannot encode the wildcards of {second}; write {first}|{second}"
	case before == kindPosition && kind == kindExpression:
		return "re takes its value as it is written; write re|{second}"
	case before == kindEncoding && (kind == kindDashes || kind == kindList):
		return "{first} reads what {second} has already encoded; write {first}|{second}"
	case before == kindComparison && kind == kindTimePart:
		return "{second} compares the {first}; write {first}|{second}"
	}
	return ""
}

// opposites are the comparisons that hold where another does not.
var opposites = map[string]string{"lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt"}

// instead says what to write in place of two modifiers that exclude each
// other, if there is something.
func instead(a, b string) string {
	for _, c := range []struct{ one, other, instead string }{
		{"re", "cased", "re compares letters as they are, but for its flag i"},
		{"neq", "all", "neq already means different from every value"},
		{"neq", "exists", "write exists: false"},
		{"startswith", "endswith", "write contains, or two keys of which one has startswith and one endswith"},
		{"re", "windash", "write the dashes into the expression: [-/–—―]"},
	} {
		if c.one == a && c.other == b || c.one == b && c.other == a {
			return "; " + c.instead
		}
	}
	if a == "neq" {
		a, b = b, a
	}
	if o := opposites[a]; o != "" && b == "neq" {
		return "; the opposite of " + a + " is " + o
	}
	return ""
}
