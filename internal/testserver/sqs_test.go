package testserver_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"sidedoor/internal/testserver"
)

// queue is one queue of a server, as a program sees it.
type queue struct {
	t      *testing.T
	client *sqs.Client
	url    *string
}

func sqsClient(s *testserver.SQSServer) *sqs.Client {
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String(s.Endpoint), Region: s.Region,
		Credentials: keys(s.AccessKey, s.SecretKey), RetryMaxAttempts: 1,
	})
}

func newQueue(t *testing.T, s *testserver.SQSServer, name string, attributes map[string]string) queue {
	t.Helper()
	client := sqsClient(s)
	out, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatal(err)
	}
	return queue{t: t, client: client, url: out.QueueUrl}
}

func (q queue) send(body string) {
	q.t.Helper()
	if _, err := q.client.SendMessage(q.t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: &body}); err != nil {
		q.t.Fatal(err)
	}
}

func (q queue) receive(wait int32) []types.Message {
	q.t.Helper()
	out, err := q.client.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: q.url, WaitTimeSeconds: wait, MaxNumberOfMessages: 10,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		q.t.Fatal(err)
	}
	return out.Messages
}

func (q queue) one() types.Message {
	q.t.Helper()
	got := q.receive(0)
	if len(got) != 1 {
		q.t.Fatalf("received %d messages, want one", len(got))
	}
	return got[0]
}

func (q queue) wantCounts(visible, inFlight string) {
	q.t.Helper()
	out, err := q.client.GetQueueAttributes(q.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: q.url, AttributeNames: []types.QueueAttributeName{"All"},
	})
	if err != nil {
		q.t.Fatal(err)
	}
	if a := out.Attributes; a["ApproximateNumberOfMessages"] != visible || a["ApproximateNumberOfMessagesNotVisible"] != inFlight {
		q.t.Errorf("visible %s, in flight %s; want %s and %s", a["ApproximateNumberOfMessages"], a["ApproximateNumberOfMessagesNotVisible"], visible, inFlight)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("got %v, want code %s", err, code)
	}
}

func TestAMessageIsHiddenWhileInFlightAndGoneOnceDeleted(t *testing.T) {
	server := testserver.SQS(t)
	q := newQueue(t, server, "trail", nil)
	q.send("hello")
	q.wantCounts("1", "0")
	m := q.one()
	if aws.ToString(m.Body) != "hello" || m.Attributes["ApproximateReceiveCount"] != "1" {
		t.Errorf("got %q with %v", aws.ToString(m.Body), m.Attributes)
	}
	q.wantCounts("0", "1")
	if again := q.receive(0); len(again) > 0 {
		t.Errorf("received %d messages that are in flight", len(again))
	}
	if _, err := q.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: q.url, ReceiptHandle: m.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	server.Advance(time.Minute)
	if again := q.receive(0); len(again) > 0 {
		t.Errorf("received %d messages that were deleted", len(again))
	}
}

func TestAMessageComesBackAfterItsVisibilityTimeoutAndTheOldReceiptDeletesNothing(t *testing.T) {
	server := testserver.SQS(t)
	q := newQueue(t, server, "trail", map[string]string{"VisibilityTimeout": "60"})
	q.send("hello")
	first := q.one()
	server.Advance(time.Minute)
	if second := q.one(); second.Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("received %s times, want 2", second.Attributes["ApproximateReceiveCount"])
	}
	if _, err := q.client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: q.url, ReceiptHandle: first.ReceiptHandle}); err != nil {
		t.Fatal(err)
	}
	q.wantCounts("0", "1")
}

func TestAVisibilityTimeoutCanBeExtendedAndEnded(t *testing.T) {
	server := testserver.SQS(t)
	q := newQueue(t, server, "trail", nil)
	q.send("hello")
	m := q.one()
	hide := func(seconds int32) error {
		_, err := q.client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{
			QueueUrl: q.url, ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds,
		})
		return err
	}
	if err := hide(600); err != nil {
		t.Fatal(err)
	}
	server.Advance(5 * time.Minute)
	q.wantCounts("0", "1")
	if err := hide(0); err != nil {
		t.Fatal(err)
	}
	q.wantCounts("1", "0")
	wantCode(t, hide(60), "AWS.SimpleQueueService.MessageNotInflight")
}

func TestALongPollEndsWithTheMessageItWaitsFor(t *testing.T) {
	server := testserver.SQS(t)
	for name, cause := range map[string]func(queue){
		"sent":              func(q queue) { q.send("hello") },
		"delayed":           func(queue) { server.Advance(15 * time.Minute) },
		"wait is over":      func(queue) { server.Advance(20 * time.Second) },
		"visible by itself": func(queue) {},
	} {
		t.Run(name, func(t *testing.T) {
			q := newQueue(t, server, strings.ReplaceAll(name, " ", "-"), nil)
			delay := map[string]int32{"delayed": 900, "visible by itself": 1}[name]
			if delay > 0 {
				if _, err := q.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String("hello"), DelaySeconds: delay}); err != nil {
					t.Fatal(err)
				}
			}
			got := make(chan []types.Message)
			go func() {
				defer close(got)
				got <- q.receive(20)
			}()
			cause(q)
			want := 1
			if name == "wait is over" {
				want = 0
			}
			// An Advance before the poll began would not end it.
			for {
				select {
				case messages := <-got:
					if len(messages) != want {
						t.Errorf("received %d messages, want %d", len(messages), want)
					}
					return
				case <-time.After(100 * time.Millisecond):
					if name == "wait is over" {
						cause(q)
					}
				}
			}
		})
	}
}

