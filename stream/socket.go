package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/nats-io/nats-server/v2/server"

	"sidedoor/event"
)

// maxSocketPath is what a unix socket's path may take on every system: 108
// bytes with a closing zero on Linux, 104 elsewhere.
const maxSocketPath = 100

// socket lets commands on the same machine, under the same account, reach the
// embedded server of a running process.
type socket struct {
	server   *server.Server
	listener net.Listener
	log      *slog.Logger

	mu    sync.Mutex
	conns map[net.Conn]struct{} // nil once closed
	done  sync.WaitGroup
}

// serveSocket listens at the data folder's socket. The caller holds the
// folder's lock, so a socket that is there already is a dead process's.
func serveSocket(ctx context.Context, dir string, srv *server.Server, log *slog.Logger) (*socket, error) {
	path, err := claimSocketPath(dir)
	if err != nil {
		return nil, fmt.Errorf("socket of %s: %w", dir, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("socket of %s: %w", dir, err)
	}
	// The folder around it is private, so nobody slips in before the chmod.
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, fmt.Errorf("socket of %s: %w", dir, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("socket of %s: %w", dir, err), l.Close())
	}
	s := &socket{server: srv, listener: l, log: log, conns: map[net.Conn]struct{}{}}
	s.done.Add(1)
	go s.accept()
	return s, nil
}

// close cuts the connections and removes the socket.
func (s *socket) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	for c := range s.conns {
		err = errors.Join(err, ignoreClosed(c.Close()))
	}
	s.conns = nil
	s.mu.Unlock()
	s.done.Wait()
	return err
}

func (s *socket) accept() {
	defer s.done.Done()
	for {
		c, err := s.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				s.log.Error("socket accepts no more commands", "err", err)
			}
			return
		}
		inside, err := s.server.InProcessConn()
		if err != nil {
			s.log.Warn("command not connected", "err", errors.Join(err, c.Close()))
			continue
		}
		s.join(c, inside)
	}
}

// join copies bytes both ways until either side ends.
func (s *socket) join(a, b net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		_, _ = a.Close(), b.Close()
		return
	}
	s.conns[a], s.conns[b] = struct{}{}, struct{}{}
	s.done.Add(2)
	go s.copy(a, b)
	go s.copy(b, a)
}

func (s *socket) copy(to, from net.Conn) {
	defer s.done.Done()
	_, _ = io.Copy(to, from) // either side may go at any time; NATS notices
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range []net.Conn{to, from} {
		_ = c.Close()
		delete(s.conns, c)
	}
}

// socketProvider dials the socket of a data folder for the NATS client.
type socketProvider struct{ dir string }

// InProcessConn implements [nats.InProcessConnProvider].
func (p socketProvider) InProcessConn() (net.Conn, error) {
	path, err := findSocketPath(p.dir)
	if err != nil {
		return nil, err
	}
	// The NATS client gives no context to its providers.
	ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, "unix", path)
}

func socketPath(dir string) string { return filepath.Join(dir, "sidedoor.sock") }

// pointerPath is the file that says where the socket of a data folder with a
// long path is.
func pointerPath(dir string) string { return filepath.Join(dir, "sidedoor.sock.at") }

// claimSocketPath returns where the socket of dir goes: into dir, or if that
// makes the path too long, into a private folder of the temporary one.
func claimSocketPath(dir string) (string, error) {
	if path := socketPath(dir); len(path) <= maxSocketPath {
		return path, nil
	}
	private := filepath.Join(os.TempDir(), "sidedoor-"+strconv.Itoa(os.Getuid()))
	if err := makePrivate(private); err != nil {
		return "", err
	}
	path := filepath.Join(private, event.DigestOf([]byte(dir)).Short()+".sock")
	if len(path) > maxSocketPath {
		return "", fmt.Errorf("%s is longer than the %d bytes that a socket's path may have; choose a shorter data folder or TMPDIR", path, maxSocketPath)
	}
	return path, os.WriteFile(pointerPath(dir), []byte(path+"\n"), 0o600)
}

// makePrivate makes a folder that only this account can enter. Everybody can
// write in the temporary folder, so what is there already may be a trap.
func makePrivate(dir string) error {
	if err := os.Mkdir(dir, 0o700); err == nil || !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !ok || int(stat.Uid) != os.Getuid() {
		return fmt.Errorf("%s exists and is not a private folder of this account; remove it", dir)
	}
	return nil
}

func findSocketPath(dir string) (string, error) {
	path := socketPath(dir)
	if len(path) <= maxSocketPath {
		return path, nil
	}
	b, err := os.ReadFile(pointerPath(dir))
	return strings.TrimSpace(string(b)), err
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return nil
	}
	return err
}
