// Package judge decides whether each act was approved. It is a pure fold over
// the MATCHES stream: inputs in, records and timers out. The result depends on
// the inputs and their order alone; time is one of the inputs, and timers go
// out as messages that come back as inputs.
//
// The life of an act, each arrow but the first being a revision of its verdict:
//
//	(match) ─▶ pending ─┬─▶ approved          grace passed, an approval covers it
//	                    ├─▶ approved-late     approved, but only after the act
//	                    ├─▶ bypass            grace passed, every source complete, nothing covers it
//	                    └─▶ undetermined      limit passed, a source still behind
//	undetermined, bypass ─▶ approved-late ─▶ approved    by what arrives later
//	approved ─▶ approved-late, bypass, undetermined      by a revocation, or by who somebody turns out to be
//
// A verdict follows from all that is known when it is stated, and never from the
// order in which that came: no verdict is stated before the act's grace has
// passed. A bypass is the absence of an approval, so it is stated only when every
// source in force that provides one of the kinds of approval asked for is
// complete up to then, too. A kind that no source provides can never come, and
// delays nothing. What arrives later has the acts judged again that asked for
// it; only a revocation or a fact can make a verdict worse, not that something
// was forgotten. So, whatever the order of arrival, the same inputs end in the same states, unless
// [Config]'s bounds had something forgotten in between.
//
// # Approvals
//
// An inquiry (inquiry.go) looks for what an act requires, follows each approval
// through the links that it requires itself, and notes every question; what
// each approval is worth, and the first reason why not, is weighed in weigh.go.
// Facts say who stands behind a session, wrote a commit or joined a group.
//
// # Correlations
//
// A match may contribute to correlations. Their windows are in event time:
// contributions are held by group, in the order of their events' times, whatever
// the order of arrival. A condition that can only become true is looked at with
// each contribution; any other when its window has closed, by a timer. What
// completes a window is the correlation's match, and is folded in like one that
// was stored. The contributions of a window are used up by it.
//
// # Costs
//
// An act looks only at the approvals of its kinds that name its scope, or have
// a wildcard, or name its actor where the actor matters: for c of these it
// takes O(c log c), however many others are held. An approval looks only at
// the open acts that ask for its kind and scope; one with a wildcard also at
// each distinct scope asked for of its kind. A mark takes O(log w) for each of
// the w waiting acts that it frees, and O(1) if it frees none. A new policy
// looks at every waiting act. Memory is bounded by [Config].MaxHeld and
// [Config].MaxApprovals: a million approvals take less than 400 MB, and to judge an
// act beside them some tens of microseconds.
//
// Approvals and facts are held as the few bytes that a codec makes of them, end to
// end in blocks, with the texts that they share in a dictionary, and are found by
// tables of numbers. So the garbage collector has little to look at, and a snapshot
// copies them as they are. To read one takes about a microsecond, much of it to wait
// for memory: so an inquiry fetches all that came near before it reads any, and reads
// of each only what it asks for.
//
// A contribution looks at those of its group within a timespan of it, on either
// side: of them a group holds fewer than a count asks for, at most two for each
// value or rule where only different ones count, and never more than 10,000
// (1,000 where order matters), each of which takes some nanoseconds. Memory is
// bounded by [Config].MaxContributions.
package judge
