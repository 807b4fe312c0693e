package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// scope is a part of a stream: the messages with a sequence above after whose
// subject matches filter.
type scope struct {
	stream, filter string
	after          uint64
	since          time.Time // if after is 0: those stored from then on; zero: all
	headersOnly    bool      // without what the messages carry
	ahead          int       // how many messages wait in memory; 0: readAhead
}

// reader reads a scope in the order of the stream, each message once, and
// goes on by itself after a broken connection. One goroutine uses it.
type reader struct {
	stream   *Stream
	scope    scope
	consumer jetstream.Consumer
	messages jetstream.MessagesContext
	unwatch  func() bool
}

// errIdle says that no message came for as long as the caller would wait.
var errIdle = errors.New("no message")

const retryEvery = time.Second

// readAhead is how many messages wait in memory. It is a count, since what is
// read in order is small, and since the client's iterator drops messages when
// it is bounded by count and bytes together: the server's "batch completed"
// then takes the place of one.
const readAhead = 128

// read opens a scope for reading until ctx ends.
func (s *Stream) read(ctx context.Context, sc scope) (*reader, error) {
	r := &reader{stream: s, scope: sc}
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	return r, nil
}

// next returns the next message. It waits until one comes or ctx ends or, if
// wait is not zero, gives up after wait with errIdle.
func (r *reader) next(ctx context.Context, wait time.Duration) (jetstream.Msg, *jetstream.MsgMetadata, error) {
	var opts []jetstream.NextOpt
	if wait > 0 {
		opts = append(opts, jetstream.NextMaxWait(wait))
	}
	for {
		m, err := r.messages.Next(opts...)
		switch {
		case ctx.Err() != nil:
			return nil, nil, ctx.Err()
		case errors.Is(err, nats.ErrTimeout):
			return nil, nil, errIdle
		case err != nil:
			if err := r.reopen(ctx, err); err != nil {
				return nil, nil, err
			}
			continue
		}
		meta, err := m.Metadata()
		if err != nil {
			return nil, nil, fmt.Errorf("stream %s: %w", r.scope.stream, err)
		}
		r.scope.after = meta.Sequence.Stream
		return m, meta, nil
	}
}

func (r *reader) open(ctx context.Context) error {
	cfg := jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{r.scope.filter},
		DeliverPolicy:  jetstream.DeliverByStartSequencePolicy,
		OptStartSeq:    r.scope.after + 1,
		HeadersOnly:    r.scope.headersOnly,
	}
	if r.scope.after == 0 && !r.scope.since.IsZero() {
		cfg.DeliverPolicy, cfg.OptStartSeq, cfg.OptStartTime = jetstream.DeliverByStartTimePolicy, 0, &r.scope.since
	}
	consumer, err := r.stream.js.OrderedConsumer(ctx, r.scope.stream, cfg)
	if err != nil {
		return fmt.Errorf("stream %s: read: %w", r.scope.stream, err)
	}
	messages, err := consumer.Messages(jetstream.PullMaxMessages(cmp.Or(r.scope.ahead, readAhead)))
	if err != nil {
		return fmt.Errorf("stream %s: read: %w", r.scope.stream, err)
	}
	r.consumer, r.messages = consumer, messages
	// The iterator does not watch a context while it repairs itself.
	r.unwatch = context.AfterFunc(ctx, messages.Stop)
	return nil
}

// reopen starts anew behind the last message, for as long as that may help.
func (r *reader) reopen(ctx context.Context, cause error) error {
	r.close(ctx)
	if r.stream.conn.IsClosed() {
		return fmt.Errorf("stream %s: read: %w", r.scope.stream, cause)
	}
	r.stream.log.Warn("reading is interrupted", "stream", r.scope.stream, "after", r.scope.after, "err", cause)
	for {
		if err := pause(ctx, retryEvery); err != nil {
			return err
		}
		err := r.open(ctx)
		if err == nil || !interrupted(err) {
			return err
		}
	}
}

// close lets go of what the server holds for the reader.
func (r *reader) close(ctx context.Context) {
	r.unwatch()
	r.messages.Stop()
	info := r.consumer.CachedInfo()
	if info == nil || !r.stream.conn.IsConnected() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout)
	defer cancel()
	// If it is gone already, or cannot be reached, the server lets it expire.
	_ = r.stream.js.DeleteConsumer(ctx, r.scope.stream, info.Name)
}

// readNow calls f with the messages of a scope that are stored now.
func (s *Stream) readNow(ctx context.Context, sc scope, f func(jetstream.Msg, *jetstream.MsgMetadata) error) error {
	end, err := s.last(ctx, sc.stream, sc.filter)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if end.Sequence <= sc.after {
		return nil
	}
	r, err := s.read(ctx, sc)
	if err != nil {
		return err
	}
	defer r.close(ctx)
	for {
		m, meta, err := r.next(ctx, 0)
		if err != nil {
			return err
		}
		// On a bounded stream the end may be gone by the time it is reached.
		if meta.Sequence.Stream > end.Sequence {
			return nil
		}
		if err := f(m, meta); err != nil {
			return err
		}
		if meta.Sequence.Stream == end.Sequence {
			return nil
		}
	}
}
