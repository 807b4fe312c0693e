package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var (
	// ErrExists means that there is something else under the same identity.
	ErrExists = errors.New("exists with other content")
	// ErrNotFound means that there is nothing under that identity.
	ErrNotFound = errors.New("not found")
	// ErrTooLarge means that a message is larger than Config.MaxPayload; it will
	// never be stored.
	ErrTooLarge = errors.New("too large for the stream")
)

// What a server answers to "expected last sequence of this subject: 0".
const (
	codeWrongSequence = jetstream.JSErrCodeStreamWrongLastSequence
	// codeInFlight says that a cluster is storing another message of the
	// subject just now, so that it is neither there nor absent.
	codeInFlight jetstream.ErrorCode = 10164
)

const inFlightWait = 20 * time.Millisecond

// headroom is what a message may need beside its payload: headers and subject.
const headroom = 64 << 10

// create stores m if its subject has no message yet, and reports whether it
// did. A nil error means that a message of that subject is on disk.
func (s *Stream) create(ctx context.Context, m *nats.Msg) (fresh bool, err error) {
	if err := s.checkSize(m); err != nil {
		return false, err
	}
	for {
		_, err := s.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(0))
		switch {
		case err == nil:
			return true, nil
		case isCode(err, codeWrongSequence):
			return false, nil
		case !isCode(err, codeInFlight):
			return false, s.because(m, err)
		}
		if err := pause(ctx, inFlightWait); err != nil {
			return false, fmt.Errorf("%s: %w", m.Subject, err)
		}
	}
}

// replace stores m unless the last message of its subject says the same. Nil means
// that the last one does, and is on disk. Of several who do so at once each has its
// turn: none passes over what another has just said.
func (s *Stream) replace(ctx context.Context, m *nats.Msg) error {
	if err := s.checkSize(m); err != nil {
		return err
	}
	for {
		before := uint64(0)
		last, err := s.last(ctx, streamEvents, m.Subject)
		switch {
		case err == nil && bytes.Equal(last.Data, m.Data):
			return nil
		case err == nil:
			before = last.Sequence
		case !errors.Is(err, ErrNotFound):
			return err
		}
		_, err = s.js.PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(before))
		switch {
		case err == nil:
			return nil
		case !isCode(err, codeWrongSequence) && !isCode(err, codeInFlight):
			return s.because(m, err)
		}
		if err := pause(ctx, inFlightWait); err != nil {
			return fmt.Errorf("%s: %w", m.Subject, err)
		}
	}
}

// add stores m whatever its subject holds.
func (s *Stream) add(ctx context.Context, m *nats.Msg) error {
	if err := s.checkSize(m); err != nil {
		return err
	}
	if _, err := s.js.PublishMsg(ctx, m); err != nil {
		return s.because(m, err)
	}
	return nil
}

// because says why a message was not stored.
func (s *Stream) because(m *nats.Msg, err error) error {
	if noRoom(err) {
		s.space.refused(err)
		return fmt.Errorf("%s: %w: %w", m.Subject, ErrFull, err)
	}
	return fmt.Errorf("%s: %w", m.Subject, err)
}

// last returns the last message of a subject, which may hold wildcards.
func (s *Stream) last(ctx context.Context, stream, subject string) (*jetstream.RawStreamMsg, error) {
	str, err := s.js.Stream(ctx, stream)
	if err != nil {
		return nil, fmt.Errorf("stream %s: %w", stream, err)
	}
	m, err := str.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, fmt.Errorf("%s: %w", subject, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", subject, err)
	}
	return m, nil
}

func (s *Stream) checkSize(m *nats.Msg) error {
	if n := len(m.Data); n > s.cfg.MaxPayload-headroom {
		return fmt.Errorf("%s: %d bytes are %w: %d at most", m.Subject, n, ErrTooLarge, s.cfg.MaxPayload-headroom)
	}
	return nil
}

func isCode(err error, code jetstream.ErrorCode) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == code
}

// temporary reports whether doing the same again later may help.
func temporary(err error) bool {
	var api *jetstream.APIError
	if errors.As(err, &api) {
		return api.Code >= 500 || api.ErrorCode == codeInFlight
	}
	for _, t := range []error{
		nats.ErrTimeout, nats.ErrNoResponders, nats.ErrDisconnected, nats.ErrConnectionReconnecting,
		jetstream.ErrNoStreamResponse, jetstream.ErrAsyncPublishTimeout, jetstream.ErrNoHeartbeat,
		context.DeadlineExceeded,
	} {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

// interrupted reports whether reading broke off for a reason that passes: the
// server was away, or somebody removed the consumer, which can be made again.
func interrupted(err error) bool {
	return temporary(err) || errors.Is(err, jetstream.ErrConsumerDeleted) || errors.Is(err, jetstream.ErrMsgIteratorClosed) ||
		errors.Is(err, jetstream.ErrConsumerNotFound)
}

// pause waits, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
