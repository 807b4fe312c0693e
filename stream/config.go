package stream

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config says where the streams are. The zero value of every field but Dir is
// usable.
type Config struct {
	// Dir is the data folder. The embedded server keeps its files in
	// Dir/jetstream; Dir/lock and Dir/sidedoor.sock belong to the process that
	// owns the folder.
	Dir string
	// URL is that of an external NATS server or cluster, 2.12 or newer, such as
	// nats://127.0.0.1:4222. Empty: an embedded server that opens no port. An
	// external server has to be run with sync_interval: always, or what is
	// acknowledged may not survive a power cut.
	URL string
	// CredentialsFile holds the user's JWT and key for URL. Empty: none.
	CredentialsFile string
	// Replicas is how many servers of a cluster keep each message: 1, 3 or 5.
	// 0: 1.
	Replicas int
	// MaxDeadBytes bounds the dead letters kept; the oldest go first. 0: 256 MiB.
	MaxDeadBytes int64
	// MinFree is how many bytes of the data folder's disk are kept free of events,
	// for what becomes of those that are there: [ErrFull]. 0: 256 MiB.
	MinFree int64
	// MaxEventsBytes bounds EVENTS; what comes beyond is refused: [ErrFull]. 0: the
	// disk alone bounds it.
	MaxEventsBytes int64
	// OwnSource names the source whose events are stored even when there is no
	// room for those of others.
	OwnSource string
	// MaxPayload bounds one message, so one batch with its framing. 0: 16 MiB,
	// enough for batches of 8 MiB of raw events. An external server must allow
	// as much.
	MaxPayload int
	// AckWait is after how long a message is given to another worker if the one
	// that had it died. 0: 30 s.
	AckWait time.Duration
	// Logger is told what an operator should know. Nil: nothing is logged.
	Logger *slog.Logger
}

const (
	defaultMaxDeadBytes = 256 << 20
	defaultMaxPayload   = 16 << 20
	defaultMinFree      = 256 << 20
	defaultAckWait      = 30 * time.Second

	minPayload   = 128 << 10 // a record with its framing
	maxPayload   = 24 << 20  // the client holds two fetches, in 64 MiB
	minDeadBytes = 1 << 20
	minMinFree   = 1 << 20
	minMaxEvents = 16 << 20
	minAckWait   = 100 * time.Millisecond
)

// Validate reports all faults of the configuration at once.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	if c.Dir == "" {
		fault("stream: no data folder; give one, such as /var/lib/sidedoor")
	}
	if c.CredentialsFile != "" && c.URL == "" {
		fault("stream: credentials-file without url: the embedded server needs none")
	}
	switch c.Replicas {
	case 0, 1:
	case 3, 5:
		if c.URL == "" {
			fault("stream: %d replicas without url: the embedded server is a single one", c.Replicas)
		}
	default:
		fault("stream: %d replicas; 1, 3 or 5 are possible", c.Replicas)
	}
	if c.MaxDeadBytes != 0 && c.MaxDeadBytes < minDeadBytes {
		fault("stream: %d bytes for dead letters; %d at least", c.MaxDeadBytes, minDeadBytes)
	}
	if c.MinFree != 0 && c.MinFree < minMinFree {
		fault("stream: min-free of %d bytes; %d at least", c.MinFree, minMinFree)
	}
	if c.MaxEventsBytes != 0 && c.MaxEventsBytes < minMaxEvents {
		fault("stream: max-events of %d bytes; %d at least", c.MaxEventsBytes, minMaxEvents)
	}
	if c.MaxPayload != 0 && (c.MaxPayload < minPayload || c.MaxPayload > maxPayload) {
		fault("stream: a payload of %d bytes; %d to %d are possible", c.MaxPayload, minPayload, maxPayload)
	}
	if c.AckWait != 0 && c.AckWait < minAckWait {
		fault("stream: an acknowledgement within %v; %v at least", c.AckWait, minAckWait)
	}
	return errors.Join(faults...)
}

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	if c.Replicas == 0 {
		c.Replicas = 1
	}
	if c.MaxDeadBytes == 0 {
		c.MaxDeadBytes = defaultMaxDeadBytes
	}
	if c.MinFree == 0 {
		c.MinFree = defaultMinFree
	}
	if c.MaxPayload == 0 {
		c.MaxPayload = defaultMaxPayload
	}
	if c.AckWait == 0 {
		c.AckWait = defaultAckWait
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}
