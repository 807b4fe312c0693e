// Package judge decides whether each act was approved. It is a pure fold over
// the MATCHES stream: inputs in, records and timers out. The result depends on
// the inputs and their order alone; time is one of the inputs, and timers go
// out as messages that come back as inputs.
//
// The life of an act, each arrow but the first being a revision of its verdict:
//
//	(match) ─▶ pending ─┬─▶ approved          an approval covers it
//	                    ├─▶ approved-late     approved, but only after the act
//	                    ├─▶ bypass            grace passed, every source complete, nothing covers it
//	                    └─▶ undetermined      limit passed, a source still behind
//	undetermined ─▶ bypass, approved-late, approved
//	bypass ─▶ approved-late, approved
//	approved-late ─▶ approved
//
// A bypass is the absence of an approval, so it is stated only when the act's
// grace has passed and every source in force that provides one of the required
// kinds of approval is complete up to then. A kind that no source provides can
// never come, and delays nothing. An act only ever moves towards approved; so,
// whatever the order of arrival, the same inputs end in the same states, unless
// [Config]'s bounds had something forgotten in between.
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
// looks at every waiting act. Memory is bounded by [Config].MaxHeld.
//
// A contribution looks at those of its group within a timespan of it, on either
// side: of them a group holds fewer than a count asks for, at most two for each
// value or rule where only different ones count, and never more than 10,000
// (1,000 where order matters), each of which takes some nanoseconds. Memory is
// bounded by [Config].MaxContributions.
package judge
