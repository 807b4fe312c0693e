// Command sidedoor is a detective controls monitor: it finds what came into
// production by the side door, makes somebody answer for it every week, and
// proves to an auditor that all of this happened.
//
// The package holds flags, configuration, wiring and shutdown, nothing else:
// what a stage does is in the stage's room.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the linker for releases.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // a second signal ends the process at once
	}()
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	os.Exit(report(err, os.Stderr))
}

// exit is an error that chooses the exit code.
type exit struct {
	code int
	err  error
}

func (e exit) Error() string { return e.err.Error() }
func (e exit) Unwrap() error { return e.err }

// Exit codes beyond 0 and 1.
const (
	exitUsage = 2
	exitFound = 3 // --fail-on found what it looks for
)

func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "sidedoor:", err)
	if e, ok := errors.AsType[exit](err); ok {
		return e.code
	}
	return 1
}

// run is the whole program with its edges as arguments.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var cli commands
	ended := false
	parser, err := kong.New(&cli,
		kong.Name("sidedoor"),
		kong.Description(description),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Vars{"version": version},
		kong.Exit(func(int) { ended = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	cmd, err := parser.Parse(args)
	if ended { // help or version was printed
		return nil
	}
	if err != nil {
		return exit{exitUsage, fmt.Errorf("%w; see sidedoor --help", err)}
	}
	return cmd.Run(&edges{in: stdin, out: stdout, err: stderr})
}

// edges are where a command's words go, and where it may read.
type edges struct {
	in       io.Reader
	out, err io.Writer
}
