package alerting

import (
	"context"
	"errors"
	"time"
)

// Channel is a way to tell people.
type Channel interface {
	// Name is the kind of channel, as it stands in records: slack, webhook.
	Name() string
	// Send sends one message and returns when the receiver has taken it. The
	// result holds what is known even if there is an error. An error that is
	// [ErrRejected] says that this message will never be taken; any other says
	// to try again, no sooner than [RetryAfter]. No error holds a secret.
	Send(ctx context.Context, m Message) (Result, error)
}

// Result is what a receiver answered.
type Result struct {
	Status   int    // HTTP; 0 if there was no answer
	RemoteID string // what the receiver calls the message, if it says
}

// ErrRejected means that the receiver will never take the message.
var ErrRejected = errors.New("rejected")

// throttled is an error after which the receiver wants to be left alone.
type throttled struct {
	cause error
	after time.Duration
}

func (t *throttled) Error() string { return t.cause.Error() }
func (t *throttled) Unwrap() error { return t.cause }

// Throttled returns cause as an error whose [RetryAfter] is after.
func Throttled(cause error, after time.Duration) error {
	return &throttled{cause: cause, after: after}
}

// RetryAfter returns how long the receiver asked to be left alone, or 0.
func RetryAfter(err error) time.Duration {
	if t, ok := errors.AsType[*throttled](err); ok {
		return t.after
	}
	return 0
}
