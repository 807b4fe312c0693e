// Package objects reads events that are put into S3, whatever they are: objects
// that an SQS queue announces, or a bucket that is listed. It is the transport
// of CloudTrail, of EKS's audit logs and of GitHub's audit log stream, each of
// which says by a [Kind] what is in its objects.
//
// A message is deleted from the queue only after everything of it is on disk, or
// is a dead letter there. AWS being away deletes nothing. What was read is
// remembered by key and version, so an object that is announced again is not
// read again.
//
// Sources: Amazon S3 User Guide, "Event message structure" and "EventBridge";
// CloudTrail User Guide, "Configuring SNS notifications"; SQS API Reference.
package objects

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/records"
)

// Object is an object in a bucket.
type Object struct {
	Bucket, Key string
	ETag        string
	Size        int64     // as it is stored
	Modified    time.Time // by S3's clock
	Metadata    map[string]string
	// Digest is that of its bytes as they are stored; zero in a listing.
	Digest event.Digest
}

// Origin names the object as the origin of a delivery.
func (o Object) Origin() string { return "s3://" + o.Bucket + "/" + o.Key }

// Message is a message in the queue that announces no object, taken out of SNS's
// envelope if it was in one.
type Message struct {
	Body []byte // is JSON
	// DetailType is EventBridge's, such as "AWS API Call via CloudTrail", and
	// Detail what it is about; both are empty if it is not EventBridge's.
	DetailType string
	Detail     []byte
	// Envelope is that of a delivery of the message.
	Envelope event.Envelope
}

// Unreadable is why a message or an object is a dead letter as a whole, for good.
type Unreadable struct{ Reason string }

// Error implements error.
func (u *Unreadable) Error() string { return u.Reason }

// Kind is what a kind of source says of its objects.
type Kind struct {
	// Identify reads the events of one JSON record of an object.
	Identify func(raw []byte) ([]event.Event, error)
	// PassOver says in a word what an object holds that has no events, by its
	// key, and "" for one that has. Nil: each has.
	PassOver func(key string) string
	// Message stores the events that a message is itself. An [Unreadable] makes
	// a dead letter of it, any other error has it come again. Nil: there are none.
	Message func(ctx context.Context, m Message) (newest time.Time, err error)
	// Folders returns the folders in the bucket whose objects are sorted by time,
	// each with a '/' at its end. Nil: the configured prefix is the only one.
	Folders func(ctx context.Context, b *Bucket) ([]string, error)
	// Dates is how the objects in each of them are sorted into folders by time,
	// in the form of [time.Time.Format]: "2006/01/02/".
	Dates string
	// Shelf returns what objects are remembered under together: at most some
	// thousand. Nil: their folder.
	Shelf func(key string) string
}

// Reader reads objects and messages.
type Reader struct {
	ingest.Intake
	config Config
	kind   Kind
	bucket *Bucket
	queue  *sqs.Client

	shelves    sync.Mutex
	visibility time.Duration
	firstRetry time.Duration
}

// Open makes a reader ready. It asks nobody yet.
func Open(c Config, in ingest.Intake, k Kind) (*Reader, error) {
	if k.Shelf == nil {
		k.Shelf = path.Dir
	}
	if k.PassOver == nil {
		k.PassOver = func(string) string { return "" }
	}
	session, err := c.Session(context.Background(), "")
	if err != nil {
		return nil, err
	}
	r := &Reader{Intake: in, config: c, kind: k, visibility: visibility, firstRetry: firstRetry}
	if c.Bucket != "" {
		client := s3.NewFromConfig(session, c.atEndpoint)
		r.bucket = &Bucket{Name: c.Bucket, client: client}
	}
	if c.Queue != "" {
		r.queue = sqs.NewFromConfig(session, c.atQueue)
	}
	return r, nil
}

// Bucket returns the configured bucket, or nil.
func (r *Reader) Bucket() *Bucket { return r.bucket }

// Run reads what the queue announces, or what the listing of the bucket finds,
// until ctx ends.
func (r *Reader) Run(ctx context.Context) error {
	if r.queue != nil {
		return r.runQueue(ctx)
	}
	return r.Poll(ctx, r.config.every(), r.list)
}

// ErrForeign is the error of an object outside of the configured bucket and
// prefix.
var ErrForeign = errors.New("it is not in the configured bucket and prefix")

// Reading is what became of an object that was to be read.
type Reading struct {
	records.Result
	Object
	// Known says that it was read before, in the same version. Of the Result
	// then only Unpacked is set.
	Known bool
}

// Read stores the events of an object of the bucket, unless it did so before.
// The error is [ErrGone] if the object is not there.
func (r *Reader) Read(ctx context.Context, key string) (Reading, error) {
	if r.bucket == nil || !strings.HasPrefix(key, r.config.Folder()) {
		return Reading{}, ErrForeign
	}
	if what := r.kind.PassOver(key); what != "" {
		r.Metrics.Skipped(r.Source.Name, what)
		return Reading{Known: true}, nil
	}
	o, content, err := r.bucket.Get(ctx, key)
	if err != nil {
		return Reading{}, err
	}
	defer content.Close() //nolint:errcheck // it was only read
	if unpacked, known, err := r.known(ctx, o); err != nil {
		return Reading{}, err
	} else if known {
		r.Metrics.Skipped(r.Source.Name, "read before")
		return Reading{Object: o, Known: true, Result: records.Result{Unpacked: unpacked}}, nil
	}
	return r.take(ctx, o, content)
}

// maxObject bounds an object as it is stored, as [records] does it as it is
// unpacked: to read one takes hours at the most that S3 stores.
const maxObject = 8 << 30

func (r *Reader) take(ctx context.Context, o Object, content io.ReadCloser) (Reading, error) {
	if o.Size > maxObject {
		return r.oversized(ctx, o)
	}
	whole, digest, err := digested(content)
	if err != nil {
		return Reading{}, err
	}
	defer whole.Close() //nolint:errcheck // it was only read
	o.Digest = digest
	env := r.Source.Envelope(o.Origin(), r.Now().UTC(), nil)
	env.Digest = digest
	reader := records.Reader{Intake: r.Intake, Identify: r.kind.Identify}
	result, err := reader.Read(ctx, env, whole)
	if err != nil {
		return Reading{}, fmt.Errorf("%s: %w", o.Origin(), err)
	}
	return Reading{Object: o, Result: result}, r.remember(ctx, o, result.Unpacked)
}

// oversized refuses an object. It is remembered, so that this is told once.
func (r *Reader) oversized(ctx context.Context, o Object) (Reading, error) {
	err := r.Bury(ctx, event.Dead{
		Envelope: r.Source.Envelope(o.Origin(), r.Now().UTC(), nil), Cause: "oversized", Index: -1,
		Reason: fmt.Sprintf("%s has %d bytes, more than the %d that are read of an object", o.Origin(), o.Size, int64(maxObject)),
	})
	if err != nil {
		return Reading{}, err
	}
	return Reading{Object: o, Result: records.Result{Dead: 1}}, r.remember(ctx, o, event.Digest{})
}
