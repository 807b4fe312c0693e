package objects

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"sidedoor/ingest"
)

const (
	// overlap is how far back from the last listing a listing goes by the dates of
	// the folders: an object may be put into a folder of yesterday.
	overlap = 24 * time.Hour
	// putLately is how long an object may be in the bucket and not in its listing,
	// which is far longer than S3 takes; it also allows for clocks that differ.
	putLately = 15 * time.Minute
)

// list reads what is new in the bucket since the listing before. The first
// listing begins with yesterday: what is older is for a back-fill.
func (r *Reader) list(ctx context.Context) (newest time.Time, err error) {
	folders, err := r.Folders(ctx)
	if err != nil {
		return newest, err
	}
	for _, folder := range folders {
		last, err := r.listFolder(ctx, folder)
		if last.After(newest) {
			newest = last
		}
		if err != nil {
			return newest, err
		}
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
	b := r.batch(ctx)
	err = r.bucket.List(ctx, folder, folder+since.Add(-overlap).Format(r.kind.Dates), func(o Object) error {
		if o.Modified.Before(since.Add(-putLately)) {
			return nil
		}
		return b.read(o)
	})
	newest, unread := b.wait()
	if unread != nil { // and so the listing was broken off
		err = unread
	}
	if err != nil {
		return newest, err
	}
	return newest, r.Bookmarks.KeepBookmark(ctx, bookmark, []byte(begun.Format(time.RFC3339)))
}

// since is when the folder was listed before, or the beginning of yesterday.
func (r *Reader) since(ctx context.Context, bookmark string, now time.Time) (time.Time, error) {
	kept, found, err := r.Bookmarks.Bookmark(ctx, bookmark)
	if err != nil {
		return time.Time{}, err
	}
	if t, err := time.Parse(time.RFC3339, string(kept)); found && err == nil {
		return t, nil
	}
	return now.Truncate(24 * time.Hour).Add(-24 * time.Hour), nil
}

// batch is objects that are read, several at once.
type batch struct {
	*Reader
	group *errgroup.Group
	ctx   context.Context // of the call that the batch is a part of

	mu     sync.Mutex
	newest time.Time
	unread error // of the first object that could not be had
}

func (r *Reader) batch(ctx context.Context) *batch {
	b := &batch{Reader: r}
	b.group, b.ctx = errgroup.WithContext(ctx)
	b.group.SetLimit(workers)
	return b
}

// read begins to read a listed object, as soon as one may be. It fails if one
// before could not be stored.
func (b *batch) read(o Object) error {
	if b.kind.PassOver(o.Key) != "" {
		return b.ctx.Err()
	}
	if _, known, err := b.known(b.ctx, o); err != nil || known {
		return err
	}
	b.group.Go(func() error {
		r, err := b.Read(b.ctx, o.Key)
		b.mu.Lock()
		defer b.mu.Unlock()
		if _, ofAWS := errors.AsType[*fetchError](err); ofAWS {
			// One object that cannot be had does not keep the others away.
			if b.unread == nil {
				b.unread = err
			}
			return nil
		}
		if errors.Is(err, ErrGone) {
			return nil // deleted since it was listed; a digest tells
		}
		if err == nil && r.Newest.After(b.newest) {
			b.newest = r.Newest
		}
		return err
	})
	return b.ctx.Err()
}

func (b *batch) wait() (newest time.Time, err error) {
	if err = b.group.Wait(); err == nil {
		err = b.unread
	}
	return b.newest, err
}
