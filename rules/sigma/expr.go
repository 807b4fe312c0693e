package sigma

import (
	"net/netip"
	"regexp"

	"github.com/goccy/go-yaml/ast"
)

// Expr is what a rule asks of an event: a tree of [And], [Or] and [Not] over
// [Predicate]s. It is all that an engine needs to know of a rule.
type Expr interface{ expr() }

type (
	// And holds if all of its parts do; so does an empty one.
	And []Expr
	// Or holds if any of its parts does; an empty one never does.
	Or []Expr
	// Not holds if its part does not.
	Not struct{ Of Expr }
)

func (And) expr()        {}
func (Or) expr()         {}
func (Not) expr()        {}
func (*Predicate) expr() {}

// Predicate asks one thing of one field. A field stands for all the values at
// its path; the predicate holds if any of them satisfies it, but for [Null].
type Predicate struct {
	// Field is a dotted path. Empty: any text of the event, whatever its key.
	Field string
	Op    Op

	Pattern Pattern        // of Matches
	Cased   bool           // Matches and SameAs: letters are compared as they are
	Regexp  *regexp.Regexp // of Search
	Prefix  netip.Prefix   // of Within
	Number  float64        // of the comparisons, and of Equal
	Other   string         // of SameAs: the other field's path
	Part    TimePart       // a comparison with a part of a date, not with the value
	// How SameAs compares: anywhere or at an end if set, else as a whole.
	Contains, StartsWith, EndsWith bool

	// Node is where the rule says it: the value's node.
	Node ast.Node
}

// Op is what a predicate asks.
type Op uint8

// The questions of predicates.
const (
	Matches      Op = iota // the value's text matches Pattern; a number equals one
	Search                 // Regexp is found in the value's text
	Within                 // the value is an address of Prefix
	Less                   // the value is a number less than Number
	LessEqual              //
	Greater                //
	GreaterEqual           //
	Equal                  // only of a Part
	Null                   // the field is absent, or has no value but null
	Exists                 // the field is there, with whatever value
	SameAs                 // the value's text is that of the field Other
)

// TimePart is a part of a date; the zero value is the date itself.
type TimePart uint8

// The parts of a date.
const (
	WholeTime TimePart = iota
	Minute             // 0 to 59
	Hour               // 0 to 23
	Day                // of the month, 1 to 31
	Week               // of the year as ISO 8601 counts, 1 to 53
	Month              // 1 to 12
	Year
)
