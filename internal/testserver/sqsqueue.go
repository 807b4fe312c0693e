package testserver

import (
	"fmt"
	"slices"
	"time"
)

// sqsQueue is one standard queue. Its methods are given the time; the server's
// mutex guards it.
type sqsQueue struct {
	name       string
	attributes map[string]string // as set; sqsDefaults has the others
	created    time.Time
	modified   time.Time
	messages   []*sqsMessage // in the order they were sent
}

// sqsMessage is one message in a queue. It is in flight while it has been
// received and is not visible.
type sqsMessage struct {
	id            string
	body          string
	attributes    map[string]sqsAttribute
	sent          time.Time
	firstReceived time.Time
	receives      int // across all queues
	receipt       string
	visible       time.Time
	deadFrom      string // ARN of the queue that gave it up
}

func (m *sqsMessage) isVisible(now time.Time) bool { return !m.visible.After(now) }

// forget drops what is older than the retention period. A message that was
// moved to a dead-letter queue keeps its age.
func (q *sqsQueue) forget(now time.Time) {
	oldest := now.Add(-q.seconds("MessageRetentionPeriod"))
	q.messages = slices.DeleteFunc(q.messages, func(m *sqsMessage) bool { return m.sent.Before(oldest) })
}

// sqsRedrive says when a message is given up, and where it goes then.
type sqsRedrive struct {
	target      *sqsQueue
	source      string // ARN
	maxReceives int
}

// receive takes up to atMost visible messages, and hides them for that long.
// Those that were received too often are moved instead.
func (q *sqsQueue) receive(now time.Time, atMost int, hidden time.Duration, dead *sqsRedrive, receipt func() string) (got []*sqsMessage, anyMoved bool) {
	q.forget(now)
	var moved []*sqsMessage
	for _, m := range q.messages {
		if len(got) == atMost {
			break
		}
		if !m.isVisible(now) {
			continue
		}
		if dead != nil && m.receives >= dead.maxReceives {
			m.deadFrom, m.receipt = dead.source, ""
			moved = append(moved, m)
			continue
		}
		m.receives++
		m.receipt, m.visible = receipt(), now.Add(hidden)
		if m.firstReceived.IsZero() {
			m.firstReceived = now
		}
		got = append(got, m)
	}
	if len(moved) > 0 {
		q.messages = slices.DeleteFunc(q.messages, func(m *sqsMessage) bool { return slices.Contains(moved, m) })
		dead.target.messages = append(dead.target.messages, moved...)
	}
	return got, len(moved) > 0
}

// nextVisible is when the first of the hidden messages comes back, or the
// limit if that is sooner.
func (q *sqsQueue) nextVisible(now, limit time.Time) time.Time {
	for _, m := range q.messages {
		if m.visible.After(now) && m.visible.Before(limit) {
			limit = m.visible
		}
	}
	return limit
}

// delete is no error if the message was received again since, or is gone: AWS
// says nothing either, and delivers it again.
func (q *sqsQueue) delete(receipt string) error {
	if err := checkReceipt(receipt); err != nil {
		return err
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *sqsMessage) bool { return m.receipt == receipt })
	return nil
}

// hide makes a message in flight visible that much later from now.
func (q *sqsQueue) hide(now time.Time, receipt string, seconds int) error {
	if err := checkReceipt(receipt); err != nil {
		return err
	}
	if err := within("VisibilityTimeout", seconds, 0, 43200); err != nil {
		return err
	}
	i := slices.IndexFunc(q.messages, func(m *sqsMessage) bool { return m.receipt == receipt })
	if i < 0 {
		return faultf("InvalidParameterValue", "Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.", receipt)
	}
	if q.messages[i].isVisible(now) {
		return faultf("MessageNotInflight", "the message of receipt %s is not in flight", receipt)
	}
	q.messages[i].visible = now.Add(secondsOf(seconds))
	return nil
}

// counts are the messages that can be received, those in flight, and those
// that are delayed.
func (q *sqsQueue) counts(now time.Time) (visible, inFlight, delayed int) {
	q.forget(now)
	for _, m := range q.messages {
		switch {
		case m.isVisible(now):
			visible++
		case m.receipt != "":
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}

const receiptPrefix = "AQEB"

func receiptOf(n int) string { return fmt.Sprintf("%s%016x", receiptPrefix, n) }

func checkReceipt(receipt string) error {
	var n int
	if _, err := fmt.Sscanf(receipt, receiptPrefix+"%016x", &n); err != nil || receipt != receiptOf(n) {
		return faultf("ReceiptHandleIsInvalid", "The input receipt handle %q is not a valid receipt handle.", receipt)
	}
	return nil
}

func within(name string, value, least, most int) error {
	if value < least || value > most {
		return faultf("InvalidParameterValue", "Value %d for parameter %s is invalid. Reason: Must be between %d and %d.", value, name, least, most)
	}
	return nil
}
