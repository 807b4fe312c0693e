// Package engine runs Sigma rules over events. It takes from package sigma
// what each rule asks, as a tree of predicates, and compiles all of it into
// one [Program]; a [Matcher], one for each goroutine, finds the matching rules
// of an event in its raw bytes.
package engine
