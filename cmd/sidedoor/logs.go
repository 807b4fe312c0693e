package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"sidedoor/event"
	"sidedoor/ingest/logfile"
)

// batchSize is how many consecutive records of one file are matched together.
const batchSize = 256

// readLogs calls f with the events of log files, in batches of one source and
// file; scopes says what a source's logs are of, where they do not.
func readLogs(ctx context.Context, paths []string, scopes map[string]string, p *progress,
	f func(event.Batch) error, bad func(logfile.Bad),
) error {
	if err := arePaths(paths); err != nil {
		return err
	}
	r := logReader{scopes: scopes, batch: f}
	if err := logfile.Walk(ctx, paths, logfile.Options{Progress: p.file, Received: time.Now().UTC()}, r.add, bad); err != nil {
		return err
	}
	return r.flush()
}

// logReader collects records into batches.
type logReader struct {
	scopes map[string]string
	batch  func(event.Batch) error
	next   event.Batch
}

func (r *logReader) add(rec logfile.Record) error {
	env := rec.Envelope
	env.Scope = r.scopes[env.Source]
	if len(r.next.Events) == batchSize || env != r.next.Envelope {
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.next.Envelope = env
	r.next.Events = append(r.next.Events, rec.Event)
	return nil
}

func (r *logReader) flush() error {
	if len(r.next.Events) == 0 {
		return nil
	}
	err := r.batch(r.next)
	r.next.Events = r.next.Events[:0]
	return err
}

// arePaths refuses names of what is not there: that is a mistake of the command
// line, not of a log.
func arePaths(paths []string) error {
	for _, path := range paths {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return exit{exitUsage, fmt.Errorf("there is no file or folder %s", path)}
		} else if err != nil {
			return err
		}
	}
	return nil
}