func TestAMessageReceivedTooOftenGoesToTheDeadLetterQueue(t *testing.T) {
	for _, count := range []string{`2`, `"2"`} {
		t.Run(count, func(t *testing.T) {
			server := testserver.SQS(t)
			dead := newQueue(t, server, "dead", nil)
			arn := "arn:aws:sqs:eu-central-1:000000000000:dead"
			q := newQueue(t, server, "trail", map[string]string{
				"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":%s}`, arn, count),
			})
			q.send("poison")
			id := q.one().MessageId
			server.Advance(time.Minute)
			q.one()
			server.Advance(time.Minute)
			if got := q.receive(0); len(got) > 0 {
				t.Errorf("received a third time: %v", got)
			}
			m := dead.one()
			if *m.MessageId != *id || m.Attributes["ApproximateReceiveCount"] != "3" || !strings.HasSuffix(m.Attributes["DeadLetterQueueSourceArn"], ":trail") {
				t.Errorf("the dead-letter queue has %s with %v, want %s", *m.MessageId, m.Attributes, *id)
			}
		})
	}
}

func TestAMessageOlderThanTheRetentionPeriodIsLost(t *testing.T) {
	server := testserver.SQS(t)
	q := newQueue(t, server, "trail", map[string]string{"MessageRetentionPeriod": "3600"})
	q.send("hello")
	server.Advance(time.Hour + time.Second)
	q.wantCounts("0", "0")
}

func TestABatchSaysOfEachEntryWhetherItWasTaken(t *testing.T) {
	q := newQueue(t, testserver.SQS(t), "trail", nil)
	ctx := t.Context()
	sent, err := q.client.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("a"), MessageBody: aws.String("one"), MessageAttributes: map[string]types.MessageAttributeValue{
			"region": {DataType: aws.String("String"), StringValue: aws.String("eu-central-1")},
		}},
		{Id: aws.String("b"), MessageBody: aws.String("no \x01 control characters")},
	}})
	if err != nil || len(sent.Successful) != 1 || len(sent.Failed) != 1 || *sent.Failed[0].Code != "InvalidMessageContents" {
		t.Fatalf("got %+v, %v", sent, err)
	}
	m := q.one()
	hidden, err := q.client.ChangeMessageVisibilityBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: q.url, Entries: []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: 60},
	}})
	if err != nil || len(hidden.Successful) != 1 {
		t.Fatalf("got %+v, %v", hidden, err)
	}
	gone, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: q.url, Entries: []types.DeleteMessageBatchRequestEntry{
		{Id: aws.String("a"), ReceiptHandle: m.ReceiptHandle}, {Id: aws.String("b"), ReceiptHandle: aws.String("nonsense")},
	}})
	if err != nil || len(gone.Successful) != 1 || len(gone.Failed) != 1 || *gone.Failed[0].Code != "ReceiptHandleIsInvalid" {
		t.Fatalf("got %+v, %v", gone, err)
	}
	q.wantCounts("0", "0")
}

func TestWrongRequestsGetTheErrorsOfAWS(t *testing.T) {
	q := newQueue(t, testserver.SQS(t), "trail", nil)
	entry := func(id string) types.DeleteMessageBatchRequestEntry {
		return types.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: aws.String("x")}
	}
	batch := func(entries ...types.DeleteMessageBatchRequestEntry) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := q.client.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: q.url, Entries: entries})
			return err
		}
	}
	create := func(name, attribute, value string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := q.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: map[string]string{attribute: value}})
			return err
		}
	}
	receive := func(url string, atMost int32) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &url, MaxNumberOfMessages: atMost})
			return err
		}
	}
	for _, c := range []struct {
		code string
		call func(context.Context) error
	}{
		{"AWS.SimpleQueueService.NonExistentQueue", receive(*q.url+"s", 1)},
		{"InvalidParameterValue", receive(*q.url, 11)},
		{"QueueAlreadyExists", create("trail", "DelaySeconds", "5")},
		{"InvalidAttributeValue", create("other", "VisibilityTimeout", "43201")},
		{"InvalidAttributeValue", create("other", "RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:000000000000:none","maxReceiveCount":1}`)},
		{"InvalidAttributeName", create("other", "Colour", "green")},
		{"InvalidParameterValue", create("other.fifo", "DelaySeconds", "5")},
		{"AWS.SimpleQueueService.EmptyBatchRequest", batch([]types.DeleteMessageBatchRequestEntry{}...)},
		{"AWS.SimpleQueueService.BatchEntryIdsNotDistinct", batch(entry("a"), entry("a"))},
		{"AWS.SimpleQueueService.InvalidBatchEntryId", batch(entry("a b"))},
		{"AWS.SimpleQueueService.UnsupportedOperation", func(ctx context.Context) error {
			_, err := q.client.ListQueues(ctx, &sqs.ListQueuesInput{})
			return err
		}},
	} {
		wantCode(t, c.call(t.Context()), c.code)
	}
	var gone *types.QueueDoesNotExist
	if err := receive(*q.url+"s", 1)(t.Context()); !errors.As(err, &gone) {
		t.Errorf("%v is not the SDK's QueueDoesNotExist", err)
	}
}

func TestOnlyRequestsSignedWithTheKeyAreAnswered(t *testing.T) {
	server := testserver.SQS(t)
	request := &sqs.GetQueueUrlInput{QueueName: aws.String("trail")}
	for code, change := range map[string]func(*sqs.Options){
		"InvalidClientTokenId":  func(o *sqs.Options) { o.Credentials = keys("somebody", "else") },
		"SignatureDoesNotMatch": func(o *sqs.Options) { o.Region = "us-east-1" },
	} {
		_, err := sqsClient(server).GetQueueUrl(t.Context(), request, change)
		wantCode(t, err, code)
	}
	resp, err := http.Get(server.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusForbidden {
		t.Errorf("an unsigned GET was answered with %s", resp.Status)
	}
}
