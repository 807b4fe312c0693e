// Command sidedoor-verify is the auditor's verifier. It checks a ledger, a
// data folder or an exported folder, offline, and shares no code with the
// monitor that made it but package evidence, which is small enough to read.
//
// Exit codes: 0 everything fits, 1 something does not, 2 it could not be
// checked.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sidedoor/evidence"
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sidedoor-verify", flag.ContinueOnError)
	flags.SetOutput(stderr)
	key := flags.String("key", "", "the ledger's public `key`, as you keep it; without it the folder is only compared with itself")
	checkpoint := flags.String("checkpoint", "", "a `file` with a checkpoint that you kept: the ledger must have grown from it")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: sidedoor-verify [-key KEY] [-checkpoint FILE] FOLDER")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil || flags.NArg() != 1 {
		flags.Usage()
		return 2
	}
	opts := evidence.VerifyOptions{VerifierKey: *key}
	if *checkpoint != "" {
		old, err := os.ReadFile(*checkpoint)
		if err != nil {
			fmt.Fprintln(stderr, "sidedoor-verify:", err)
			return 2
		}
		opts.OldCheckpoint = old
	}
	if info, err := os.Stat(flags.Arg(0)); err != nil || !info.IsDir() {
		fmt.Fprintf(stderr, "sidedoor-verify: %s is not a folder\n", flags.Arg(0))
		return 2
	}
	report, err := evidence.VerifyAny(flags.Arg(0), opts)
	if errors.Is(err, evidence.ErrNoEvidence) || errors.Is(err, fs.ErrPermission) {
		fmt.Fprintf(stderr, "sidedoor-verify: %s cannot be checked: %v\n", flags.Arg(0), err)
		return 2
	}
	if err != nil {
		fmt.Fprintf(stdout, "%s does not verify: %v\n", flags.Arg(0), err)
		return 1
	}
	fmt.Fprintln(stdout, report)
	return 0
}
