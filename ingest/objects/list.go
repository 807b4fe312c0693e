package objects

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sidedoor/ingest"
	"sidedoor/ingest/records"
)

// overlap is how far back from the last listing a listing goes by the dates of
// the folders: an object may be put into a folder of yesterday, and clocks differ.
const overlap = 24 * time.Hour

// list reads what is new in the bucket since the listing before. The first
// listing begins with yesterday: what is older is for a back-fill. An object that
// cannot be had holds up the bookmark of its own folder only.
func (r *Reader) list(ctx context.Context) (newest time.Time, err error) {
	folders, err := r.Folders(ctx)
	if err != nil {
		return newest, err
	}
	var unread error
	for _, folder := range folders {
		last, err := r.listFolder(ctx, folder)
		if last.After(newest) {
			newest = last
		}
		if _, ofAWS := errors.AsType[*fetchError](err); err != nil && (!ofAWS || ctx.Err() != nil) {
			return newest, err
		}
		unread = cmp.Or(unread, err)
	}
	if unread != nil {
		return newest, unread
	}
	if newest.IsZero() && r.Source.Coverage != ingest.Clock {
		return newest, ingest.ErrNothing // as quiet as a trail that is stopped
	}
	return newest, nil
}

// Folders returns the folders of the bucket whose objects are sorted by time.
func (r *Reader) Folders(ctx context.Context) ([]string, error) {
	if r.kind.Folders == nil {
		return []string{r.config.Folder()}, nil
	}
	return r.kind.Folders(ctx, r.bucket)
}

func (r *Reader) listFolder(ctx context.Context, folder string) (newest time.Time, err error) {
	begun := r.Now().UTC()
	bookmark := fmt.Sprintf("%s listing s3://%s/%s", r.Source.Name, r.config.Bucket, folder)
	since, err := r.since(ctx, bookmark, begun)
	if err != nil {
		return newest, err
	}
	after := folder + since.Add(-overlap).UTC().Format(r.kind.Dates)
	err = r.ReadEach(ctx, func(read func(Object) error) error {
		return r.bucket.List(ctx, folder, after, read)
	}, func(one Reading) {
		if one.Newest.After(newest) {
			newest = one.Newest
		}
	})
	if err != nil {
		return newest, err
	}
	return newest, r.Bookmarks.KeepBookmark(ctx, bookmark, []byte(begun.Format(time.RFC3339)))
}

// since is when the folder was listed before, or the beginning of yesterday: also
// if it was listed by a clock that was ahead.
func (r *Reader) since(ctx context.Context, bookmark string, now time.Time) (time.Time, error) {
	kept, found, err := r.Bookmarks.Bookmark(ctx, bookmark)
	if err != nil {
		return time.Time{}, err
	}
	if t, err := time.Parse(time.RFC3339, string(kept)); found && err == nil && !t.After(now) {
		return t, nil
	}
	return now.Truncate(24 * time.Hour).Add(-24 * time.Hour), nil
}

// Between calls f with the objects of a folder that are sorted under the dates
// from the one time to the other, both of them included, until f fails.
func (r *Reader) Between(ctx context.Context, folder string, from, to time.Time, f func(Object) error) error {
	enough := errors.New("the later ones are not wanted")
	// Above the date of to and all that is below it.
	last := folder + to.UTC().Format(r.kind.Dates) + "\xff"
	err := r.bucket.List(ctx, folder, folder+from.UTC().Format(r.kind.Dates), func(o Object) error {
		if o.Key > last {
			return enough
		}
		return f(o)
	})
	if errors.Is(err, enough) {
		return nil
	}
	return err
}

// ReadEach reads the objects that list hands to its argument, several at once,
// and calls done with each, one at a time. An object that is gone is left out. One
// that cannot be had does not keep the others away, and is the error in the end.
func (r *Reader) ReadEach(ctx context.Context, list func(read func(Object) error) error, done func(Reading)) error {
	b := &batch{Reader: r, done: done}
	b.group, b.ctx = errgroup.WithContext(ctx)
	b.group.SetLimit(workers)
	listed := list(b.read)
	if err := b.group.Wait(); err != nil { // and so the listing was broken off
		return err
	}
	return errors.Join(listed, b.unread)
}

// batch is objects that are read, several at once.
type batch struct {
	*Reader
	group *errgroup.Group
	ctx   context.Context // of the call that the batch is a part of
	done  func(Reading)

	// Objects that are listed one after the other are mostly on one shelf.
	shelfName string
	shelf     []byte

	mu     sync.Mutex
	unread error // of the first object that could not be had
}

// read begins to read a listed object, as soon as one may be. It fails if one
// before could not be stored.
func (b *batch) read(o Object) error {
	if b.kind.PassOver(o.Key) != "" {
		return b.ctx.Err()
	}
	if name := b.shelfOf(o.Key); name != b.shelfName {
		shelf, _, err := b.Bookmarks.Bookmark(b.ctx, name)
		if err != nil {
			return err
		}
		b.shelfName, b.shelf = name, shelf
	}
	if unpacked, known := onShelf(b.shelf, o); known {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.done(Reading{Object: o, Known: true, Result: records.Result{Unpacked: unpacked}})
		return b.ctx.Err()
	}
	b.group.Go(func() error { return b.one(o.Key) })
	return b.ctx.Err()
}

func (b *batch) one(key string) error {
	r, err := b.Read(b.ctx, key)
	b.mu.Lock()
	defer b.mu.Unlock()
	_, ofAWS := errors.AsType[*fetchError](err)
	switch {
	case errors.Is(err, ErrGone):
		return nil // deleted since it was listed; a digest tells
	case ofAWS && b.ctx.Err() == nil:
		if b.unread == nil {
			b.unread = err
		}
		return nil
	case err != nil:
		return err
	}
	b.done(r)
	return nil
}
