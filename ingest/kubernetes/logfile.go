package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/tail"
)

const (
	// maxLine bounds a line: request and response, each within the API server's
	// bound of 3 MB, twice escaped at the worst.
	maxLine = 16 << 20
	// followEvery is how often it is looked whether the file has grown.
	followEvery = 200 * time.Millisecond
)

// openLog makes ready the following of the API server's log file.
func (c *Config) openLog(in ingest.Intake) (ingest.Running, error) {
	l := &logFile{Intake: in, path: c.LogFile}
	return ingest.Running{Run: func(ctx context.Context) error {
		defer l.close()
		return in.Poll(ctx, followEvery, l.fetch)
	}}, nil
}

// logFile takes in what a log file has, chunk by chunk. The bookmark follows
// what is stored.
type logFile struct {
	ingest.Intake
	path     string
	follower *tail.Follower
}

func (l *logFile) close() {
	if l.follower != nil {
		l.follower.Close()
	}
}

func (l *logFile) key() string { return l.Source.Name + " log-file " + l.path }

// fetch takes in what there is by now.
func (l *logFile) fetch(ctx context.Context) (newest time.Time, err error) {
	if err := l.begin(ctx); err != nil {
		return newest, err
	}
	stored := false
	for ctx.Err() == nil {
		chunk, err := l.follower.Next()
		if err != nil {
			return newest, err
		}
		if chunk == nil {
			break
		}
		last, err := l.take(ctx, chunk)
		if err != nil {
			return newest, err
		}
		stored = true
		if last.After(newest) {
			newest = last
		}
		if chunk.CaughtUp {
			break // or a log that never rests would never be known as complete
		}
	}
	if !stored {
		return newest, ingest.ErrNothing
	}
	return newest, ctx.Err()
}

// begin goes on where the bookmark is, and makes one if there is none: what is
// rotated from then on is read, whether somebody follows or not.
func (l *logFile) begin(ctx context.Context) error {
	if l.follower != nil {
		return nil
	}
	place, found, err := l.Bookmarks.Bookmark(ctx, l.key())
	if err != nil {
		return err
	}
	if !found {
		place = nil
	}
	follower, err := tail.New(l.path, maxLine, place)
	if err != nil {
		return err
	}
	if !found {
		chunk, err := follower.Next()
		if err == nil && chunk == nil {
			l.Log.Info("the log file is empty or not there yet", "source", l.Source.Name, "file", l.path)
			err = l.Bookmarks.KeepBookmark(ctx, l.key(), follower.Position())
		}
		if err != nil {
			follower.Close()
			return err
		}
	}
	l.follower = follower
	return nil
}

// take stores a chunk, and keeps its end as the bookmark.
func (l *logFile) take(ctx context.Context, chunk *tail.Chunk) (newest time.Time, err error) {
	env := l.Source.Envelope(chunk.File, l.Now().UTC(), wholeOf(chunk))
	events, dead := parseLines(env, chunk)
	if chunk.Lost != "" {
		l.Log.Error("a part of the log file cannot be had", "source", l.Source.Name, "file", chunk.File, "why", chunk.Lost)
	}
	if err := l.Store(ctx, env, events, dead); err != nil {
		return newest, err
	}
	if err := l.Bookmarks.KeepBookmark(ctx, l.key(), l.follower.Position()); err != nil {
		return newest, err
	}
	l.follower.Done()
	return ingest.Newest(events), nil
}

// wholeOf is a chunk as one delivery.
func wholeOf(chunk *tail.Chunk) []byte {
	var whole []byte
	for _, line := range chunk.Lines {
		whole = append(append(whole, line.Raw...), '\n')
	}
	return whole
}

// parseLines reads the events of a chunk.
func parseLines(env event.Envelope, chunk *tail.Chunk) (events []event.Event, dead []event.Dead) {
	bury := func(index int, cause, reason string, raw []byte) {
		dead = append(dead, event.Dead{Envelope: env, Cause: cause, Index: index, Reason: reason, Raw: raw})
	}
	for i, line := range chunk.Lines {
		if line.TooLong {
			bury(i, "oversized", fmt.Sprintf("%s: a line is longer than %d bytes", chunk.File, maxLine), line.Raw)
			continue
		}
		e, err := Identify(line.Raw)
		if err != nil && line.Unended {
			err = errors.New("kubernetes: the file ends inside the line")
		}
		if err != nil {
			bury(i, "malformed", fmt.Sprintf("%s: %s", chunk.File, err), line.Raw)
			continue
		}
		e.Index = i
		events = append(events, e)
	}
	if chunk.Lost != "" {
		bury(-1, "lost", chunk.Lost, nil)
	}
	return events, dead
}
