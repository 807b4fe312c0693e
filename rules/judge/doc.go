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
// # Costs
//
// An act looks only at the approvals of its kinds that name its scope, or have
// a wildcard, or name its actor where the actor matters: for c of these it
// takes O(c log c), however many others are held. An approval looks only at
// the open acts that ask for its kind and scope; one with a wildcard also at
// each distinct scope asked for of its kind. A mark takes O(log w) for each of
// the w waiting acts that it frees, and O(1) if it frees none. A new policy
// looks at every waiting act. Memory is bounded by [Config].MaxHeld.
package judge
