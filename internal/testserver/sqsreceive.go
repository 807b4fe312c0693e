package testserver

import (
	"context"
	"slices"
	"time"
)

type receiveRequest struct {
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	AttributeNames              []string // the older name of the next
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
}

type receivedMessage struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	Attributes             map[string]string       `json:",omitempty"`
	MessageAttributes      map[string]sqsAttribute `json:",omitempty"`
	MD5OfMessageAttributes string                  `json:",omitempty"`
}

type receiveReply struct {
	Messages []receivedMessage `json:",omitempty"`
}

// receiveMessage waits until there is something to give, the wait is over or
// the caller has gone; who has gone is given nothing, so that the message is
// there for the next.
func (s *SQSServer) receiveMessage(ctx context.Context, q *sqsQueue, in receiveRequest) (any, error) {
	atMost, wait, hidden, err := in.limits(q)
	if err != nil {
		return nil, err
	}
	deadline := s.now().Add(secondsOf(wait))
	for {
		if s.queues[q.name] != q {
			return nil, faultf("QueueDoesNotExist", "the queue %s was deleted", q.name)
		}
		if ctx.Err() != nil {
			return receiveReply{}, nil
		}
		dead, err := s.redriveOf(q.attributes["RedrivePolicy"], s.arnOf(q.name))
		if err != nil {
			return nil, err
		}
		now := s.now()
		got, moved := q.receive(now, atMost, secondsOf(hidden), dead, s.newReceipt)
		if moved {
			s.wake() // whoever waits at the dead-letter queue
		}
		if len(got) > 0 || !now.Before(deadline) {
			return in.reply(got), nil
		}
		s.pause(ctx, q.nextVisible(now, deadline))
	}
}

// limits are the request's own, or the queue's.
func (in receiveRequest) limits(q *sqsQueue) (atMost, wait, hidden int, err error) {
	own := func(asked *int, otherwise int) int {
		if asked != nil {
			return *asked
		}
		return otherwise
	}
	atMost = own(in.MaxNumberOfMessages, 1)
	wait = own(in.WaitTimeSeconds, q.number("ReceiveMessageWaitTimeSeconds"))
	hidden = own(in.VisibilityTimeout, q.number("VisibilityTimeout"))
	for _, check := range []error{
		within("MaxNumberOfMessages", atMost, 1, 10),
		within("WaitTimeSeconds", wait, 0, 20),
		within("VisibilityTimeout", hidden, 0, 43200),
	} {
		if check != nil {
			return 0, 0, 0, check
		}
	}
	return atMost, wait, hidden, nil
}

func (in receiveRequest) reply(got []*sqsMessage) receiveReply {
	var reply receiveReply
	asked := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	for _, m := range got {
		attributes := chosen(m.attributes, in.MessageAttributeNames)
		reply.Messages = append(reply.Messages, receivedMessage{
			MessageID: m.id, ReceiptHandle: m.receipt, Body: m.body, MD5OfBody: md5Of(m.body),
			Attributes:             chosen(m.systemAttributes(), asked),
			MessageAttributes:      attributes,
			MD5OfMessageAttributes: md5OfAttributes(attributes),
		})
	}
	return reply
}

// newReceipt differs each time, as AWS has it: only the latest one deletes.
func (s *SQSServer) newReceipt() string {
	s.received++
	return receiptOf(s.received)
}

func secondsOf(n int) time.Duration { return time.Duration(n) * time.Second }
