package objects

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// notice is what a message says.
type notice struct {
	objects []place // that it announces
	// test says that the message only tries the queue, or tells of something that
	// brings no events, such as an object that was deleted.
	test bool
	// body is the message without SNS's envelope; it is an event itself if there
	// are no objects and it is no test.
	body       []byte
	detailType string
	detail     []byte
}

// place is where an object is.
type place struct{ bucket, key string }

// maxWrapped is how many envelopes of SNS a message may be in: a topic may be
// behind a topic.
const maxWrapped = 2

// cloudTrailTest is what CloudTrail sends to a topic that it is to announce its
// files on.
const cloudTrailTest = "CloudTrail validation message."

// envelope has the members of all forms.
type envelope struct {
	// SNS: {"Type":"Notification","MessageId":"…","Message":"{…}"}
	Type     string
	Message  *string
	TopicArn string

	// S3's test: {"Service":"Amazon S3","Event":"s3:TestEvent",…}
	Event string

	// S3: {"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put",
	// "s3":{"bucket":{"name":"acme-trail"},"object":{"key":"AWSLogs/a+b%3D.json.gz"}}}]}
	Records []struct {
		EventName string `json:"eventName"`
		S3        *s3Part
	}

	// CloudTrail: {"s3Bucket":"acme-trail","s3ObjectKey":["AWSLogs/…"]}
	S3Bucket    string          `json:"s3Bucket"`
	S3ObjectKey json.RawMessage `json:"s3ObjectKey"`

	// EventBridge: {"detail-type":"Object Created","source":"aws.s3",
	// "detail":{"bucket":{"name":"acme-trail"},"object":{"key":"AWSLogs/…"}}}
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Detail     json.RawMessage `json:"detail"`
}

type s3Part struct {
	Bucket struct{ Name string }
	Object struct{ Key string }
}

func parseNotice(body []byte) (notice, error) {
	for range maxWrapped + 1 {
		if string(bytes.TrimSpace(body)) == cloudTrailTest {
			return notice{test: true, body: body}, nil
		}
		var e envelope
		if err := json.Unmarshal(body, &e); err != nil {
			return parseForeign(body, err)
		}
		if e.Type == "Notification" && e.Message != nil {
			body = []byte(*e.Message)
			continue
		}
		return e.notice(body)
	}
	return notice{}, fmt.Errorf("it is in more than %d envelopes of SNS", maxWrapped)
}

// parseForeign takes an object of any form, of which a member only has the name
// of one of ours.
func parseForeign(body []byte, err error) (notice, error) {
	if json.Valid(body) && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return notice{body: body}, nil
	}
	return notice{}, fmt.Errorf("it is no JSON object: %w", err)
}

func (e *envelope) notice(body []byte) (notice, error) {
	n := notice{body: body, detailType: e.DetailType, detail: e.Detail}
	switch {
	case e.Type == "SubscriptionConfirmation":
		// Its URL is for a person to decide about: a message may name any.
		return n, fmt.Errorf("the topic %.200q asks to be subscribed to the queue: until that is confirmed it sends nothing; "+
			"confirm it with aws sns confirm-subscription and the token in the message", e.TopicArn)
	case e.Event == "s3:TestEvent":
		n.test = true
		return n, nil
	case len(e.Records) > 0 && e.Records[0].S3 != nil:
		return n, e.fromS3(&n)
	case e.S3Bucket != "" && len(e.S3ObjectKey) > 0:
		return n, e.fromCloudTrail(&n)
	case e.Source == "aws.s3" && strings.HasPrefix(e.DetailType, "Object "):
		return n, e.fromEventBridge(&n)
	}
	return n, nil
}

func (e *envelope) fromS3(n *notice) error {
	for i, r := range e.Records {
		if r.S3 == nil {
			return fmt.Errorf("record %d is none of S3", i)
		}
		if !strings.Contains(r.EventName, "ObjectCreated:") {
			continue // deleted, restored, tagged …
		}
		// Keys are encoded as in a form: a space is a plus.
		key, err := url.QueryUnescape(r.S3.Object.Key)
		if err != nil {
			return fmt.Errorf("record %d: the key %q is not URL-encoded: %w", i, r.S3.Object.Key, err)
		}
		if err := n.add(r.S3.Bucket.Name, key); err != nil {
			return fmt.Errorf("record %d: %w", i, err)
		}
	}
	n.test = len(n.objects) == 0
	return nil
}

func (e *envelope) fromCloudTrail(n *notice) error {
	var keys []string
	if err := json.Unmarshal(e.S3ObjectKey, &keys); err != nil {
		var one string
		if json.Unmarshal(e.S3ObjectKey, &one) != nil {
			return fmt.Errorf("s3ObjectKey: %w", err)
		}
		keys = []string{one}
	}
	for _, key := range keys {
		if err := n.add(e.S3Bucket, key); err != nil {
			return err
		}
	}
	n.test = len(keys) == 0
	return nil
}

func (e *envelope) fromEventBridge(n *notice) error {
	if n.test = e.DetailType != "Object Created"; n.test {
		return nil
	}
	var p s3Part
	if err := json.Unmarshal(e.Detail, &p); err != nil {
		return fmt.Errorf("detail: %w", err)
	}
	return n.add(p.Bucket.Name, p.Object.Key) // its keys are not encoded
}

func (n *notice) add(bucket, key string) error {
	if bucket == "" || key == "" {
		return errors.New("an object is announced without its bucket or key")
	}
	n.objects = append(n.objects, place{bucket, key})
	return nil
}
