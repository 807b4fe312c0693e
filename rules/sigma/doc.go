// Package sigma reads Sigma rules, and says precisely what is wrong with a bad
// one.
//
// The way of a rule: [ParseDocuments] cuts a file into YAML documents,
// [Collect] merges those that belong together, [ParseRule] reads one into a
// [Rule] with its detection as a tree of selections and its conditions,
// [Apply] hands it its filters, and [Rule.Detection] turns these into an
// [Expr]: a tree of And, Or and Not over predicates, each of which asks one
// thing of one field. What runs the rules (package engine) and what checks
// that (the reference evaluator in its tests) need nothing else.
//
// Language: Sigma specification 2.1, github.com/SigmaHQ/sigma-specification.
package sigma
