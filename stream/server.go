package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// readyWithin bounds the start of the embedded server. Recovering a store of
// hundreds of gigabytes after a power cut takes minutes.
const readyWithin = 10 * time.Minute

// startServer starts a NATS server inside this process, over dir/jetstream. It
// listens on no port.
// writeFailed is called whenever a stream could not write to the disk.
func startServer(ctx context.Context, cfg Config, writeFailed func(said string)) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "sidedoor",
		DontListen: true,
		NoSigs:     true, // signals are for the caller
		JetStream:  true,
		StoreDir:   cfg.Dir, // the server adds jetstream/
		// By default JetStream acknowledges first and fsyncs every two minutes.
		SyncAlways: true,
		// By default it is three quarters of what the disk has free at the start,
		// and then refuses records, too. It is Config.MinFree that bounds.
		JetStreamMaxStore: anySize,
		MaxPayload:        int32(cfg.MaxPayload),
		MaxPending:        max(server.MAX_PENDING_SIZE, 4*int64(cfg.MaxPayload)),
	})
	if err != nil {
		return nil, fmt.Errorf("embedded nats: %w", err)
	}
	srv.SetLogger(serverLog{cfg.Logger, writeFailed}, false, false)
	srv.Start()
	if err := awaitReady(ctx, srv); err != nil {
		srv.Shutdown()
		return nil, err
	}
	return srv, nil
}

const anySize = 1 << 60

// restartJetStream has a server read its streams from the disk again. A stream
// that could not write once, such as to a disk that was full, never writes again
// else, and does not even answer.
func restartJetStream(srv *server.Server, dir string) error {
	if err := srv.ShutdownJetStream(); err != nil {
		return fmt.Errorf("embedded nats: %w", err)
	}
	if err := srv.EnableJetStream(&server.JetStreamConfig{StoreDir: dir, MaxStore: anySize}); err != nil {
		return fmt.Errorf("embedded nats: %w", err)
	}
	return nil
}

func awaitReady(ctx context.Context, srv *server.Server) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for !srv.ReadyForConnections(50 * time.Millisecond) {
		if !srv.Running() {
			return errors.New("embedded nats: stopped while starting; see the log")
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("embedded nats: not ready: %w", err)
		}
	}
	if !srv.JetStreamEnabled() {
		return errors.New("embedded nats: JetStream did not start; see the log")
	}
	return nil
}

// serverLog passes the server's log lines on. What the server finds worth a
// notice is no news for an operator of Sidedoor.
type serverLog struct {
	log         *slog.Logger
	writeFailed func(said string)
}

func (l serverLog) Noticef(format string, v ...any) { l.say(slog.LevelDebug, format, v) }
func (l serverLog) Fatalf(format string, v ...any)  { l.say(slog.LevelError, format, v) }
func (l serverLog) Debugf(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }
func (l serverLog) Tracef(format string, v ...any)  { l.say(slog.LevelDebug, format, v) }

// Errorf also looks for what the server says in no other way.
func (l serverLog) Errorf(format string, v ...any) {
	l.say(slog.LevelError, format, v)
	if said := fmt.Sprintf(format, v...); strings.Contains(strings.ToLower(said), "critical write error") {
		l.writeFailed(said)
	}
}

func (l serverLog) Warnf(format string, v ...any) {
	level := slog.LevelWarn
	if strings.HasPrefix(format, "Maximum payloads over") {
		level = slog.LevelDebug // it is we who chose the payload, not the operator
	}
	l.say(level, format, v)
}

func (l serverLog) say(level slog.Level, format string, v []any) {
	l.log.Log(context.Background(), level, "nats server", "said", fmt.Sprintf(format, v...))
}
