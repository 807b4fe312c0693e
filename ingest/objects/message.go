package objects

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"sidedoor/event"
	"sidedoor/ingest"
)

// work does all that a message asks for, and deletes it if it is done.
func (q *queue) work(ctx context.Context, m types.Message) {
	working, stop := context.WithCancel(ctx)
	defer stop()
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		q.keepInvisible(working, m)
	}()
	newest, err := q.take(working, m)
	stop()
	<-beating // or it could hide a message that is to come again
	if err == nil || errors.Is(err, ingest.ErrNothing) {
		q.delete(ctx, m)
		q.done(m, newest, err)
		q.resume()
		return
	}
	q.again(ctx, m, err)
}

// keepInvisible extends the time for which nobody else gets the message.
func (q *queue) keepInvisible(ctx context.Context, m types.Message) {
	tick := time.NewTicker(q.visibility / 3)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := q.hide(ctx, m, q.visibility); err != nil && ctx.Err() == nil {
				q.Log.Warn("a message that is worked on may be given to somebody else, too", "source", q.Source.Name, "err", err)
			}
		case <-ctx.Done():
			return
		}
	}
}

// take stores everything of a message.
func (q *queue) take(ctx context.Context, m types.Message) (newest time.Time, err error) {
	body := []byte(aws.ToString(m.Body))
	env := q.Source.Envelope("sqs:"+aws.ToString(m.MessageId), q.Now().UTC(), body)
	n, err := parseNotice(body)
	switch {
	case err != nil:
		return newest, q.refuse(ctx, env, body, "malformed", err.Error())
	case n.test:
		q.Log.Info("a message that brings no events", "source", q.Source.Name, "message", aws.ToString(m.MessageId))
		return newest, ingest.ErrNothing
	case len(n.objects) == 0 && q.kind.Message == nil:
		return newest, q.refuse(ctx, env, body, "malformed", "it announces no object of S3")
	case len(n.objects) == 0:
		newest, err = q.kind.Message(ctx, Message{Body: n.body, DetailType: n.detailType, Detail: n.detail, Envelope: env})
		if bad, ok := errors.AsType[*Unreadable](err); ok {
			return newest, q.refuse(ctx, env, body, "malformed", bad.Reason)
		}
		return newest, err
	}
	for _, p := range n.objects {
		last, err := q.object(ctx, p, env, m)
		if err != nil {
			return newest, err
		}
		if last.After(newest) {
			newest = last
		}
	}
	return newest, nil
}

// object reads one announced object.
func (q *queue) object(ctx context.Context, p place, env event.Envelope, m types.Message) (newest time.Time, err error) {
	origin := "s3://" + p.bucket + "/" + p.key
	err = ErrForeign
	var read Reading
	if p.bucket == q.config.Bucket {
		read, err = q.Read(ctx, p.key)
	}
	switch {
	case errors.Is(err, ErrForeign):
		reason := fmt.Sprintf("%s is announced, and is not in s3://%s/%s that is configured: whoever may write to the queue could bring events of their own", origin, q.config.Bucket, q.config.Folder())
		if q.config.Bucket == "" {
			reason = origin + " is announced, and no bucket is configured: name it as bucket in the source's configuration"
		}
		return newest, q.bury(ctx, env, []byte(aws.ToString(m.Body)), "unauthenticated", reason)
	case errors.Is(err, ErrGone) && received(m) >= maxGone:
		reason := fmt.Sprintf("%s is announced, and is not there, after it was looked for %d times", origin, received(m))
		return newest, q.bury(ctx, env, []byte(aws.ToString(m.Body)), "gone", reason)
	}
	return read.Newest, err
}

func (q *queue) bury(ctx context.Context, env event.Envelope, body []byte, cause, reason string) error {
	q.Log.Warn("message refused", "source", q.Source.Name, "cause", cause, "message", env.Origin)
	return q.Bury(ctx, event.Dead{Envelope: env, Reason: reason, Cause: cause, Index: -1, Raw: body})
}

// refuse buries a message that is nothing but a dead letter, which proves nothing.
func (q *queue) refuse(ctx context.Context, env event.Envelope, body []byte, cause, reason string) error {
	if err := q.bury(ctx, env, body, cause, reason); err != nil {
		return err
	}
	return ingest.ErrNothing
}

// delete takes a message out of the queue. It is worked off, so this goes on
// while the program stops; if it fails the message comes again, which changes
// nothing.
func (q *queue) delete(ctx context.Context, m types.Message) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	_, err := q.queue.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(q.config.Queue), ReceiptHandle: m.ReceiptHandle})
	if err != nil {
		q.Log.Warn("a message that is stored could not be deleted; it will come again", "source", q.Source.Name, "err", explainedQueue(err))
	}
}

// again has a message come again. Only what fails because of the object itself
// is a matter of this message; if the stream took nothing, everything waits.
func (q *queue) again(ctx context.Context, m types.Message, err error) {
	wait := min(q.firstRetry<<min(received(m)-1, 10), lastRetry)
	if ctx.Err() != nil { // the program stops; another one may take it at once
		wait = 0
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), afterwards)
	defer cancel()
	if hidden := q.hide(last, m, wait); hidden != nil {
		q.Log.Debug("a message comes again when its time is over", "source", q.Source.Name, "err", hidden)
	}
	if ctx.Err() != nil {
		return
	}
	_, ofAWS := errors.AsType[*fetchError](err)
	if !ofAWS && !errors.Is(err, ErrGone) {
		q.hush()
	}
	q.Log.Warn("message not worked on; it comes again", "source", q.Source.Name, "message", aws.ToString(m.MessageId), "in", wait, "err", err)
}

func (q *queue) hide(ctx context.Context, m types.Message, d time.Duration) error {
	_, err := q.queue.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: aws.String(q.config.Queue), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: int32(d / time.Second),
	})
	return err
}
