package main

import (
	"context"
	"fmt"
	"os"

	"sidedoor/evidence"
)

type verifyCmd struct {
	Dir        string `arg:"" help:"A data folder, or a folder written by sidedoor audit export." type:"existingdir"`
	Key        string `help:"The ledger's public key, as the auditor keeps it; default: the key beside the ledger." placeholder:"KEY"`
	Checkpoint string `help:"A checkpoint kept from earlier: the ledger must have grown from it." type:"existingfile" placeholder:"FILE"`
}

// Help says what the one-line help cannot.
func (verifyCmd) Help() string {
	return `Recomputes everything from the records themselves: their hashes, the tree over them, the
signature under it; for an exported folder also the raw events and the draw of the sample.
The first thing that does not fit is named, and the exit code is 1.

A key read from the same folder proves that the folder agrees with itself. Keep the key
that sidedoor prints on its first run, or a checkpoint, in your own place and give it here.

sidedoor-verify does the same, and is small enough to read.`
}

func (c *verifyCmd) Run(_ context.Context, e *edges) error {
	opts := evidence.VerifyOptions{VerifierKey: c.Key}
	if c.Checkpoint != "" {
		old, err := os.ReadFile(c.Checkpoint)
		if err != nil {
			return err
		}
		opts.OldCheckpoint = old
	}
	report, err := evidence.VerifyAny(c.Dir, opts)
	if err != nil {
		return fmt.Errorf("%s does not verify: %w", c.Dir, err)
	}
	fmt.Fprintln(e.out, report)
	return nil
}
