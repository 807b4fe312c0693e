package stream

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"sidedoor/event"
)

// Headers of a dead letter, beside those of its envelope. Reason and cause are
// quoted as Go strings, since they may hold what a header must not.
const (
	headerReason = "Sidedoor-Reason"
	headerCause  = "Sidedoor-Cause"
	headerIndex  = "Sidedoor-Index"
)

// Bounds of what a dead letter says of itself.
const (
	maxReason = 1 << 10
	maxCause  = 64
	maxOrigin = 1 << 10
)

// PublishDead keeps what of a delivery could not be read, cut at [event.MaxDead].
// The error is [ErrFull] if there is no room.
func (s *Stream) PublishDead(ctx context.Context, d event.Dead) error {
	letter := deadLetter(d)
	if err := s.space.take(len(letter.Data)); err != nil {
		return err
	}
	return s.add(ctx, letter)
}

// ReadDead calls f with every dead letter that is stored now, the oldest
// first, until f fails.
func (s *Stream) ReadDead(ctx context.Context, f func(source, reason, cause string, stored time.Time, raw []byte) error) error {
	return s.readNow(ctx, scope{stream: streamDead, filter: subjectDead + ">"}, func(m jetstream.Msg, meta *jetstream.MsgMetadata) error {
		h := m.Headers()
		source := unquote(h.Get(event.HeaderSource))
		return f(source, unquote(h.Get(headerReason)), unquote(h.Get(headerCause)), meta.Timestamp.UTC(), m.Data())
	})
}

func deadLetter(d event.Dead) *nats.Msg {
	d.Origin = cut(d.Origin, maxOrigin)
	h := header(d.Envelope)
	h.Set(event.HeaderSource, strconv.QuoteToASCII(cut(d.Source, maxOrigin)))
	h.Set(headerReason, strconv.QuoteToASCII(cut(d.Reason, maxReason)))
	h.Set(headerCause, strconv.QuoteToASCII(cut(d.Cause, maxCause)))
	h.Set(headerIndex, strconv.Itoa(d.Index))
	return &nats.Msg{Subject: deadSubject(d.Source), Header: h, Data: cut(d.Raw, event.MaxDead)}
}

// bury makes a dead letter of a message that cannot be used.
func (s *Stream) bury(ctx context.Context, msg jetstream.Msg, cause string, reason error) error {
	d := event.Dead{Reason: reason.Error(), Cause: cause, Index: -1, Raw: msg.Data()}
	if e, err := event.ParseEnvelope(msg.Headers().Get); err == nil {
		d.Envelope = e
	} else {
		tokens := strings.Split(msg.Subject(), ".")
		d.Source, d.Digest = tokens[min(2, len(tokens)-1)], event.DigestOf(msg.Data())
	}
	d.Origin = msg.Subject()
	letter := deadLetter(d)
	identify(letter, msg, -1)
	return s.add(ctx, letter)
}

// identify names a dead letter for what it comes from, so that doing the same
// again shortly after does not keep it twice.
func identify(letter *nats.Msg, from jetstream.Msg, index int) {
	if meta, err := from.Metadata(); err == nil {
		letter.Header.Set(nats.MsgIdHdr, fmt.Sprintf("%s.%d.%d", meta.Stream, meta.Sequence.Stream, index))
	}
}

func cut[T string | []byte](s T, n int) T { return s[:min(len(s), n)] }

// unquote undoes strconv's quoting; what is not quoted it leaves alone.
func unquote(s string) string {
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}
