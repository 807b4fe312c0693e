// Package sigma reads Sigma rules, compiles them, and finds the rules that
// match an event.
//
// The way of a rule: [ParseRules] reads YAML into a [Rule] with its detection
// as a tree of selections; [Compile] resolves lists and turns the rules into
// one [Program]; a [Matcher], one for each goroutine, finds the matching rules
// of an event. Parsing, compiling and matching are in files of their own, so
// that the evaluator can be replaced by another without touching the language.
//
// An event is never decoded into maps. For each log source the program knows
// the field paths that its rules read, as a trie; the matcher walks the raw
// bytes once, checks that they are one valid JSON object, keeps references to
// the values at those paths, and evaluates the rules on them. That costs
// O(bytes + rules·values); an event that matches nothing allocates nothing,
// unless a text that is read holds escapes.
//
// Anything by which a record could hide from the rules takes a strict path:
// keys are compared unescaped, a key that stands twice counts twice, nesting
// beyond 200 levels is an error, and so is a byte behind the object's end.
//
// Language: Sigma specification 2.1, github.com/SigmaHQ/sigma-specification.
package sigma
