package cloudtrail

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/jsonscan"
)

// Config is a folder into which CloudTrail log files are put, in whatever
// layout below it.
type Config struct {
	Folder string `yaml:"folder"`
}

// Validate says what is wrong.
func (c Config) Validate() error {
	if c.Folder == "" {
		return errors.New("folder is missing: name the folder that log files are put into")
	}
	return nil
}

// Bookmarks remember which files were read.
type Bookmarks interface {
	Bookmark(ctx context.Context, key string) (value []byte, found bool, err error)
	KeepBookmark(ctx context.Context, key string, value []byte) error
}

// Folder watches a folder.
type Folder struct {
	Config
	Source    ingest.Source
	Sink      ingest.Sink
	Bookmarks Bookmarks
	Coverage  *ingest.Coverage
	Metrics   *ingest.Metrics
	Now       func() time.Time
	Log       *slog.Logger

	seen map[string]mark // files that are done, by path
}

// mark is a file's state when it was read.
type mark struct {
	size    int64
	changed time.Time
}

const (
	// rescanEvery bounds how long a change that the watcher missed goes unseen.
	rescanEvery = 5 * time.Second
	// settle is how long a file that ends early is waited for: it may still be
	// in the writing.
	settle = time.Minute
	// maxRecord bounds a record; CloudTrail's own bound on events is 1 MB.
	maxRecord = 16 << 20
	// batchEvents bounds how many events are held before they are stored.
	batchEvents = 500
)

// Run reads what is in the folder and what comes into it, until ctx ends.
func (f *Folder) Run(ctx context.Context) error {
	if err := os.MkdirAll(f.Config.Folder, 0o750); err != nil {
		return fmt.Errorf("source %s: %w", f.Source.Name, err)
	}
	f.seen = map[string]mark{}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("source %s: watching: %w", f.Source.Name, err)
	}
	defer watcher.Close()
	tick := time.NewTicker(rescanEvery)
	defer tick.Stop()
	for {
		if err := f.scan(ctx, watcher); err != nil && ctx.Err() == nil {
			// The stream may be away for a moment; the folder is still there.
			f.Log.Error("folder not read", "source", f.Source.Name, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-watcher.Events:
			drain(watcher)
		case err := <-watcher.Errors:
			f.Log.Warn("watcher failed; the folder is read every few seconds", "source", f.Source.Name, "err", err)
		}
	}
}

// drain takes what else has changed just now: one scan serves it all.
func drain(w *fsnotify.Watcher) {
	for {
		select {
		case <-w.Events:
		default:
			return
		}
	}
}

// scan reads every file that is new or has changed.
func (f *Folder) scan(ctx context.Context, w *fsnotify.Watcher) error {
	end := f.Coverage.Begin()
	var newest time.Time
	var unread error
	err := filepath.WalkDir(f.Config.Folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if d.IsDir() {
			return w.Add(path)
		}
		if !isLog(path) {
			return nil
		}
		last, err := f.file(ctx, path, d)
		if last.After(newest) {
			newest = last
		}
		unread = errors.Join(unread, err)
		return nil
	})
	err = errors.Join(err, unread)
	if err == nil && newest.IsZero() && f.Source.Coverage != ingest.Clock {
		err = errQuiet
	}
	end(newest, err)
	if errors.Is(err, errQuiet) {
		return nil
	}
	return err
}

// errQuiet says that a scan found nothing new, which proves nothing.
var errQuiet = errors.New("nothing new")

// isLog says whether a path may be a log file. Digest files share the bucket
// and are no logs; a name that begins with a dot is in the writing.
func isLog(path string) bool {
	base := filepath.Base(path)
	return !strings.HasPrefix(base, ".") && !strings.Contains(path, "CloudTrail-Digest") &&
		(strings.HasSuffix(base, ".json") || strings.HasSuffix(base, ".json.gz"))
}

