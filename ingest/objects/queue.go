package objects

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	"github.com/cenkalti/backoff/v5"

	"sidedoor/ingest"
)

const (
	// workers is how many messages are worked on at once.
	workers = 4
	// maxReceive is the most that SQS gives at once.
	maxReceive = 10
	// longPoll is the longest that SQS waits for messages.
	longPoll = 20 * time.Second
	// visibility is how long a message stays invisible; it is extended while the
	// message is worked on.
	visibility = time.Minute
	// firstRetry is the wait before a message comes again that could not be
	// worked on; it doubles up to lastRetry.
	firstRetry = 30 * time.Second
	lastRetry  = 15 * time.Minute
	// maxGone is how many times an object is looked for that is announced and
	// not there: a quarter of an hour in all.
	maxGone = 6
	// forgetAfter is when a message that was to come again has been taken by
	// somebody else.
	forgetAfter = time.Hour
	// afterwards is the time for a last word to SQS when the program stops.
	afterwards = 5 * time.Second
)

// queue is the work on the queue's messages.
type queue struct {
	*Reader
	wait  sync.WaitGroup
	slots chan struct{}

	mu sync.Mutex
	// held are the messages that were received and are not done: coverage does
	// not go beyond them. By message ID.
	held map[string]*holding
	// Nothing is received before resumes, since the stream could not take what was.
	full    *backoff.ExponentialBackOff
	resumes time.Time
}

type holding struct {
	end  func(newest time.Time, err error)
	seen time.Time
}

// runQueue works on messages until ctx ends.
func (r *Reader) runQueue(ctx context.Context) error {
	q := &queue{Reader: r, slots: make(chan struct{}, workers), held: map[string]*holding{}, full: retries(time.Second, time.Minute)}
	// Nothing is known of what waits in the queue until it was empty once, or has
	// only what is new.
	drained := r.Coverage.BeginAt(time.Time{})
	defer q.wait.Wait()
	wait := retries(time.Second, time.Minute)
	for q.ready(ctx) {
		n := q.reserve(ctx)
		messages, err := q.receive(ctx, n)
		for range n - len(messages) {
			<-q.slots
		}
		if err != nil && ctx.Err() == nil {
			next := wait.NextBackOff()
			r.Log.Warn("queue not read; it will be tried again", "source", r.Source.Name, "in", next.Round(time.Second), "err", err)
			pause(ctx, next)
			continue
		}
		wait.Reset()
		if q.caughtUp(messages) {
			drained(time.Time{}, ingest.ErrNothing)
		}
		for _, m := range messages {
			q.hold(m)
			q.wait.Go(func() {
				defer func() { <-q.slots }()
				q.work(ctx, m)
			})
		}
		q.forget()
	}
	return nil
}

// ready waits until the stream is thought to take something again, and says
// whether there is anything left to do.
func (q *queue) ready(ctx context.Context) bool {
	q.mu.Lock()
	wait := q.resumes.Sub(q.Now())
	q.mu.Unlock()
	if wait > 0 {
		pause(ctx, wait)
	}
	return ctx.Err() == nil
}

// reserve takes every free slot, at least one, up to what can be received.
func (q *queue) reserve(ctx context.Context) int {
	n := 0
	select {
	case q.slots <- struct{}{}:
		n++
	case <-ctx.Done():
		return n
	}
	for n < maxReceive {
		select {
		case q.slots <- struct{}{}:
			n++
		default:
			return n
		}
	}
	return n
}

func (q *queue) receive(ctx context.Context, n int) ([]types.Message, error) {
	if n == 0 {
		return nil, ctx.Err()
	}
	out, err := q.queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(q.config.Queue), MaxNumberOfMessages: int32(n),
		WaitTimeSeconds: int32(longPoll / time.Second), VisibilityTimeout: int32(q.visibility / time.Second),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount,
		},
	})
	if err != nil {
		return nil, explainedQueue(err)
	}
	return out.Messages, nil
}

// caughtUp says that what was received leaves no backlog behind it.
func (q *queue) caughtUp(messages []types.Message) bool {
	for _, m := range messages {
		if sent(m).Before(q.Now().Add(-max(q.Source.Lateness, visibility))) {
			return false
		}
	}
	return true
}

// sent is when a message was put into the queue.
func sent(m types.Message) time.Time {
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// received is how many times a message was received, from 1.
func received(m types.Message) int {
	n, err := strconv.Atoi(m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	if err != nil {
		return 1
	}
	return max(n, 1)
}

func (q *queue) hold(m types.Message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id := aws.ToString(m.MessageId)
	h := q.held[id]
	if h == nil {
		h = &holding{end: q.Coverage.BeginAt(sent(m))}
		q.held[id] = h
	}
	h.seen = q.Now()
}

// done says that a message is worked off.
func (q *queue) done(m types.Message, newest time.Time, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	id := aws.ToString(m.MessageId)
	if h := q.held[id]; h != nil {
		delete(q.held, id)
		h.end(newest, err)
	}
}

// forget gives up on messages that somebody else has taken, or the queue.
func (q *queue) forget() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for id, h := range q.held {
		if q.Now().Sub(h.seen) > forgetAfter {
			delete(q.held, id)
			h.end(time.Time{}, ingest.ErrNothing)
			q.Log.Warn("a message that could not be worked on did not come again; if the queue has a dead-letter queue, look there",
				"source", q.Source.Name, "message", id)
		}
	}
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func retries(first, last time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = first, last
	return b
}

// hush receives nothing for a while that grows: the stream could not take what
// was received.
func (q *queue) hush() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := q.Now(); !q.resumes.After(now) {
		q.resumes = now.Add(q.full.NextBackOff())
	}
}

// resume says that the stream takes something.
func (q *queue) resume() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.full.Reset()
}

// explainedQueue says of an error of SQS what can be done about it.
func explainedQueue(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "AccessDenied", "AccessDeniedException":
			return fmt.Errorf("queue: access is denied: allow sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility on it: %w", err)
		case "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist":
			return fmt.Errorf("queue: there is none with the configured URL in this region: %w", err)
		}
	}
	return fmt.Errorf("queue: %w", err)
}
