package event

import "time"

// State is the judgement of an act.
type State string

// The states of an act. A pending act has no verdict record yet; every other
// state is a revision of its verdict, and none is ever erased.
const (
	Pending      State = "pending"
	Approved     State = "approved"
	Bypass       State = "bypass"
	Undetermined State = "undetermined"  // an approving source is behind
	ApprovedLate State = "approved-late" // approved only after the act
)

// Verdict is a revision of the judgement of one act.
type Verdict struct {
	ID       string  `json:"id"`       // the match's ID
	Revision int     `json:"revision"` // from 1
	Verdict  State   `json:"verdict"`
	Reason   string  `json:"reason"` // one sentence for people
	Rule     RuleRef `json:"rule"`
	Control  string  `json:"control"`
	Actor    Party   `json:"actor"`
	Resource string  `json:"resource"`
	Scope    string  `json:"scope"`
	Event    Ref     `json:"event"`
	// Required is what would have approved the act.
	Required []Requirement `json:"required,omitempty"`
	// Considered are the approvals that came near, the decisive one first, at
	// most MaxConsidered; Omitted counts the rest.
	Considered []Considered `json:"considered,omitempty"`
	Omitted    int          `json:"omitted,omitempty"`
	// Behind names the approving sources that lacked coverage.
	Behind []string `json:"behind,omitempty"`
	// Alert is the ID of the alert that the act belongs to, if any.
	Alert string `json:"alert,omitempty"`
	// Together is what a correlation's act is made of.
	Together *Together `json:"together,omitempty"`
}

// MaxConsidered bounds the approvals listed in one verdict.
const MaxConsidered = 20

// Considered is an approval that was looked at for an act, and why it did or
// did not count.
type Considered struct {
	Why       Why       `json:"why"`
	Kind      string    `json:"kind"`
	Reference string    `json:"reference,omitempty"`
	Actor     Party     `json:"actor,omitzero"`
	Approver  Party     `json:"approver,omitzero"`
	Covers    string    `json:"covers"`
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Recorded  time.Time `json:"recorded"`
	Revoked   time.Time `json:"revoked,omitzero"`
	Event     Ref       `json:"event"`
	// Detail says what exactly is wrong, where Why does not.
	Detail string `json:"detail,omitempty"`
	// Links are what the approval itself was approved by: of each requirement of
	// its own the approval that came nearest.
	Links []Considered `json:"links,omitempty"`
}

// Why is the reason for which an approval did or did not count.
type Why string

// The reasons, in the order in which they are looked for.
const (
	OtherScope    Why = "other-scope"
	OtherActor    Why = "other-actor"
	NoApprover    Why = "no-approver"   // the kind needs one and the event names none
	SelfApproved  Why = "self-approved" // by somebody who is not independent
	OtherGroup    Why = "other-group"   // the approver is not in the required group
	NewApprover   Why = "new-approver"  // and became a member only just before
	NotYetValid   Why = "not-yet-valid"
	Expired       Why = "expired"
	Revoked       Why = "revoked"
	MissingLink   Why = "missing-link" // what it needs itself is not there
	RecordedAfter Why = "recorded-after"
	NotEnough     Why = "not-enough" // it counts, and not alone: others are needed, too
	Covers        Why = "covers"
)

// Alert is a revision of one or more bypasses of one rule by one actor in one
// scope and burst. Undetermined acts raise alerts too: else cutting the feed of
// approvals would silence the monitor. A revision names only the verdicts that it adds, so that
// its size does not grow with the burst.
type Alert struct {
	ID       string `json:"id"`
	Revision int    `json:"revision"` // from 1
	// State is the worst among its occurrences: bypass, undetermined,
	// approved-late, approved, in that order.
	State    State   `json:"state"`
	Sentence string  `json:"sentence"` // who did what where, and what was missing
	Rule     RuleRef `json:"rule"`
	Control  string  `json:"control"`
	Actor    Party   `json:"actor"`
	Scope    string  `json:"scope"`
	// Resource is the first occurrence's.
	Resource    string    `json:"resource"`
	Occurrences int       `json:"occurrences"`
	First       time.Time `json:"first"` // source's clock
	Last        time.Time `json:"last"`
	// Verdicts are the verdicts that this revision adds or revises.
	Verdicts []VerdictRef `json:"verdicts"`
	// Considered are the approvers of the approvals considered, who may not
	// decide the alert's review.
	Considered []Party `json:"considered,omitempty"`
}

// VerdictRef names one revision of a verdict.
type VerdictRef struct {
	ID       string `json:"id"`
	Revision int    `json:"revision"`
}

// AlertID identifies the alert that the act of m opens.
func AlertID(m Match) string { return AlertOf(m.ID()) }

// AlertOf identifies the alert that the act of the match with an ID opens.
func AlertOf(match string) string { return identify("sidedoor/alert/v1", match).String()[:16] }
