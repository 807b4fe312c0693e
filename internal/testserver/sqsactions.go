package testserver

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"strings"
)

// sqsAction reads a request and answers it; s.mu is held.
type sqsAction func(ctx context.Context, s *SQSServer, body *json.Decoder) (any, error)

var sqsActions = map[string]sqsAction{
	"CreateQueue":                  action((*SQSServer).createQueue),
	"GetQueueUrl":                  action((*SQSServer).getQueueURL),
	"DeleteQueue":                  onQueue((*SQSServer).deleteQueue),
	"PurgeQueue":                   onQueue((*SQSServer).purgeQueue),
	"GetQueueAttributes":           onQueue((*SQSServer).getQueueAttributes),
	"SetQueueAttributes":           onQueue((*SQSServer).setQueueAttributes),
	"SendMessage":                  onQueue((*SQSServer).sendMessage),
	"SendMessageBatch":             onBatch((*SQSServer).sendMessage),
	"ReceiveMessage":               onQueue((*SQSServer).receiveMessage),
	"DeleteMessage":                onQueue((*SQSServer).deleteMessage),
	"DeleteMessageBatch":           onBatch((*SQSServer).deleteMessage),
	"ChangeMessageVisibility":      onQueue((*SQSServer).changeVisibility),
	"ChangeMessageVisibilityBatch": onBatch((*SQSServer).changeVisibility),
}

func action[In any](f func(*SQSServer, In) (any, error)) sqsAction {
	return func(_ context.Context, s *SQSServer, body *json.Decoder) (any, error) {
		in, err := decode[In](body)
		if err != nil {
			return nil, err
		}
		return f(s, in)
	}
}

// onQueue is for actions on a queue that exists.
func onQueue[In any](f func(*SQSServer, context.Context, *sqsQueue, In) (any, error)) sqsAction {
	return func(ctx context.Context, s *SQSServer, body *json.Decoder) (any, error) {
		raw, err := decode[json.RawMessage](body)
		if err != nil {
			return nil, err
		}
		at, err := decode[struct{ QueueUrl string }](json.NewDecoder(strings.NewReader(string(raw)))) //nolint:revive // AWS's spelling
		if err != nil {
			return nil, err
		}
		q, err := s.queueAt(at.QueueUrl)
		if err != nil {
			return nil, err
		}
		in, err := decode[In](json.NewDecoder(strings.NewReader(string(raw))))
		if err != nil {
			return nil, err
		}
		return f(s, ctx, q, in)
	}
}

func decode[In any](body *json.Decoder) (In, error) {
	var in In
	if err := body.Decode(&in); err != nil {
		return in, faultf("SerializationException", "the request is not what the action takes: %v", err)
	}
	return in, nil
}

type empty struct{}

type createRequest struct {
	QueueName  string
	Attributes map[string]string
}

type queueReply struct {
	QueueURL string `json:"QueueUrl"`
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

// createQueue is no error for a queue that is there, unless it would be
// another one.
func (s *SQSServer) createQueue(in createRequest) (any, error) {
	if !queueName.MatchString(in.QueueName) {
		return nil, faultf("InvalidParameterValue", "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length: %q (the test server has no FIFO queues)", in.QueueName)
	}
	if err := s.checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	now := s.now()
	if q := s.queues[in.QueueName]; q != nil {
		has := s.shownAttributes(q, now)
		for name, value := range in.Attributes {
			if has[name] != value {
				return nil, faultf("QueueNameExists", "A queue already exists with the same name and a different value for attribute %s", name)
			}
		}
		return queueReply{QueueURL: s.urlOf(in.QueueName)}, nil
	}
	q := &sqsQueue{name: in.QueueName, attributes: map[string]string{}, created: now, modified: now}
	maps.Copy(q.attributes, in.Attributes)
	s.queues[in.QueueName] = q
	return queueReply{QueueURL: s.urlOf(in.QueueName)}, nil
}

func (s *SQSServer) getQueueURL(in createRequest) (any, error) {
	if s.queues[in.QueueName] == nil {
		return nil, faultf("QueueDoesNotExist", "there is no queue %q", in.QueueName)
	}
	return queueReply{QueueURL: s.urlOf(in.QueueName)}, nil
}

func (s *SQSServer) deleteQueue(_ context.Context, q *sqsQueue, _ empty) (any, error) {
	delete(s.queues, q.name)
	s.wake()
	return empty{}, nil
}

func (s *SQSServer) purgeQueue(_ context.Context, q *sqsQueue, _ empty) (any, error) {
	q.messages = nil
	return empty{}, nil
}

type getAttributesRequest struct{ AttributeNames []string }

func (s *SQSServer) getQueueAttributes(_ context.Context, q *sqsQueue, in getAttributesRequest) (any, error) {
	return map[string]any{"Attributes": chosen(s.shownAttributes(q, s.now()), in.AttributeNames)}, nil
}

type setAttributesRequest struct{ Attributes map[string]string }

func (s *SQSServer) setQueueAttributes(_ context.Context, q *sqsQueue, in setAttributesRequest) (any, error) {
	if err := s.checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	maps.Copy(q.attributes, in.Attributes)
	q.modified = s.now()
	return empty{}, nil
}

type sendRequest struct {
	MessageBody       string
	DelaySeconds      *int
	MessageAttributes map[string]sqsAttribute
}

type sendReply struct {
	MessageID              string `json:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty"`
}

func (s *SQSServer) sendMessage(_ context.Context, q *sqsQueue, in sendRequest) (any, error) {
	delay := q.number("DelaySeconds")
	if in.DelaySeconds != nil {
		delay = *in.DelaySeconds
	}
	if err := within("DelaySeconds", delay, 0, 900); err != nil {
		return nil, err
	}
	if err := q.checkBody(in.MessageBody); err != nil {
		return nil, err
	}
	now := s.now()
	m := &sqsMessage{
		id: newMessageID(), body: in.MessageBody, attributes: in.MessageAttributes,
		sent: now, visible: now.Add(secondsOf(delay)),
	}
	q.messages = append(q.messages, m)
	s.wake()
	return sendReply{MessageID: m.id, MD5OfMessageBody: md5Of(m.body), MD5OfMessageAttributes: md5OfAttributes(m.attributes)}, nil
}

func (q *sqsQueue) checkBody(body string) error {
	if body == "" {
		return faultf("MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if most := q.number("MaximumMessageSize"); len(body) > most {
		return faultf("InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", most)
	}
	for _, r := range body {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return faultf("InvalidMessageContents", "the message contains %U, which the queue does not take", r)
		}
	}
	return nil
}

func newMessageID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

type receiptRequest struct {
	ReceiptHandle     string
	VisibilityTimeout int
}

func (s *SQSServer) deleteMessage(_ context.Context, q *sqsQueue, in receiptRequest) (any, error) {
	return empty{}, q.delete(in.ReceiptHandle)
}

func (s *SQSServer) changeVisibility(_ context.Context, q *sqsQueue, in receiptRequest) (any, error) {
	err := q.hide(s.now(), in.ReceiptHandle, in.VisibilityTimeout)
	s.wake()
	return empty{}, err
}
