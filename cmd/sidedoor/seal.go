package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"sidedoor/evidence"
	"sidedoor/stream"
)

// sealer feeds the ledger from RECORDS: leaf i is the record with stream
// sequence i+1, byte for byte.
type sealer struct {
	stream *stream.Stream
	every  time.Duration
	log    *slog.Logger
	now    func() time.Time

	mu     sync.Mutex
	ledger *evidence.Ledger
	sealed uint64 // leaves under the last checkpoint
	full   bool   // the disk; of run alone
}

func ledgerDir(data string) string { return filepath.Join(data, "ledger") }

// openSealer opens the ledger of a data folder, with a key made on first run.
func openSealer(cfg *config, s *stream.Stream, log *slog.Logger, now func() time.Time) (*sealer, error) {
	key, err := ledgerKey(cfg)
	if err != nil {
		return nil, err
	}
	ledger, err := evidence.Open(ledgerDir(cfg.Data), key, cfg.Name)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	if ledger.Size() == 0 {
		public, err := os.ReadFile(filepath.Join(ledgerDir(cfg.Data), "key.pub"))
		if err != nil {
			return nil, fmt.Errorf("ledger: %w", err)
		}
		log.Info("ledger begun; give this key to your auditor", "key", strings.TrimSpace(string(public)))
	}
	return &sealer{stream: s, every: cfg.Seal, log: log, now: now, ledger: ledger, sealed: ledger.Size()}, nil
}

// ledgerKey reads the key that signs checkpoints, or makes it.
func ledgerKey(cfg *config) (string, error) {
	path := filepath.Join(cfg.Data, "ledger.key")
	b, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(b)), nil
	}
	if !os.IsNotExist(err) {
		return "", fmt.Errorf("ledger key: %w", err)
	}
	if _, err := os.Stat(ledgerDir(cfg.Data)); err == nil {
		return "", fmt.Errorf("ledger key: %s is missing but %s exists; restore the key from its backup", path, ledgerDir(cfg.Data))
	}
	signer, _, err := evidence.NewKey(cfg.Name)
	if err != nil {
		return "", fmt.Errorf("ledger key: %w", err)
	}
	if err := os.WriteFile(path, []byte(signer+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("ledger key: %w", err)
	}
	return signer, nil
}

// run appends records as they come and signs a checkpoint each period in which
// some came. When ctx ends it takes in what is stored by then and signs a last
// one.
func (s *sealer) run(ctx context.Context) error {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	failed := make(chan error, 1)
	follow, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.stream.Records(follow, s.size(), s.append); err != nil {
			failed <- err
		}
	}()
	for {
		select {
		case <-tick.C:
			if err := s.survive(s.seal()); err != nil {
				return err
			}
		case err := <-failed:
			return err
		case <-ctx.Done():
			<-done
			return s.finish(context.WithoutCancel(ctx))
		}
	}
}

// survive passes an error on, unless the disk is full, and says that once. What is
// not sealed now is sealed when the disk has room.
func (s *sealer) survive(err error) error {
	full := errors.Is(err, syscall.ENOSPC)
	if full && !s.full {
		s.log.Error("the ledger cannot be sealed; it is tried again until the disk has room", "err", err)
	}
	if s.full && err == nil {
		s.log.Info("the ledger is sealed again")
	}
	s.full = full
	if full {
		return nil
	}
	return err
}

// finish seals what is stored now. A command that works while no monitor runs
// calls it too, so that its records are sealed at once.
func (s *sealer) finish(ctx context.Context) error {
	if err := s.stream.ReadRecords(ctx, s.size(), s.append); err != nil {
		return err
	}
	return s.seal()
}

func (s *sealer) append(seq uint64, raw []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if want := s.ledger.Size() + 1; seq != want {
		return fmt.Errorf("ledger: the next record is %d and RECORDS gives %d: a record is missing", want, seq)
	}
	return s.ledger.Append(raw)
}

func (s *sealer) seal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ledger.Size() == s.sealed && s.sealed > 0 {
		return nil
	}
	c, err := s.ledger.Seal(s.now())
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	s.sealed = s.ledger.Size()
	s.log.Debug("checkpoint signed", "size", c.Size)
	return nil
}

func (s *sealer) size() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.Size()
}
