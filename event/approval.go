package event

import "time"

// Requirement is something that has to approve an act, or an approval that
// itself needs one.
type Requirement struct {
	Kind string `json:"kind"` // of approval, such as access-grant
	// SameActor demands that the approval names the act's actor.
	SameActor bool `json:"same_actor,omitempty"`
	// Scope is what the approval has to cover; nothing covers an empty one. Within are wider scopes that hold
	// it, of which to cover any is enough: the account of a role, its organisation.
	Scope  string   `json:"scope"`
	Within []string `json:"within,omitempty"`
	// Skew is by how much the clocks of the two sources may differ: an
	// approval recorded up to this long after the act still counts.
	Skew time.Duration `json:"skew,omitempty"`
	// IndependentOf are the parties that the approver must not be, and Separate
	// the facts that must not be about the approver: the author of the commit.
	IndependentOf []Party   `json:"independent_of,omitempty"`
	Separate      []FactRef `json:"separate,omitempty"`
	// Approvers is how many different people have to approve, each independent.
	// 0 means 1.
	Approvers int `json:"approvers,omitempty"`
	// Group is the group of the estate that an approver has to belong to, for at
	// least MemberFor when the approval is recorded.
	Group     string        `json:"group,omitempty"`
	MemberFor time.Duration `json:"member_for,omitempty"`
	// Also are the requirements that have to be met together with this one.
	Also []Requirement `json:"also,omitempty"`
}

// Approval is something that approves acts.
type Approval struct {
	Kind  string `json:"kind"`
	Actor Party  `json:"actor,omitzero"` // who may act; zero if anybody
	// Approver is who gave it. NeedsApprover is false for kinds that a person
	// may invoke alone, such as a break-glass activation.
	Approver      Party `json:"approver,omitzero"`
	NeedsApprover bool  `json:"needs_approver"`
	// Covers is what it approves; '*' stands for any run of characters.
	Covers    string    `json:"covers"`
	From      time.Time `json:"from,omitzero"`  // zero: from Recorded
	Until     time.Time `json:"until,omitzero"` // zero: does not expire
	Recorded  time.Time `json:"recorded"`       // when it was given, by its source's clock
	Reference string    `json:"reference,omitempty"`
	// Requires are the links that lead on from it, all of which have to hold: a
	// build of a commit counts if a reviewed pull request brought that commit.
	// They are judged as though to give this approval had been an act.
	Requires []Requirement `json:"requires,omitempty"`
}

// Revocation takes back the approvals of a kind that were recorded up to its
// time. They approve nothing that happens from then on.
type Revocation struct {
	Kind string `json:"kind"`
	// Reference names the approvals. If it is empty, it is those that Approver
	// gave for exactly Covers.
	Reference string    `json:"reference,omitempty"`
	Covers    string    `json:"covers,omitempty"`
	Approver  Party     `json:"approver,omitzero"`
	At        time.Time `json:"at"`
}
