// Package stream keeps everything that Sidedoor knows, on NATS JetStream, and
// carries it from stage to stage. It is the only room that speaks NATS.
//
// The streams, in the order of the data:
//
//	EVENTS     events.batch.<source>.<batch>   deliveries, byte for byte
//	           events.mark.<source>            what a source says of its completeness
//	MATCHES    matches.match.<match>           what rules found
//	           matches.mark.<source>           marks, once all before them is matched
//	           matches.policy.<digest>         rules and sources in force
//	           matches.timer.<timer>           timers that fired
//	           schedules.<timer>               timers that wait
//	RECORDS    records.<type>.<id>             evidence; nothing is ever deleted
//	DEAD       dead.<source>                   what could not be read; bounded, the oldest goes first
//	DOCUMENTS  documents.<digest>              rules, controls and estates behind the records
//
// What it promises:
//
//   - A publish that returned nil is on disk: the embedded server fsyncs each
//     message before it acknowledges it.
//   - Batches, matches and records are named by what they are, and stored only
//     if their subject has no message yet. Doing anything twice does nothing
//     more, however much later.
//   - A stage acknowledges a message only after all that follows from it is
//     stored. A stage that dies in between does it again, to the same effect.
//   - RECORDS has no gaps: the record with sequence i+1 is leaf i of the ledger.
//
// Times handed out are the server's, in UTC. Sizes are in bytes.
//
// Sources: NATS documentation, "JetStream"; ADR-8 (KV), ADR-20 (object store),
// ADR-51 (message schedules).
package stream
