package objects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"sidedoor/event"
)

// Bucket is a bucket that is read.
type Bucket struct {
	Name   string
	client *s3.Client
}

// ErrGone is the error of an object that is not there.
var ErrGone = errors.New("it is not in the bucket")

// ErrRefused is the error of what AWS has and does not give: an object that is
// archived, that has a key of its own, or that we may not see.
var ErrRefused = errors.New("it is refused")

// fetchError is an error of AWS: the object may be had later.
type fetchError struct{ err error }

func (e *fetchError) Error() string { return e.err.Error() }
func (e *fetchError) Unwrap() error { return e.err }

// Is implements what [errors.Is] asks for.
func (e *fetchError) Is(target error) bool {
	if target != ErrRefused {
		return false
	}
	resp, ok := errors.AsType[*awshttp.ResponseError](e.err)
	if !ok {
		return false
	}
	switch status := resp.HTTPStatusCode(); status {
	case http.StatusNotFound, http.StatusRequestTimeout, http.StatusTooManyRequests:
		return false
	default:
		return status/100 == 4
	}
}

// explained says of an error of AWS what can be done about it.
func explained(what string, err error) error {
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return &fetchError{fmt.Errorf("%s: %w", what, err)}
	}
	switch api.ErrorCode() {
	case "NoSuchKey", "NotFound":
		return fmt.Errorf("%s: %w", what, ErrGone)
	case "AccessDenied", "AccessDeniedException":
		return &fetchError{fmt.Errorf("%s: access is denied (an object that is gone looks so, too, to those who may not list the bucket): "+
			"allow s3:GetObject on the objects, s3:ListBucket on the bucket, and kms:Decrypt on its key: %w", what, err)}
	case "InvalidObjectState":
		return &fetchError{fmt.Errorf("%s: it is archived: restore it, or leave its time out: %w", what, err)}
	case "NoSuchBucket":
		return &fetchError{fmt.Errorf("%s: there is no such bucket: %w", what, err)}
	}
	return &fetchError{fmt.Errorf("%s: %w", what, err)}
}

// Get opens an object. The content goes on where it was after a connection
// broke, and fails if the object has changed meanwhile. The error is [ErrGone] if
// it is not there.
func (b *Bucket) Get(ctx context.Context, key string) (Object, io.ReadCloser, error) {
	c := &content{ctx: ctx, bucket: b, key: key}
	out, err := c.open()
	if err != nil {
		return Object{}, nil, err
	}
	if out.ContentLength == nil { // what is cut off would look whole
		return Object{}, nil, &fetchError{fmt.Errorf("s3://%s/%s: the answer does not say how long it is", b.Name, key)}
	}
	c.etag, c.size = aws.ToString(out.ETag), aws.ToInt64(out.ContentLength)
	return Object{
		Bucket: b.Name, Key: key, ETag: strings.Trim(c.etag, `"`), Size: c.size,
		Modified: aws.ToTime(out.LastModified).UTC(), Metadata: out.Metadata,
	}, c, nil
}

// content is an object's content.
type content struct {
	ctx    context.Context // an io.Reader has no other place for it
	bucket *Bucket
	key    string
	etag   string
	size   int64

	at     int64 // bytes read
	body   io.ReadCloser
	cancel context.CancelFunc
	broken int // connections in a row that brought nothing
}

const (
	// stall is how long a connection may bring nothing. It counts only while
	// somebody waits for it: the stream may be slow.
	stall = time.Minute
	// maxBroken is how many connections in a row may bring nothing.
	maxBroken = 3
)

