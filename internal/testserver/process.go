package testserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// patience is for machines under load; the slowest server is ready in seconds.
const patience = 2 * time.Minute

// process is one running program with its log.
type process struct {
	name    string
	logFile string
	cmd     *exec.Cmd
	ended   chan struct{} // closed after err is set
	err     error
	killed  atomic.Bool
}

// start runs a program until it ends, kill is called or the test is over. Its
// log goes to dir, and is added to by the next process of that name.
func start(t testing.TB, dir, program string, args ...string) *process {
	t.Helper()
	p := &process{name: filepath.Base(program), ended: make(chan struct{})}
	p.logFile = filepath.Join(dir, p.name+".log")
	log, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close() //nolint:errcheck // the process has a handle of its own
	// Not t.Context(): it is cancelled before the clean-ups of callers, which
	// may still need the server.
	p.cmd = exec.CommandContext(context.Background(), program, args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, log, log
	// Whatever the developer has exported must not change what a test sees.
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TMPDIR=" + dir}
	dieWithParent(p.cmd)
	if err := p.run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.hasEnded() && !p.killed.Load() {
			t.Errorf("%s ended during the test: %v\n%s", p.name, p.err, p.lastLines())
		}
		p.kill()
	})
	return p
}

// run holds one thread for the life of the process: the kernel's "kill it when
// the parent dies" means the thread that started it, not the program.
func (p *process) run() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.ended)
		}
	}()
	return <-started
}

// kill ends the process as a crash would, and returns when it is gone.
func (p *process) kill() {
	p.killed.Store(true)
	_ = p.cmd.Process.Kill() // fails only if it has ended
	<-p.ended
}

func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// await asks until the server is ready; an error tells why it is not, with the
// last lines of its log.
func (p *process) await(ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := ready(ctx)
		if err == nil && !p.hasEnded() {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended before it was ready: %w\n%s", p.name, p.err, p.lastLines())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready after %v: %w\n%s", p.name, patience, errors.Join(err), p.lastLines())
		case <-again.C:
		}
	}
}

func (p *process) lastLines() []byte {
	const enough = 40
	log, err := os.ReadFile(p.logFile)
	if err != nil {
		return []byte(err.Error())
	}
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-enough):], []byte("\n"))
}

// onFreePorts starts a server on ports nobody listens on. Somebody else may
// take one before the server does, so it tries again with others.
func onFreePorts(t testing.TB, n int, start func(ports []string) (*process, error)) *process {
	t.Helper()
	for attempt := 1; ; attempt++ {
		p, err := start(freePorts(t, n))
		if err == nil {
			return p
		}
		p.kill()
		if attempt == 3 || !bytes.Contains(p.lastLines(), []byte("address already in use")) {
			t.Fatal(err)
		}
	}
}

// freePorts holds all of them before it lets go of any, so that they differ.
func freePorts(t testing.TB, n int) []string {
	t.Helper()
	var ports []string
	for range n {
		l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() //nolint:errcheck // nothing was written
		ports = append(ports, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	}
	return ports
}
