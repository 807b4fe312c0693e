package testserver

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Cloud is an account with a bucket and a queue, as it is in AWS: one pair of
// keys opens both, and they stand in the environment of the test.
type Cloud struct {
	S3  *s3.Client
	SQS *sqs.Client

	Endpoint string // of S3
	Region   string
	Bucket   string
	Queue    string // URL

	Queues *SQSServer
	t      testing.TB
}

// AWS starts an S3 gateway and a queue that end with the test.
func AWS(t testing.TB) *Cloud {
	t.Helper()
	store, queues := S3(t), SQS(t)
	queues.Region, queues.AccessKey, queues.SecretKey = store.Region, store.AccessKey, store.SecretKey
	setenv(t, map[string]string{
		"AWS_ACCESS_KEY_ID": store.AccessKey, "AWS_SECRET_ACCESS_KEY": store.SecretKey, "AWS_SESSION_TOKEN": "",
		"AWS_REGION": store.Region, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": filepath.Join(t.TempDir(), "none"), "AWS_SHARED_CREDENTIALS_FILE": filepath.Join(t.TempDir(), "none"),
	})
	keys := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: store.AccessKey, SecretAccessKey: store.SecretKey}, nil
	})
	c := &Cloud{
		S3:  s3.New(s3.Options{BaseEndpoint: aws.String(store.Endpoint), Region: store.Region, UsePathStyle: true, Credentials: keys}),
		SQS: sqs.New(sqs.Options{BaseEndpoint: aws.String(queues.Endpoint), Region: store.Region, Credentials: keys}),

		Endpoint: store.Endpoint, Region: store.Region, Bucket: "acme-trail", Queues: queues, t: t,
	}
	c.CreateBucket(c.Bucket)
	out, err := c.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("trail")})
	if err != nil {
		t.Fatal(err)
	}
	c.Queue = aws.ToString(out.QueueUrl)
	return c
}

func setenv(t testing.TB, all map[string]string) {
	for name, value := range all {
		t.Setenv(name, value)
	}
}

// CreateBucket makes another bucket.
func (c *Cloud) CreateBucket(name string) {
	c.t.Helper()
	if _, err := c.S3.CreateBucket(c.t.Context(), &s3.CreateBucketInput{
		Bucket:                    aws.String(name),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(c.Region)},
	}); err != nil {
		c.t.Fatal(err)
	}
}

// Put puts an object into the bucket, and announces it to nobody.
func (c *Cloud) Put(key string, body []byte, metadata map[string]string) {
	c.t.Helper()
	if _, err := c.S3.PutObject(c.t.Context(), &s3.PutObjectInput{
		Bucket: aws.String(c.Bucket), Key: aws.String(key), Body: bytes.NewReader(body), Metadata: metadata,
	}); err != nil {
		c.t.Fatal(err)
	}
}

// Refusing is an endpoint of the same S3 that denies access to some requests.
func (c *Cloud) Refusing(refuse func(*http.Request) bool) (endpoint string) {
	c.t.Helper()
	to, err := url.Parse(c.Endpoint)
	if err != nil {
		c.t.Fatal(err)
	}
	// The name of the host stays, since it is signed.
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host
		r.Out.Host = r.In.Host // which is signed
	}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !refuse(r) {
			proxy.ServeHTTP(w, r)
			return
		}
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>`)
	}))
	c.t.Cleanup(server.Close)
	return server.URL
}

// Remove deletes an object.
func (c *Cloud) Remove(key string) {
	c.t.Helper()
	if _, err := c.S3.DeleteObject(c.t.Context(), &s3.DeleteObjectInput{Bucket: aws.String(c.Bucket), Key: aws.String(key)}); err != nil {
		c.t.Fatal(err)
	}
}

// Send puts a message into the queue.
func (c *Cloud) Send(body string) {
	c.t.Helper()
	if _, err := c.SQS.SendMessage(c.t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String(c.Queue), MessageBody: aws.String(body)}); err != nil {
		c.t.Fatal(err)
	}
}

// Messages says how many messages are in the queue, visible or not.
func (c *Cloud) Messages() string {
	c.t.Helper()
	out, err := c.SQS.GetQueueAttributes(c.t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(c.Queue), AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameAll},
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return out.Attributes["ApproximateNumberOfMessages"] + " visible, " + out.Attributes["ApproximateNumberOfMessagesNotVisible"] + " in flight"
}

// Announced is the message by which S3 announces new objects of the bucket.
func (c *Cloud) Announced(keys ...string) string {
	type record map[string]any
	var records []record
	for _, key := range keys {
		records = append(records, record{
			"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": c.Region, "eventName": "ObjectCreated:Put",
			"s3": record{"s3SchemaVersion": "1.0", "bucket": record{"name": c.Bucket}, "object": record{"key": url.QueryEscape(key), "size": 1}},
		})
	}
	b, err := json.Marshal(record{"Records": records})
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}

// Notified wraps a message as SNS does.
func (c *Cloud) Notified(message string) string {
	b, err := json.Marshal(map[string]string{
		"Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
		"TopicArn": "arn:aws:sns:" + c.Region + ":111122223333:trail", "Message": message,
		"Timestamp": "2026-11-16T09:00:00.000Z", "SignatureVersion": "1",
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return string(b)
}
