// Package review is the weekly bypass review as a state machine: records in,
// the state of the review and decisions on it out.
//
// State is a fold over all records, so two processes that have read the same
// records decide the same. Decide and SignOff do not change it: they return
// the record to store, whose ID names the place that it takes. If two people
// decide at once, the second record finds its place taken.
//
// An alert belongs to the ISO week in which its first occurrence happened, in
// UTC. A sign-off settles the revisions of alerts that it lists; whatever
// comes after it, a late alert or a late revision, is carried over to the next
// week of the control that is not signed. So nothing escapes the review, and
// no signed week changes.
package review
