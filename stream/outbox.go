package stream

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// outbox publishes without waiting for each acknowledgement, so that many
// messages share the way to the disk and back. One goroutine uses it.
type outbox struct {
	stream *Stream
	queue  []posting
	failed error // the first failure, which stays
}

// posting is a message on its way. Its subject must have had none before;
// exists is called if it had.
type posting struct {
	msg    *nats.Msg
	expect jetstream.PublishOpt
	ack    jetstream.PubAckFuture
	exists func(ctx context.Context, m *nats.Msg) error
}

// alreadyThere is the exists of messages that are named by what they are.
func alreadyThere(context.Context, *nats.Msg) error { return nil }

// maxUnsettled bounds the messages on their way; the client's own bound is 4000.
const maxUnsettled = 512

// post sends p.msg on its way.
func (o *outbox) post(ctx context.Context, p posting) error {
	if err := o.stream.checkSize(p.msg); err != nil {
		return err
	}
	if p.expect == nil {
		p.expect = jetstream.WithExpectLastSequencePerSubject(0)
	}
	if len(o.queue) >= maxUnsettled {
		if err := o.settle(ctx, maxUnsettled/2); err != nil {
			return err
		}
	}
	var err error
	if p.ack, err = o.stream.js.PublishMsgAsync(p.msg, p.expect); err != nil {
		return fmt.Errorf("%s: %w", p.msg.Subject, err)
	}
	o.queue = append(o.queue, p)
	return nil
}

// settle waits until all but the last leave messages are on disk. After an
// error nothing is known of the rest: start again, with another outbox, from
// what is stored.
func (o *outbox) settle(ctx context.Context, leave int) error {
	for o.failed == nil && len(o.queue) > leave {
		p := o.queue[0]
		o.queue = o.queue[1:]
		o.failed = o.await(ctx, p)
	}
	return o.failed
}

func (o *outbox) await(ctx context.Context, p posting) error {
	var err error
	select {
	case <-p.ack.Ok():
		return nil
	case err = <-p.ack.Err():
	case <-ctx.Done():
		err = ctx.Err()
	}
	if isCode(err, codeWrongSequence) {
		return p.exists(ctx, p.msg)
	}
	return fmt.Errorf("%s: %w", p.msg.Subject, err)
}
