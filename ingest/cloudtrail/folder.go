package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fsnotify/fsnotify"

	"sidedoor/ingest"
	"sidedoor/ingest/records"
)

// Folder watches a folder.
type Folder struct {
	Config
	ingest.Intake

	seen      map[string]mark // files that are done, by path
	unwatched bool            // that a folder is not watched was said
	digests   *folderDigests  // nil: digest files are not checked
}

// mark is a file's state when it was read.
type mark struct {
	size    int64
	changed time.Time
}

const (
	// rescanEvery bounds how long a change that the watcher missed goes unseen.
	rescanEvery = 5 * time.Second
	// quietFor is how long nothing has to change before the folder is read.
	quietFor = 50 * time.Millisecond
	// settle is how long a file that ends early is waited for: it may still be
	// in the writing.
	settle = time.Minute
)

// Run reads what is in the folder and what comes into it, until ctx ends.
func (f *Folder) Run(ctx context.Context) error {
	if err := os.MkdirAll(f.Folder, 0o750); err != nil {
		return fmt.Errorf("source %s: %w", f.Source.Name, err)
	}
	f.seen = map[string]mark{}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("source %s: watching: %w", f.Source.Name, err)
	}
	defer watcher.Close() //nolint:errcheck // nobody watches any more
	tick := time.NewTicker(rescanEvery)
	defer tick.Stop()
	for {
		if err := f.scan(ctx, watcher); err != nil && ctx.Err() == nil {
			// The stream may be away for a moment; the folder is still there.
			f.Log.Error("folder not read", "source", f.Source.Name, "err", err)
		}
		f.prove(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-watcher.Events:
			settleDown(ctx, watcher)
		case err := <-watcher.Errors:
			f.Log.Warn("watcher failed; the folder is read every few seconds", "source", f.Source.Name, "err", err)
		}
	}
}

// prove checks the digest files, if that is wanted.
func (f *Folder) prove(ctx context.Context) {
	if f.digests == nil {
		return
	}
	if err := f.digests.check(ctx); err != nil && ctx.Err() == nil {
		f.Log.Warn("digest files not checked; it will be tried again", "source", f.Source.Name, "err", err)
	}
}

// settleDown waits until nothing has changed for a moment, but not for ever:
// one scan then serves all changes, such as the writes of one large file.
func settleDown(ctx context.Context, w *fsnotify.Watcher) {
	enough := time.NewTimer(rescanEvery)
	defer enough.Stop()
	for {
		select {
		case <-w.Events:
		case <-time.After(quietFor):
			return
		case <-enough.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// scan reads every file that is new or has changed. What cannot be read is no
// reason to leave out the rest.
func (f *Folder) scan(ctx context.Context, w *fsnotify.Watcher) error {
	end := f.Coverage.Begin()
	var newest time.Time
	var unread error
	err := filepath.WalkDir(f.Folder, func(path string, d fs.DirEntry, err error) error {
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist) && path != f.Folder:
			return nil // gone meanwhile
		case err != nil:
			unread = errors.Join(unread, err)
			return nil
		case d.IsDir():
			f.watch(w, path)
			return nil
		}
		last, err := f.entry(ctx, path, d)
		if last.After(newest) {
			newest = last
		}
		unread = errors.Join(unread, err)
		return nil
	})
	err = errors.Join(err, unread)
	if err == nil && newest.IsZero() && f.Source.Coverage != ingest.Clock {
		// A scan that finds nothing new proves nothing.
		end(newest, ingest.ErrNothing)
		return nil
	}
	end(newest, err)
	return err
}

// watch is a convenience: the operating system bounds the number of watches,
// and a folder without one is read every few seconds.
func (f *Folder) watch(w *fsnotify.Watcher, path string) {
	if err := w.Add(path); err != nil && !f.unwatched {
		f.unwatched = true
		f.Log.Warn("not every folder is watched; they are read every few seconds", "source", f.Source.Name, "err", err)
	}
}

func (f *Folder) entry(ctx context.Context, path string, d fs.DirEntry) (newest time.Time, err error) {
	base := filepath.Base(path)
	switch {
	case strings.Contains(path, digestFolder):
		if _, seen := f.seen[path]; !seen && f.digests != nil {
			f.digests.saw(path)
		}
		f.skip(path, "digest")
		return newest, nil
	case strings.HasPrefix(base, "."): // in the writing
		return newest, nil
	case !strings.HasSuffix(base, ".json") && !strings.HasSuffix(base, ".json.gz"):
		f.skip(path, "other")
		return newest, nil
	}
	return f.file(ctx, path, d)
}

// skip counts a file that is no log, once.
func (f *Folder) skip(path, what string) {
	if _, counted := f.seen[path]; !counted {
		f.seen[path] = mark{}
		f.Metrics.Skipped(f.Source.Name, what)
	}
}

// file reads one file, if it is new, and remembers that it did.
func (f *Folder) file(ctx context.Context, path string, d fs.DirEntry) (newest time.Time, err error) {
	info, err := d.Info()
	if err != nil || !info.Mode().IsRegular() {
		return newest, nil // gone meanwhile, or no file
	}
	r, err := f.news(ctx, path, info)
	return r.Newest, err
}

// again reads a file for a back-fill, if it was not read before, and returns how
// many events were stored.
func (f *Folder) again(ctx context.Context, path string) (int, error) {
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() {
		return 0, nil // as above
	}
	r, err := f.news(ctx, path, info)
	return r.Events, err
}

func (f *Folder) news(ctx context.Context, path string, info fs.FileInfo) (read records.Result, err error) {
	now := mark{info.Size(), info.ModTime()}
	if f.seen[path] == now {
		return read, nil
	}
	key := fmt.Sprintf("%s %s %d %d", f.Source.Name, path, now.size, now.changed.UnixNano())
	if _, done, err := f.Bookmarks.Bookmark(ctx, key); err != nil {
		return read, err
	} else if done {
		f.seen[path] = now
		return read, nil
	}
	read, err = f.read(ctx, path, f.Now().Sub(now.changed) > settle)
	if errors.Is(err, records.ErrEarly) {
		return read, nil
	}
	if err != nil {
		return read, err
	}
	if err := f.Bookmarks.KeepBookmark(ctx, key, []byte(f.Now().UTC().Format(time.RFC3339))); err != nil {
		return read, err
	}
	f.seen[path] = now
	return read, nil
}
