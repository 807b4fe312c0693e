package alerting

import (
	"fmt"
	"strconv"

	"sidedoor/event"
)

// Message is what a channel renders.
type Message struct {
	// Alert is the alert's latest revision.
	Alert event.Alert
	// Before is the revision that the receiver was told last; nil if there is
	// none or, after a restart, if it is not known.
	Before *event.Alert
}

// ID identifies the message: a receiver that gets one ID twice can drop the
// second.
func (m Message) ID() string { return m.Alert.ID + "." + strconv.Itoa(m.Alert.Revision) }

// Severity is the level of the alert's rule, or "unrated".
func (m Message) Severity() string {
	if m.Alert.Rule.Level.Rank() == 0 {
		return "unrated"
	}
	return string(m.Alert.Rule.Level)
}

// Changed says in words what the message has to say beyond the one before.
func (m Message) Changed() string {
	a, b := m.Alert, m.Before
	switch {
	case b == nil && a.Revision == 1:
		return "New alert."
	case b == nil:
		return fmt.Sprintf("Revision %d: %s, %s.", a.Revision, a.State, occurrences(a.Occurrences))
	}
	s := ""
	if a.State != b.State {
		s = fmt.Sprintf("Was %s, is now %s. ", b.State, a.State)
	}
	return s + fmt.Sprintf("%s, when last told %d.", occurrences(a.Occurrences), b.Occurrences)
}

// Decide is the command with which a reviewer decides the alert.
func (m Message) Decide() string { return "sidedoor review decide " + m.Alert.ID }

func occurrences(n int) string {
	if n == 1 {
		return "1 occurrence"
	}
	return strconv.Itoa(n) + " occurrences"
}
