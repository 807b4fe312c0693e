package demo

import "time"

// cloudEvent is one event of the approvals feed: CloudEvents 1.0, structured
// mode in JSON.
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	Time        time.Time `json:"time"`
	Data        any       `json:"data"`
}

// approval is the data of an event that approves something.
type approval struct {
	Actor     string    `json:"actor,omitempty"`
	Approver  string    `json:"approver,omitempty"`
	Scope     string    `json:"scope,omitempty"`
	From      time.Time `json:"from,omitzero"`
	Until     time.Time `json:"until,omitzero"`
	Reference string    `json:"reference,omitempty"`
	Reason    string    `json:"reason,omitempty"`
}

// revocation is the data of an event that takes an approval back.
type revocation struct {
	Kind      string    `json:"kind"`
	Reference string    `json:"reference"`
	At        time.Time `json:"at"`
}

// Types of the feed's events.
const (
	typeGrant      = "dev.sidedoor.access-grant"
	typeBreakGlass = "dev.sidedoor.break-glass"
	typeTicket     = "dev.sidedoor.change-ticket"
	typeReviewed   = "dev.sidedoor.emergency-review"
	typeException  = "dev.sidedoor.exception"
	typeRevocation = "dev.sidedoor.revocation"
	typeHeartbeat  = "dev.sidedoor.heartbeat"
	typePackaged   = "dev.cdevents.artifact.packaged.0.2.0"
)

func (s *scribe) approve(at time.Time, kind string, a approval) { s.tell(at, kind, a) }

// tell writes down an event of the feed.
func (s *scribe) tell(at time.Time, kind string, data any) {
	s.write(happening{at: at, source: SourceApprovals}, cloudEvent{
		SpecVersion: "1.0", ID: s.dice.uuid(), Source: "https://access." + s.Company.Domain,
		Type: kind, Time: at, Data: data,
	})
}

// heartbeat approves nothing; it proves that the feed is alive.
func (s *scribe) heartbeat(at time.Time) { s.approve(at, typeHeartbeat, approval{}) }

// roleARN is what a grant of a role covers.
func (s *scribe) roleARN(role string) string {
	return "arn:aws:iam::" + s.Company.Account + ":role/" + role
}
