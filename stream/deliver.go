package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// maxUndelivered bounds the alerts of one receiver that are being tried again;
// beyond it, further alerts wait on the stream.
const maxUndelivered = 4096

// failedRetry is when an alert is tried again whose handler failed without
// saying when.
const failedRetry = 10 * time.Second

// Deliver calls handle with the records of alerts, one at a time, until ctx
// ends (it returns nil then): the oldest first, but one that is tried again
// comes after others. Each receiver has its own place on the stream,
// kept under its name, so that one that is down holds no other up; a receiver
// that is new begins with the first alert ever recorded.
//
// attempt counts the times that this receiver got this record, from 1; after a
// crash a number may come again. If handle returns a positive retryAfter, it
// is called again with the record no earlier than that, and meanwhile with
// others. If it returns 0 and nil, the record is done. An error with 0 means
// that handle could not do its work: it is logged and tried again.
func (s *Stream) Deliver(ctx context.Context, receiver string, handle func(ctx context.Context, raw []byte, attempt int) (retryAfter time.Duration, err error)) error {
	if err := checkToken("receiver", receiver); err != nil {
		return err
	}
	s.readers.delivers(receiver)
	d := &delivery{stream: s, receiver: receiver, handle: handle}
	for {
		err := d.run(ctx)
		if ctx.Err() != nil || !interrupted(err) || s.conn.IsClosed() {
			return unlessDone(ctx, err)
		}
		s.log.Warn("delivering is interrupted", "receiver", receiver, "err", err)
		_ = pause(ctx, retryEvery) // run looks at ctx
	}
}

func deliveryConsumer(receiver string) string { return "deliver-" + receiver }

// delivery is the delivering to one receiver.
type delivery struct {
	stream   *Stream
	receiver string
	handle   func(ctx context.Context, raw []byte, attempt int) (time.Duration, error)
}

func (d *delivery) run(ctx context.Context) error {
	consumer, err := d.stream.js.CreateOrUpdateConsumer(ctx, streamRecords, jetstream.ConsumerConfig{
		Durable: deliveryConsumer(d.receiver), Description: "alerts for a receiver", FilterSubject: subjectAlert + ">",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: d.stream.cfg.AckWait, MaxAckPending: maxUndelivered,
		DeliverPolicy: jetstream.DeliverAllPolicy, Replicas: d.stream.cfg.Replicas,
	})
	if err != nil {
		return fmt.Errorf("receiver %s: %w", d.receiver, err)
	}
	// One at a time: what waits here would lose its time on the server's clock.
	messages, err := consumer.Messages(jetstream.PullMaxMessages(1))
	if err != nil {
		return fmt.Errorf("receiver %s: %w", d.receiver, err)
	}
	defer giveBack(messages)
	for {
		m, err := messages.Next(jetstream.NextContext(ctx))
		if err != nil {
			return err
		}
		d.one(ctx, m)
	}
}

func (d *delivery) one(ctx context.Context, m jetstream.Msg) {
	attempt := 1
	if meta, err := m.Metadata(); err == nil {
		attempt = int(meta.NumDelivered)
	}
	done := d.stream.holdOpen(m)
	retry, err := d.handle(ctx, m.Data(), attempt)
	done()
	switch {
	case ctx.Err() != nil && (err != nil || retry > 0):
		_ = m.Nak() // for whoever comes next
	case retry > 0:
		_ = m.NakWithDelay(retry)
	case err != nil:
		d.stream.log.Warn("alert not delivered; will be tried again", "receiver", d.receiver, "subject", m.Subject(), "attempt", attempt, "err", err)
		_ = m.NakWithDelay(failedRetry)
	default:
		// Lost, the alert is handled again; the record of its delivery tells.
		_ = m.Ack()
	}
}

// giveBack returns what was fetched and not begun, so that others need not
// wait for AckWait to get it.
func giveBack(messages jetstream.MessagesContext) {
	messages.Drain()
	for {
		msg, err := messages.Next(jetstream.NextMaxWait(healthTimeout))
		if err != nil {
			return
		}
		_ = msg.Nak()
	}
}