func (c *content) open() (*s3.GetObjectOutput, error) {
	ctx, cancel := context.WithCancel(c.ctx)
	in := &s3.GetObjectInput{Bucket: aws.String(c.bucket.Name), Key: aws.String(c.key)}
	if c.etag != "" {
		in.IfMatch = aws.String(c.etag)
	}
	if c.at > 0 {
		in.Range = aws.String(fmt.Sprintf("bytes=%d-", c.at))
	}
	out, err := c.bucket.client.GetObject(ctx, in)
	if err != nil {
		cancel()
		return nil, explained("s3://"+c.bucket.Name+"/"+c.key, err)
	}
	if c.at > 0 && out.ContentRange == nil {
		cancel()
		return nil, &fetchError{fmt.Errorf("s3://%s/%s: the rest from byte %d was asked for, and all of it is answered", c.bucket.Name, c.key, c.at)}
	}
	c.body, c.cancel = out.Body, cancel
	return out, nil
}

// Read implements [io.Reader].
func (c *content) Read(p []byte) (int, error) {
	for {
		if c.at >= c.size {
			return 0, io.EOF
		}
		if c.body == nil {
			if _, err := c.open(); err != nil {
				return 0, err
			}
		}
		watch := time.AfterFunc(stall, c.cancel)
		n, err := c.body.Read(p[:min(int64(len(p)), c.size-c.at)])
		watch.Stop()
		c.at += int64(n)
		if n > 0 {
			c.broken = 0
		}
		if err == nil || n > 0 {
			return n, nil
		}
		_ = c.Close() // the connection is broken
		if c.broken++; c.broken >= maxBroken || c.ctx.Err() != nil {
			return 0, &fetchError{fmt.Errorf("s3://%s/%s from byte %d: %w", c.bucket.Name, c.key, c.at, err)}
		}
	}
}

// Close implements [io.Closer].
func (c *content) Close() error {
	if c.body == nil {
		return nil
	}
	c.cancel()
	err := c.body.Close()
	c.body = nil
	return err
}

// again makes the content be read from its beginning.
func (c *content) again() error {
	err := c.Close()
	c.at = 0
	return err
}

// inMemory bounds what is held of an object at once. A larger one is fetched a
// second time after it was digested.
const inMemory = 4 << 20

// digested returns the content with the digest of all of it.
func digested(r io.ReadCloser) (io.ReadCloser, event.Digest, error) {
	h := sha256.New()
	beginning, err := io.ReadAll(io.TeeReader(io.LimitReader(r, inMemory+1), h))
	if err != nil {
		return nil, event.Digest{}, err
	}
	if len(beginning) <= inMemory {
		return io.NopCloser(bytes.NewReader(beginning)), event.Digest(h.Sum(nil)), nil
	}
	if _, err := io.Copy(h, r); err != nil {
		return nil, event.Digest{}, err
	}
	c, ok := r.(*content)
	if !ok {
		return nil, event.Digest{}, errors.New("the content cannot be read a second time")
	}
	return c, event.Digest(h.Sum(nil)), c.again()
}

// List calls f with the objects whose key begins with prefix and is above after,
// in the order of their keys, until f fails.
func (b *Bucket) List(ctx context.Context, prefix, after string, f func(Object) error) error {
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{
		Bucket: aws.String(b.Name), Prefix: aws.String(prefix), StartAfter: optional(after),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return explained("listing s3://"+b.Name+"/"+prefix, err)
		}
		for _, o := range page.Contents {
			if err := f(listed(b.Name, o)); err != nil {
				return err
			}
		}
	}
	return nil
}

func listed(bucket string, o types.Object) Object {
	return Object{
		Bucket: bucket, Key: aws.ToString(o.Key), ETag: strings.Trim(aws.ToString(o.ETag), `"`), Size: aws.ToInt64(o.Size),
		Modified: aws.ToTime(o.LastModified).UTC(),
	}
}

// Folders returns the folders right below a prefix, with a '/' at their ends.
func (b *Bucket) Folders(ctx context.Context, prefix string) ([]string, error) {
	var all []string
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{
		Bucket: aws.String(b.Name), Prefix: aws.String(prefix), Delimiter: aws.String("/"),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, explained("listing s3://"+b.Name+"/"+prefix, err)
		}
		for _, p := range page.CommonPrefixes {
			all = append(all, aws.ToString(p.Prefix))
		}
	}
	return all, nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return aws.String(s)
}
