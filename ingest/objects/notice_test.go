package objects_test

import (
	"fmt"
	"strings"
	"testing"

	"sidedoor/ingest/objects"
)

var notices = []struct{ name, body, want string }{
	{"S3's own", `{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"Happy%20Face+%2B1.jpg","size":1}}}]}`, "[b Happy Face +1.jpg] false "},
	{"several", `{"Records":[{"eventName":"s3:ObjectCreated:Post","s3":{"bucket":{"name":"b"},"object":{"key":"1"}}},{"eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"b"},"object":{"key":"2"}}},{"eventName":"ObjectCreated:Copy","s3":{"bucket":{"name":"c"},"object":{"key":"3"}}}]}`, "[b 1 c 3] false "},
	{"a deletion", `{"Records":[{"eventName":"ObjectRemoved:Delete","s3":{"bucket":{"name":"b"},"object":{"key":"2"}}}]}`, "[] true "},
	{"in SNS", `{"Type":"Notification","Message":"{\"Records\":[{\"eventName\":\"ObjectCreated:Put\",\"s3\":{\"bucket\":{\"name\":\"b\"},\"object\":{\"key\":\"k\"}}}]}"}`, "[b k] false "},
	{"CloudTrail's in SNS", `{"Type":"Notification","Message":"{\"s3Bucket\":\"b\",\"s3ObjectKey\":[\"a+b\",\"c%20d\"]}"}`, "[b a+b b c%20d] false "},
	{"CloudTrail's with one key", `{"s3Bucket":"b","s3ObjectKey":"k"}`, "[b k] false "},
	{"CloudTrail's trial", `{"Type":"Notification","Message":"CloudTrail validation message."}`, "[] true "},
	{"EventBridge's", `{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":"b"},"object":{"key":"a+b%20c"}}}`, "[b a+b%20c] false "},
	{"EventBridge's of a deletion", `{"source":"aws.s3","detail-type":"Object Deleted","detail":{"bucket":{"name":"b"},"object":{"key":"k"}}}`, "[] true "},
	{"S3's test", `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-16T09:00:00.000Z","Bucket":"b"}`, "[] true "},
	{"an event", `{"detail-type":"AWS API Call via CloudTrail","source":"aws.s3","detail":{"eventName":"PutObject"}}`, `[] false AWS API Call via CloudTrail{"eventName":"PutObject"}`},
	{"something else, with members of other types", `{"Records":7,"Message":{"a":1}}`, "[] false "},

	{"no JSON", `hello`, "it is no JSON object"},
	{"a list", `[{"Records":[]}]`, "it is no JSON object"},
	{"no bucket", `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":"k"}}}]}`, "without its bucket or key"},
	{"a key that is not encoded", `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"100%"}}}]}`, "is not URL-encoded"},
	{"records of two kinds", `{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k"}}},{"eventID":"1"}]}`, "record 1 is none of S3"},
	{"keys that are none", `{"s3Bucket":"b","s3ObjectKey":{"a":1}}`, "s3ObjectKey"},
	{"a topic that wants to be confirmed", `{"Type":"SubscriptionConfirmation","TopicArn":"arn:aws:sns:eu-west-1:1:t","Token":"1","Message":"You have chosen …","SubscribeURL":"https://elsewhere"}`, "aws sns confirm-subscription"},
	{"too many envelopes", `{"Type":"Notification","Message":"{\"Type\":\"Notification\",\"Message\":\"{\\\"Type\\\":\\\"Notification\\\",\\\"Message\\\":\\\"{}\\\"}\"}"}`, "envelopes of SNS"},
}

func TestAMessageIsReadInEveryForm(t *testing.T) {
	for _, c := range notices {
		keys, test, event, err := objects.Announces([]byte(c.body))
		got := fmt.Sprint(keys, " ", test, " ", event)
		if err != nil {
			got = err.Error()
		}
		if got != c.want && (err == nil || !strings.Contains(got, c.want)) {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func FuzzAMessage(f *testing.F) {
	for _, c := range notices {
		f.Add([]byte(c.body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		keys, test, _, err := objects.Announces(body)
		if err == nil && test && len(keys) > 0 {
			t.Errorf("%q announces %v and is a test", body, keys)
		}
		for _, k := range keys {
			if bucket, key, _ := strings.Cut(k, " "); err == nil && (bucket == "" && key == "") {
				t.Errorf("%q announces nothing", body)
			}
		}
	})
}
