package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/objects"
)

// lateFiles is how long after a period its events may still be delivered. Those
// that come even later are named by a digest file, and read for that.
const lateFiles = 2 * time.Hour

// Backfill implements [ingest.Backfiller]. It reads the log files that were
// delivered in the period and a while after it: whole files, so that what is
// stored of each is all that is in it. Then it checks the period's digest files.
func (c *Config) Backfill(ctx context.Context, in ingest.Intake, p ingest.Period, progress func(ingest.Progress)) error {
	if c.Folder != "" {
		return c.backfillFolder(ctx, in, p, progress)
	}
	if c.Bucket == "" {
		return errors.New("the past is in the trail's bucket: name it as bucket in the source's configuration")
	}
	reader, err := c.reader(in)
	if err != nil {
		return err
	}
	b := &backfill{Config: c, reader: reader, period: p, tell: progress}
	if c.validates() {
		if b.digests, err = c.digests(in, reader); err != nil {
			return err
		}
	}
	return b.run(ctx)
}

// backfill is one that is being done.
type backfill struct {
	*Config
	reader  *objects.Reader
	digests *digests // nil: they are not checked
	period  ingest.Period
	tell    func(ingest.Progress)

	mu       sync.Mutex
	progress ingest.Progress
}

func (b *backfill) run(ctx context.Context) error {
	logs, err := folders(ctx, b.reader.Bucket(), b.Config.Config.Folder(), ofLogs)
	if err != nil {
		return err
	}
	var proofs []string
	if b.digests != nil {
		if proofs, err = folders(ctx, b.reader.Bucket(), b.Config.Config.Folder(), ofDigests); err != nil {
			return err
		}
	}
	if len(logs)+len(proofs) == 0 {
		return fmt.Errorf("there is no AWSLogs/ with a trail's files in s3://%s/%s: is the prefix that of the trail?", b.Bucket, b.Config.Config.Folder())
	}
	if err := b.count(ctx, logs, proofs); err != nil {
		return err
	}
	// What cannot be had of one folder is no reason to leave out the others.
	var faults []error
	for _, folder := range logs {
		faults = append(faults, b.logs(ctx, folder))
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	for _, folder := range proofs {
		if err := b.proofs(ctx, folder); err != nil {
			faults = append(faults, fmt.Errorf("digests in %s: %w", folder, err))
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return few(faults)
}

// count finds out how much there is to do. Listing takes a thousandth of the
// requests that reading does.
func (b *backfill) count(ctx context.Context, logs, proofs []string) error {
	one := func(objects.Object) error { b.progress.Total++; return nil }
	digest := func(digestName, objects.Object) error { b.progress.Total++; return nil }
	none := func(digestName, objects.Object) error { return nil }
	for _, folder := range logs {
		if err := b.eachLog(ctx, folder, one); err != nil {
			return err
		}
	}
	for _, folder := range proofs {
		if err := b.eachDigest(ctx, folder, none, digest); err != nil {
			return err
		}
	}
	return nil
}

// holdsEvents says whether a file that was delivered then may hold events of the
// period. A file whose name does not say when may.
func holdsEvents(p ingest.Period, key string) bool {
	t := delivered(key)
	return t.IsZero() || ingest.Period{From: p.From.Truncate(time.Minute), To: p.To.Add(lateFiles)}.Contains(t)
}

func (b *backfill) eachLog(ctx context.Context, folder string, f func(objects.Object) error) error {
	return b.reader.Between(ctx, folder, b.period.From, b.period.To.Add(lateFiles), func(o objects.Object) error {
		if passOver(o.Key) != "" || !holdsEvents(b.period, o.Key) {
			return nil
		}
		return f(o)
	})
}

// eachDigest finds the digest files of all hours that the period touches, and
// tells of those before it, too.
func (b *backfill) eachDigest(ctx context.Context, folder string, before, f func(digestName, objects.Object) error) error {
	return b.reader.Between(ctx, folder, b.period.From.Add(-24*time.Hour), b.period.To.Add(time.Hour), func(o objects.Object) error {
		name, ok := nameOfDigest(o.Key)
		switch t := delivered(o.Key); {
		case !ok || !t.Add(-time.Hour).Before(b.period.To):
			return nil
		case !t.After(b.period.From):
			return before(name, o)
		}
		return f(name, o)
	})
}

func (b *backfill) logs(ctx context.Context, folder string) error {
	return b.reader.ReadEach(ctx, func(read func(objects.Object) error) error {
		return b.eachLog(ctx, folder, read)
	}, func(r objects.Reading) { b.did(r.Key, r.Events) })
}

// proofs checks the digest files of a folder. Each chain begins with the last of its
// files before the period: else what is wrong between that and the first one in the
// period would seem to be right now.
func (b *backfill) proofs(ctx context.Context, folder string) error {
	chains, starts, failed := map[string]*chain{}, map[string]string{}, map[string]error{}
	before := func(name digestName, o objects.Object) error {
		starts[name.part()] = max(starts[name.part()], o.Key)
		return ctx.Err()
	}
	err := b.eachDigest(ctx, folder, before, func(name digestName, o objects.Object) error {
		part := name.part()
		if failed[part] != nil {
			return ctx.Err()
		}
		c, err := chains[part], error(nil)
		if c == nil {
			c, err = b.digests.begun(ctx, name, starts[part])
			chains[part] = c
		}
		if err == nil {
			err = b.digests.check(ctx, c, name, o.Key)
		}
		if err != nil {
			failed[part] = err
			return ctx.Err()
		}
		b.did(o.Key, 0)
		return nil
	})
	return few(append(slices.Collect(maps.Values(failed)), err))
}

func (b *backfill) did(what string, events int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.progress.Done++
	b.progress.Events += events
	b.progress.At = filepath.Base(what)
	b.tell(b.progress)
}

// backfillFolder reads the period's files of a folder that were not read yet.
func (c *Config) backfillFolder(ctx context.Context, in ingest.Intake, p ingest.Period, tell func(ingest.Progress)) error {
	f := &Folder{Config: *c, Intake: in, seen: map[string]mark{}}
	var files []string
	err := filepath.WalkDir(f.Folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && passOver(filepath.ToSlash(path)) == "" && holdsEvents(p, path) {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	progress := ingest.Progress{Total: len(files)}
	for _, path := range files {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n, err := f.again(ctx, path)
		if err != nil {
			return err
		}
		progress.Done++
		progress.Events += n
		progress.At = filepath.Base(path)
		tell(progress)
	}
	return nil
}
