package demo

import (
	"encoding/json"
	"fmt"
	"time"
)

// The four sources of the week.
const (
	SourceCloudTrail = "cloudtrail"
	SourceKubernetes = "kubernetes"
	SourceGitHub     = "github"
	SourceApprovals  = "approvals"
)

// happening is one event, in the words of its source.
type happening struct {
	at     time.Time // when it happened, by its source
	source string
	kind   string // GitHub: X-GitHub-Event
	guid   string // GitHub: X-GitHub-Delivery
	region string // CloudTrail
	body   []byte
	beat   *Beat // nil: the normal week
}

// scribe writes down what happens.
type scribe struct {
	*cast
	dice    dice
	beat    *Beat             // whose events are written
	commit  string            // on main, of the beat's last pull request
	commits map[string]string // of the beats that were told, by title
	written *[]happening
	silent  *[]Silence
}

func (s *scribe) write(h happening, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("an event of %s: %v", h.source, err)) // texts, numbers and lists of them
	}
	h.body, h.beat = b, s.beat
	*s.written = append(*s.written, h)
	if s.beat != nil && h.at.After(s.beat.Until) {
		s.beat.Until = h.at
	}
}

// part returns a scribe with other dice, for one part of the week.
func (s *scribe) part(name string) *scribe {
	other := *s
	other.dice = newDice(name)
	return &other
}
