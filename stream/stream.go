package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Stream is an installation's streams: its own, or those of a running process
// that it has joined. Its methods may be called by any number of goroutines.
type Stream struct {
	cfg  Config
	log  *slog.Logger
	conn *nats.Conn
	js   jetstream.JetStream

	lock   *folderLock    // nil if joined
	server *server.Server // nil if external or joined
	socket *socket        // nil if external or joined

	readers progress
	space   *space
	unwatch func() // ends the watch on the space; nil if joined

	closing  sync.Once
	closeErr error
}

// Timeouts.
const (
	// requestTimeout bounds a request whose caller sets no deadline: an fsync of
	// a large batch on a busy disk takes seconds.
	requestTimeout = 30 * time.Second
	healthTimeout  = 2 * time.Second
	// joinWithin bounds how long a command waits for a process that owns the
	// data folder but does not answer: it is starting or stopping.
	joinWithin = 10 * time.Second
	joinEvery  = 50 * time.Millisecond
)

// Open owns the data folder: it takes its lock, starts the embedded server (or
// connects to the external one), makes the streams what they have to be and
// lets commands join through the socket. The error is [ErrLocked], naming the
// process, if another one owns the folder.
func Open(ctx context.Context, cfg Config) (*Stream, error) {
	s, err := newStream(cfg)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if s.lock, err = lockFolder(s.cfg.Dir); err != nil {
		return nil, err
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Close(context.WithoutCancel(ctx)))
	}
	return s, nil
}

// Attach joins the process that owns the data folder; if there is none it
// opens the folder itself. It is for commands.
func Attach(ctx context.Context, cfg Config) (*Stream, error) {
	patience, cancel := context.WithTimeout(ctx, joinWithin)
	defer cancel()
	for {
		if cfg.URL == "" {
			if s, err := join(cfg); err == nil {
				return s, nil
			}
		}
		s, err := Open(ctx, cfg)
		if !errors.Is(err, ErrLocked) {
			return s, err
		}
		if cfg.URL != "" {
			return join(cfg)
		}
		select {
		case <-time.After(joinEvery):
		case <-patience.Done():
			return nil, fmt.Errorf("%w, which does not answer", err)
		}
	}
}

// Owner reports whether this process owns the data folder: it opened it, and
// did not join another one.
func (s *Stream) Owner() bool { return s.lock != nil }

// Close ends the connection and, for an owner, stops the embedded server
// cleanly and gives the folder up. Stop the stages first. If ctx ends before
// the server has stopped, the folder stays locked until it has.
func (s *Stream) Close(ctx context.Context) error {
	s.closing.Do(func() { s.closeErr = s.close(ctx) })
	return s.closeErr
}

// Healthy reports whether the streams can be written and read now. The error is
// [ErrFull] if all that is lacking is room for events.
func (s *Stream) Healthy() error {
	if !s.conn.IsConnected() {
		return fmt.Errorf("nats: %s", s.conn.Status())
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	if _, err := s.info(ctx, streamRecords); err != nil {
		return err
	}
	if full := s.Space().Full; full != "" {
		return fmt.Errorf("%w: %s", ErrFull, full)
	}
	return nil
}

func newStream(cfg Config) (*Stream, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	cfg.Dir = dir
	return &Stream{cfg: cfg, log: cfg.Logger, space: newSpace(cfg)}, nil
}

func (s *Stream) start(ctx context.Context) error {
	var err error
	if s.cfg.URL == "" {
		if s.server, err = startServer(ctx, s.cfg, s.space.broke); err != nil {
			return err
		}
		err = s.connect(nats.InProcessServer(s.server), nats.MaxReconnects(-1))
	} else {
		err = s.connect(nats.MaxReconnects(-1))
	}
	if err != nil {
		return err
	}
	if err := s.build(ctx); err != nil {
		return err
	}
	s.measureSpace(ctx)
	watching, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() { defer close(done); s.watchSpace(watching) }()
	s.unwatch = func() { stop(); <-done }
	if s.server == nil {
		return nil
	}
	s.socket, err = serveSocket(ctx, s.cfg.Dir, s.server, s.log)
	return err
}

func (s *Stream) close(ctx context.Context) error {
	var errs []error
	if s.unwatch != nil {
		s.unwatch()
	}
	if s.socket != nil {
		errs = append(errs, s.socket.close())
	}
	if s.conn != nil {
		// The last acknowledgements are still in the client's buffer. If they are
		// lost, their messages are done again to the same effect.
		_ = flush(ctx, s.conn)
		s.conn.Close()
	}
	stopped := make(chan error, 1)
	go func() { stopped <- s.giveUp() }()
	select {
	case err := <-stopped:
		return errors.Join(append(errs, err)...)
	case <-ctx.Done():
		return errors.Join(append(errs, fmt.Errorf("embedded nats: still stopping: %w", ctx.Err()))...)
	}
}

// giveUp stops the server and then, and only then, lets the folder go.
func (s *Stream) giveUp() error {
	if s.server != nil {
		s.server.Shutdown()
		s.server.WaitForShutdown()
	}
	if s.lock != nil {
		return s.lock.release()
	}
	return nil
}
