package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	stdlog "log"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// maxHeader bounds the headers of a request, in bytes.
	maxHeader = 32 << 10
	// maxConnections bounds how many senders are connected, and so the memory
	// that each takes before it has said who it is.
	maxConnections = 2048
)

// server is the stage that receives: the sources, and the program's own
// pages.
func (p *pipeline) server(mux *http.ServeMux) (*stage, error) {
	p.pages(mux)
	var lc net.ListenConfig
	listener, err := lc.Listen(context.Background(), "tcp", p.cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	p.addr = listener.Addr()
	listener = bounded(listener, maxConnections)
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, WriteTimeout: 2 * time.Minute,
		IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader, ErrorLog: serverLog(p.log),
		// What is received before anybody reads it is in nobody's reckoning.
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 32, MaxReceiveBufferPerConnection: 256 << 10, MaxReceiveBufferPerStream: 64 << 10,
		},
	}
	return &stage{name: "server", run: func(ctx context.Context) error {
		var g errgroup.Group
		g.Go(func() error {
			var err error
			if p.cfg.TLS.CertFile != "" {
				// Asked for, and looked at by the source that wants one.
				server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert}
				err = server.ServeTLS(listener, p.cfg.TLS.CertFile, p.cfg.TLS.KeyFile)
			} else {
				err = server.Serve(listener)
			}
			if errors.Is(err, http.ErrServerClosed) {
				return nil
			}
			return err
		})
		g.Go(func() error {
			<-ctx.Done()
			stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin/2)
			defer cancel()
			return server.Shutdown(stop)
		})
		return g.Wait()
	}}, nil
}

// serverLog has what the server says of itself in the log; of broken handshakes, of
// which anybody who can connect can make thousands, only where all is wanted.
func serverLog(log *slog.Logger) *stdlog.Logger { return stdlog.New(serverLines{log}, "", 0) }

type serverLines struct{ log *slog.Logger }

// Write implements [io.Writer].
func (l serverLines) Write(line []byte) (int, error) {
	level := slog.LevelWarn
	if bytes.HasPrefix(line, []byte("http: TLS handshake error")) {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, "server", "err", string(bytes.TrimSpace(line)))
	return len(line), nil
}

// boundedListener has so many connections at the most. One more waits until another
// ends: an idle one is closed in a minute, and one that says nothing in seconds.
type boundedListener struct {
	net.Listener
	taken  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func bounded(l net.Listener, connections int) *boundedListener {
	return &boundedListener{Listener: l, taken: make(chan struct{}, connections), closed: make(chan struct{})}
}

// Accept implements [net.Listener].
func (l *boundedListener) Accept() (net.Conn, error) {
	select {
	case l.taken <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.taken
		return nil, err
	}
	return &boundedConn{Conn: c, listener: l}, nil
}

// Close implements [net.Listener].
func (l *boundedListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type boundedConn struct {
	net.Conn
	listener *boundedListener
	once     sync.Once
}

// Close implements [net.Conn].
func (c *boundedConn) Close() error {
	c.once.Do(func() { <-c.listener.taken })
	return c.Conn.Close()
}
