package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// join connects to the streams of a process that is running.
func join(cfg Config) (*Stream, error) {
	s, err := newStream(cfg)
	if err != nil {
		return nil, err
	}
	opts := []nats.Option{nats.MaxReconnects(5)}
	if s.cfg.URL == "" {
		opts = append(opts, nats.InProcessServer(socketProvider{s.cfg.Dir}))
	}
	if err := s.connect(opts...); err != nil {
		if s.conn != nil {
			s.conn.Close()
		}
		return nil, err
	}
	return s, nil
}

func (s *Stream) connect(opts ...nats.Option) error {
	opts = append(opts, nats.Name("sidedoor"), nats.ReconnectWait(200*time.Millisecond),
		nats.ErrorHandler(func(_ *nats.Conn, sub *nats.Subscription, err error) {
			subject := ""
			if sub != nil {
				subject = sub.Subject
			}
			s.log.Warn("nats", "subject", subject, "err", err)
		}))
	if s.cfg.CredentialsFile != "" {
		opts = append(opts, nats.UserCredentials(s.cfg.CredentialsFile))
	}
	conn, err := nats.Connect(s.cfg.URL, opts...)
	if err != nil {
		return fmt.Errorf("nats %s: %w", s.cfg.URL, err)
	}
	s.conn = conn
	if got := conn.MaxPayload(); got < int64(s.cfg.MaxPayload) && s.cfg.URL != "" {
		return fmt.Errorf("nats %s takes messages of %d bytes and %d are needed; raise its max_payload", s.cfg.URL, got, s.cfg.MaxPayload)
	}
	s.js, err = jetstream.New(conn, jetstream.WithDefaultTimeout(requestTimeout), jetstream.WithPublishAsyncTimeout(requestTimeout))
	return err
}

func flush(ctx context.Context, conn *nats.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	return conn.FlushWithContext(ctx)
}
