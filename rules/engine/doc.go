// Package engine runs Sigma rules over events. It takes from package sigma
// what each rule asks, as a tree of predicates, and compiles all rules into one
// [Program]; a [Matcher], one for each goroutine, finds the rules that match an
// event, in its raw bytes.
//
// # From rules to a program
//
// A log source's rules make a route, found by one look-up. In it each predicate
// is a leaf, and so are alternatives for the text of one field together; rules
// that ask the same share the leaf. Every rule has witnesses: a set of leaves
// of which one has to hold for the rule to match, chosen so that they hold
// seldom and few other rules ask for them (witness.go). Whole texts and
// witnesses are found by indexes, one a field (index.go):
//
//   - whole texts, starts and ends by their hash, which does not see case;
//   - texts inside of others by the rarest of their four-byte grams (grams.go),
//     those of two and three bytes by their first pair (pairs.go);
//   - wildcard patterns and regular expressions by a text that every match of
//     theirs holds (literal.go), after which they are asked themselves;
//   - numbers by their value; all else by the presence of its field.
//
// # From an event to matches
//
// The matcher walks the bytes once. It checks that they are one JSON object as
// RFC 8259 has it, follows the tree of the paths that rules read, and skips
// what lies beside it. Each value on a path is looked up in its field's index;
// a leaf that this makes hold names the rules whose witness it is. Only rules
// that were named, and those few that have no witness, are evaluated. A leaf
// that no index decides is asked when the first rule needs it, and its answer
// kept. No mark is cleared between events: each bears the event's number. Values
// are, so that no event stays in memory behind the next one.
//
// # Costs
//
// For an event of n bytes with v bytes in fields that rules read: O(n) for the
// walk; O(v) for the indexes, whatever the number of rules, plus O(l) for each
// of the l distinct lengths of starts and ends on a field, at most 64 each since
// no more bytes of a literal are looked for; and what the named rules cost, each
// of its leaves once. Regular expressions are RE2's, linear in the value. An event
// that matches nothing allocates nothing. Compiling takes time and memory linear
// in what the rules say.
//
// Grams took the place of an Aho–Corasick automaton, whose states for thousands
// of rules lie scattered over megabytes, one visited for each byte: the set of
// grams of as many rules fits into the first-level cache, and a byte of a text
// costs one probe of it. docs/performance.md has the measurements.
//
// # What tries to hide
//
// Keys are compared unescaped, values decoded as encoding/json does. A key that
// stands twice in an object, where rules read, means different things to
// different readers: the event is then walked again for each reading (every
// member, the first, the last), a rule matches if it does under any, and a
// [DuplicateKeyError] tells (duplicate.go). What is not one JSON object of at
// most 200 levels is an error. Nothing takes more than O(n log n).
package engine
