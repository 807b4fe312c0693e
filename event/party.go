package event

import "time"

// Party is somebody as a source names them, and as a person of the estate.
//
//	{"name":"arn:aws:sts::1:assumed-role/Admin/x","person":"alice",
//	 "chain":[{"by":"source-identity","name":"alice@acme.example"}]}
type Party struct {
	Name string `json:"name"` // as in the event
	// Person is the estate's person or service identity; the name itself when
	// the estate does not know it, and then Unknown is set. Parties are compared
	// by Person.
	Person  string `json:"person"`
	Unknown bool   `json:"unknown,omitempty"`
	// Owner is the person who answers for a service identity.
	Owner string `json:"owner,omitempty"`
	// Groups are the person's groups in the estate, of those that rules ask for.
	Groups []string `json:"groups,omitempty"`
	// Chain leads from Name to the name by which Person was found, if that is
	// another.
	Chain []Hop `json:"chain,omitempty"`
	// Session names the session that the party acted in, where another event
	// tells who began it: the fact "session" of it is who stands behind.
	Session string `json:"session,omitempty"`
}

// Hop is one step from an identity towards the person behind it.
type Hop struct {
	By   string `json:"by"` // role-session, source-identity, on-behalf-of, impersonator, session …
	Name string `json:"name"`
}

// Fact says what somebody is to something: the author of a commit, the one who
// pushed it, a member of a group of approvers, the one behind a session. Facts
// approve nothing; they say who is who, and who is independent of what.
//
//	{"is":"author","of":"acme/shop@c0ffee","who":{"name":"alice-acme","person":"alice"},"since":"…"}
type Fact struct {
	Is    string    `json:"is"`
	Of    string    `json:"of"`
	Who   Party     `json:"who"`
	Since time.Time `json:"since"`
}

// FactRef asks who is something to something.
type FactRef struct {
	Is string `json:"is"`
	Of string `json:"of"`
}

// The facts that have a meaning of their own. All others are what rules make of
// them.
const (
	FactSession = "session" // who stands behind a session; see [Party].Session
	FactMember  = "member"  // who was made a member of a group of the estate
)
