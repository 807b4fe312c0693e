// Package event holds the nouns of Sidedoor: what the stages say to each
// other on the streams. It performs no I/O and imports nothing of ours, so
// every stage can speak without knowing any other stage.
//
// Reading order follows the data: an [Event] arrives in a [Batch]; a rule
// finds a [Match] in it; the judge turns matches, coverage [Mark]s and
// [Timer]s (together: [Input]s) into [Verdict]s and [Alert]s; people answer
// with [Review]s and [SignOff]s; each of those is kept as a [Record].
//
// All times are UTC. Occurred is always the source's clock, Received and
// Record.Time are always ours.
package event
