package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

const (
	consumerMatch = "match"
	// maxUnacknowledged bounds the batches and marks that all matchers together
	// hold. Marks wait for the batches before them, so it is generous.
	maxUnacknowledged = 8192
	// fetchAhead bounds the messages that wait for a worker, beside their bytes.
	fetchAhead = 256
	// retryAfter is when a batch is tried again whose matches could not be stored.
	retryAfter = time.Second
)

// Match runs the match stage until ctx ends (it returns nil then): workers
// goroutines take batches from EVENTS, call match and store what it returns,
// matches on MATCHES and dead letters on DEAD. A batch is acknowledged after
// all of that is on disk. Any number of processes may run the stage; they
// share the batches. match must be safe for concurrent use.
//
// A mark goes on to MATCHES when every batch before it is acknowledged, in
// whichever process, and never earlier.
//
// A batch that cannot be read, or in which match panics, becomes a dead
// letter; the stage goes on.
func (s *Stream) Match(ctx context.Context, workers int, match func(event.Batch) ([]event.Match, []event.Dead)) error {
	m := &matching{stream: s, match: match, coverage: newCoverage(s), batches: make(chan jetstream.Msg), ended: make(chan struct{})}
	var running sync.WaitGroup
	for range max(workers, 1) {
		running.Go(func() { m.work(ctx) })
	}
	// Marks that come to a coverage that has ended are given back by the server.
	covering, uncover := context.WithCancel(ctx)
	running.Go(func() { m.coverage.run(covering) })
	err := m.feed(ctx)
	uncover()
	running.Wait()
	return err
}

// matching is the match stage in one process.
type matching struct {
	stream   *Stream
	match    func(event.Batch) ([]event.Match, []event.Dead)
	coverage *coverage
	batches  chan jetstream.Msg
	ended    chan struct{} // closed when no more batches come
}

// feed fetches batches until ctx ends.
func (m *matching) feed(ctx context.Context) error {
	defer close(m.ended)
	for {
		err := m.feedOnce(ctx)
		if ctx.Err() != nil || !interrupted(err) || m.stream.conn.IsClosed() {
			return unlessDone(ctx, err)
		}
		m.stream.log.Warn("matching is interrupted", "err", err)
		_ = pause(ctx, retryEvery) // the loop looks at ctx
	}
}

func (m *matching) feedOnce(ctx context.Context) error {
	consumer, err := m.stream.matchConsumer(ctx)
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	fetching, err := consumer.Consume(func(msg jetstream.Msg) { m.hand(ctx, msg) },
		// Bounded by bytes, since a batch may have megabytes. The bound has room
		// for the largest message; with less the reader would wait for it for ever.
		jetstream.PullMaxMessagesWithBytesLimit(fetchAhead, m.stream.cfg.MaxPayload+headroom),
		jetstream.ConsumeErrHandler(func(_ jetstream.ConsumeContext, err error) {
			m.stream.log.Warn("matching is hampered", "err", err)
		}))
	if err != nil {
		return fmt.Errorf("match: %w", err)
	}
	closed := fetching.Closed()
	select {
	case <-closed:
		return fmt.Errorf("match: %w", jetstream.ErrMsgIteratorClosed)
	case <-ctx.Done():
	}
	fetching.Drain() // what was fetched and not begun goes to hand, which gives it back
	awaitClosed(closed)
	return ctx.Err()
}

// matchConsumer is the one that all matchers share.
func (s *Stream) matchConsumer(ctx context.Context) (jetstream.Consumer, error) {
	return s.js.CreateOrUpdateConsumer(ctx, streamEvents, jetstream.ConsumerConfig{
		Durable: consumerMatch, Description: "batches to match", FilterSubject: "events.>",
		AckPolicy: jetstream.AckExplicitPolicy, AckWait: s.cfg.AckWait, MaxAckPending: maxUnacknowledged,
		DeliverPolicy: jetstream.DeliverAllPolicy, Replicas: s.cfg.Replicas,
	})
}

// hand gives a batch to whichever worker is free, so that it never waits
// behind a slow one while another is idle, and a mark to the coverage, which
// holds nobody up. In what is neither there is nothing to match.
func (m *matching) hand(ctx context.Context, msg jetstream.Msg) {
	if strings.HasPrefix(msg.Subject(), subjectRepeat) || strings.HasPrefix(msg.Subject(), subjectProof) {
		_ = msg.Ack() // lost, it comes here again
		return
	}
	if ctx.Err() == nil && strings.HasPrefix(msg.Subject(), subjectMark) {
		m.coverage.take(ctx, msg)
		return
	}
	select {
	case m.batches <- msg:
	case <-ctx.Done():
		_ = msg.Nak() // else others get it only after AckWait
	}
}