// file reads one file, if it is new, and remembers that it did.
func (f *Folder) file(ctx context.Context, path string, d fs.DirEntry) (newest time.Time, err error) {
	info, err := d.Info()
	if err != nil || !info.Mode().IsRegular() {
		return newest, nil // gone meanwhile, or no file
	}
	now := mark{info.Size(), info.ModTime()}
	if f.seen[path] == now {
		return newest, nil
	}
	key := fmt.Sprintf("%s %s %d %d", f.Source.Name, path, now.size, now.changed.UnixNano())
	if _, done, err := f.Bookmarks.Bookmark(ctx, key); err != nil {
		return newest, err
	} else if done {
		f.seen[path] = now
		return newest, nil
	}
	newest, err = f.read(ctx, path, f.Now().Sub(now.changed) > settle)
	if errors.Is(err, errGrowing) {
		return newest, nil
	}
	if err != nil {
		return newest, err
	}
	if err := f.Bookmarks.KeepBookmark(ctx, key, []byte(f.Now().UTC().Format(time.RFC3339))); err != nil {
		return newest, err
	}
	f.seen[path] = now
	return newest, nil
}

// errGrowing says that a file ends early and may still be in the writing.
var errGrowing = errors.New("the file is not complete yet")

// read stores a file's records. settled says that nobody writes to the file
// any more, so that an early end is a fault.
func (f *Folder) read(ctx context.Context, path string, settled bool) (newest time.Time, err error) {
	r := &fileReader{folder: f, settled: settled}
	if r.env, err = f.envelope(path); err != nil {
		return newest, err
	}
	file, err := os.Open(path)
	if err != nil {
		return newest, err
	}
	defer file.Close()
	content, err := unpacked(file)
	if err != nil {
		return newest, r.early(ctx, err.Error())
	}
	s := jsonscan.NewSplitter(content, maxRecord)
	for index := 0; ; index++ {
		p, err := s.Next()
		if errors.Is(err, io.EOF) {
			return r.newest, r.flush(ctx)
		}
		if err != nil {
			return r.newest, r.early(ctx, err.Error())
		}
		if p.Fault == jsonscan.Cut {
			return r.newest, r.early(ctx, p.Fault)
		}
		if err := r.take(ctx, p, index); err != nil {
			return r.newest, err
		}
	}
}

// envelope digests the file, which identifies the delivery.
func (f *Folder) envelope(path string) (event.Envelope, error) {
	file, err := os.Open(path)
	if err != nil {
		return event.Envelope{}, err
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return event.Envelope{}, err
	}
	env := f.Source.Envelope(path, f.Now().UTC(), nil)
	env.Digest = event.Digest(h.Sum(nil))
	return env, nil
}

// fileReader gathers the records of one file.
type fileReader struct {
	folder  *Folder
	env     event.Envelope
	settled bool
	events  []event.Event
	dead    []event.Dead
	newest  time.Time
}

func (r *fileReader) take(ctx context.Context, p jsonscan.Piece, index int) error {
	if p.Fault != "" {
		r.bury(p.Fault, index, p.Raw)
		return nil
	}
	e, err := Identify(append([]byte(nil), p.Raw...))
	if err != nil {
		r.bury(err.Error(), index, p.Raw)
		return nil
	}
	e.Index = index
	r.events = append(r.events, e)
	if len(r.events) == batchEvents {
		return r.flush(ctx)
	}
	return nil
}

func (r *fileReader) bury(reason string, index int, raw []byte) {
	r.dead = append(r.dead, event.Dead{
		Envelope: r.env, Cause: "malformed", Index: index,
		Reason: fmt.Sprintf("%s record %d: %s", r.env.Origin, index, reason),
		Raw:    append([]byte(nil), raw[:min(len(raw), event.MaxDead)]...),
	})
}

// early deals with a file that ends before its records do.
func (r *fileReader) early(ctx context.Context, reason string) error {
	if !r.settled {
		return errGrowing
	}
	r.bury(reason, -1, nil)
	return r.flush(ctx)
}

func (r *fileReader) flush(ctx context.Context) error {
	if last := ingest.Newest(r.events); last.After(r.newest) {
		r.newest = last
	}
	err := ingest.Store(ctx, r.folder.Sink, r.folder.Metrics, r.env, r.events, r.dead)
	r.events, r.dead = nil, nil
	return err
}

// unpacked looks at the first bytes, not at the name.
func unpacked(r io.Reader) (io.Reader, error) {
	b := bufio.NewReaderSize(r, 64<<10)
	magic, err := b.Peek(2)
	if err != nil || magic[0] != 0x1f || magic[1] != 0x8b {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	return z, nil
}