func (m *matching) work(ctx context.Context) {
	for {
		select {
		case msg := <-m.batches:
			m.one(ctx, msg)
		case <-m.ended:
			return
		}
	}
}

func (m *matching) one(ctx context.Context, msg jetstream.Msg) {
	done := m.stream.holdOpen(msg)
	err := m.process(ctx, msg)
	done()
	switch {
	case err == nil:
		_ = msg.Ack() // lost, it means that the batch is matched again to the same effect
	case ctx.Err() != nil:
		_ = msg.Nak()
	default:
		m.stream.log.Warn("batch not matched; will be tried again", "subject", msg.Subject(), "err", err)
		_ = msg.NakWithDelay(retryAfter)
	}
}

// process stores all that follows from a batch.
func (m *matching) process(ctx context.Context, msg jetstream.Msg) error {
	batch, err := parseBatch(msg.Headers(), msg.Data())
	if err != nil {
		return m.stream.bury(ctx, msg, "malformed", err)
	}
	matches, dead, err := m.safely(batch)
	if err != nil {
		m.stream.log.Error("matcher failed", "subject", msg.Subject(), "err", err)
		return m.stream.bury(ctx, msg, "matcher-failed", err)
	}
	for i, d := range dead {
		letter := deadLetter(d)
		identify(letter, msg, i)
		if err := m.stream.add(ctx, letter); err != nil {
			return err
		}
	}
	return m.stream.publishMatches(ctx, batch, matches)
}

// safely turns a panic into an error: an event made to upset a rule must not
// stop the monitor, nor put it into a loop of restarts.
func (m *matching) safely(b event.Batch) (matches []event.Match, dead []event.Dead, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("matcher: %v", p)
		}
	}()
	matches, dead = m.match(b)
	return matches, dead, nil
}

// publishMatches stores matches that are not there yet. One that never can be
// stored becomes a dead letter, and so does what one contributes to correlations
// if that is too much: its act or approval is stored all the same.
func (s *Stream) publishMatches(ctx context.Context, b event.Batch, matches []event.Match) error {
	out := outbox{stream: s}
	for _, match := range matches {
		what := "match of rule " + match.Rule.Name
		m, err := s.matchMessage(match)
		if errors.Is(err, ErrTooLarge) && len(match.Parts) > 0 && (match.Act != nil || match.Approval != nil) {
			if err := s.unstorable(ctx, b, match, fmt.Errorf("%s: what it contributes to correlations: %w", what, err)); err != nil {
				return err
			}
			match.Parts = nil
			m, err = s.matchMessage(match)
		}
		if err != nil {
			if err := s.unstorable(ctx, b, match, fmt.Errorf("%s: %w", what, err)); err != nil {
				return err
			}
			continue
		}
		if err := out.post(ctx, posting{msg: m, exists: alreadyThere}); err != nil {
			return err
		}
	}
	return out.settle(ctx, 0)
}

func (s *Stream) unstorable(ctx context.Context, b event.Batch, m event.Match, why error) error {
	return s.add(ctx, deadLetter(event.Dead{Envelope: b.Envelope, Reason: why.Error(), Cause: "unstorable", Index: m.Event.Index}))
}

// matchMessage fails for what is too large, and for a time beyond the year 9999,
// which JSON does not know.
func (s *Stream) matchMessage(m event.Match) (*nats.Msg, error) {
	raw, err := json.Marshal(event.Input{Match: &m})
	if err != nil {
		return nil, err
	}
	msg := &nats.Msg{Subject: subjectMatch + m.ID(), Data: raw}
	return msg, s.checkSize(msg)
}

// holdOpen tells the server from time to time that a message is worked on,
// until done is called.
func (s *Stream) holdOpen(msg jetstream.Msg) (done func()) {
	ended := make(chan struct{})
	go func() {
		tick := time.NewTicker(s.cfg.AckWait / 3)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = msg.InProgress() // failing, it is redelivered, which does no harm
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended) }
}

// awaitClosed waits for a consumer to let go, but not for one whose server is
// gone.
func awaitClosed(closed <-chan struct{}) {
	t := time.NewTimer(healthTimeout)
	defer t.Stop()
	select {
	case <-closed:
	case <-t.C:
	}
}
