package cloudtrail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/objects"
)

const (
	// digestsEvery is how often it is looked for new digest files, of which a
	// trail writes one an hour.
	digestsEvery = 10 * time.Minute
	// overdue is how late a digest file may be; a trail writes one for every hour,
	// also of those in which nothing happened.
	overdue = 4 * time.Hour
	// maxOverdue bounds how many hours are told to be overdue at once.
	maxOverdue = 7 * 24
	// maxAbsent bounds how many digest files of a chain are waited for, and
	// waitFor how long; a trail that writes none for that long is at an end.
	maxAbsent = 50
	waitFor   = 7 * 24 * time.Hour
)

// digests checks the digest files in a bucket.
type digests struct {
	auditor
	reader *objects.Reader
	prefix string
}

// inBucket finds a trail's files in its bucket.
type inBucket struct{ reader *objects.Reader }

// maxPacked bounds a digest file as it is stored.
const maxPacked = 16 << 20

func (b inBucket) digest(ctx context.Context, key string) (storedDigest, error) {
	o, content, err := b.reader.Bucket().Get(ctx, key)
	if errors.Is(err, objects.ErrGone) {
		return storedDigest{}, errGone
	}
	if err != nil {
		return storedDigest{}, err
	}
	defer content.Close() //nolint:errcheck // it was only read
	packed, err := io.ReadAll(io.LimitReader(content, maxPacked))
	if err != nil {
		return storedDigest{}, err
	}
	s := storedDigest{
		packed: packed, bucket: o.Bucket, key: key,
		signature: signature{o.Metadata["signature"], o.Metadata["signature-algorithm"]},
	}
	if t, err := time.Parse(time.RFC3339, o.Metadata["backfill-generation-timestamp"]); err == nil {
		s.signed = t
	}
	return s, nil
}

func (b inBucket) logFile(ctx context.Context, f logFile) (unpacked event.Digest, recovered bool, err error) {
	if f.Bucket != b.reader.Bucket().Name {
		return unpacked, false, fmt.Errorf("%w: it is in the bucket %q, which is not the configured one", errGone, f.Bucket)
	}
	if unpacked, known, err := b.reader.Unpacked(ctx, f.Object); err != nil || known {
		return unpacked, false, err
	}
	r, err := b.reader.Read(ctx, f.Object)
	switch {
	case errors.Is(err, objects.ErrGone):
		return unpacked, false, errGone
	case errors.Is(err, objects.ErrForeign):
		return unpacked, false, fmt.Errorf("%w: %w", errGone, err)
	}
	return r.Unpacked, true, err
}

// run checks digest files as they come. What goes wrong there says nothing of
// the events, so it has a coverage that nobody states.
func (d *digests) run(ctx context.Context) error {
	apart := d.Intake
	apart.Coverage = ingest.NewCoverage(d.Source, d.Sink, d.Now)
	return apart.Poll(ctx, digestsEvery, func(ctx context.Context) (time.Time, error) {
		all, err := folders(ctx, d.reader.Bucket(), d.prefix, ofDigests)
		if err != nil {
			return time.Time{}, err
		}
		var faults []error
		for _, folder := range all {
			if err := d.folder(ctx, folder); err != nil {
				faults = append(faults, fmt.Errorf("digests in %s: %w", folder, err))
			}
		}
		return time.Time{}, errors.Join(faults...)
	})
}

// chains is how far the digest files of an account and region were checked, by
// the parts that they are about.
type chains struct {
	Since  time.Time         `json:"since"`
	Chains map[string]*chain `json:"chains"`
}

// folder checks what is new in the digest files of an account and region.
func (d *digests) folder(ctx context.Context, folder string) error {
	begun := d.Now().UTC()
	key := fmt.Sprintf("%s digests s3://%s/%s", d.Source.Name, d.reader.Bucket().Name, folder)
	c := chains{Since: begun.Add(-time.Hour)}
	kept, _, err := d.Bookmarks.Bookmark(ctx, key)
	if err != nil {
		return err
	}
	if len(kept) > 0 {
		if err := json.Unmarshal(kept, &c); err != nil {
			d.Log.Warn("the digest chain is begun anew: its bookmark cannot be read", "source", d.Source.Name, "err", err)
		}
	}
	if c.Chains == nil {
		c.Chains = map[string]*chain{}
	}
	err = d.news(ctx, folder, &c)
	if err == nil {
		c.Since = begun
	}
	b, marshalled := json.Marshal(c)
	return errors.Join(err, marshalled, d.Bookmarks.KeepBookmark(ctx, key, b))
}

func (d *digests) news(ctx context.Context, folder string, c *chains) error {
	from := c.Since
	for _, one := range c.Chains { // those of which a file failed are behind
		if one.Last.End.Before(from) {
			from = one.Last.End
		}
	}
	err := d.list(ctx, folder, from, c.Since, c.Chains)
	if err != nil {
		return err
	}
	for part, one := range c.Chains {
		name, ok := nameOfDigest(one.Last.Key)
		if !ok || name.part() != part {
			continue
		}
		if err := d.late(ctx, one, name); err != nil {
			return err
		}
		if name.backfill != "" {
			continue // they come when somebody asks for them
		}
		if err := d.due(ctx, one, name); err != nil {
			return err
		}
		if d.Now().Sub(one.Last.End) > waitFor {
			d.Log.Warn("a trail has written no digest file for a week, and is waited for no more", "source", d.Source.Name, "trail", part)
			delete(c.Chains, part)
		}
	}
	return nil
}

// list checks the digest files of a folder that are new in their chains. A chain
// that is not known begins with the first file after begin.
func (d *digests) list(ctx context.Context, folder string, from, begin time.Time, all map[string]*chain) error {
	after := folder + from.Add(-24*time.Hour).UTC().Format(dates)
	return d.reader.Bucket().List(ctx, folder, after, func(o objects.Object) error {
		name, ok := nameOfDigest(o.Key)
		if !ok {
			return nil
		}
		c := all[name.part()]
		switch {
		case c == nil && delivered(o.Key).Before(begin):
			return nil
		case c == nil:
			c = &chain{}
			all[name.part()] = c
		case o.Key <= c.Last.Key:
			return nil
		}
		return d.check(ctx, c, name, o.Key)
	})
}

// late looks again for digest files that were not there.
func (d *digests) late(ctx context.Context, c *chain, name digestName) error {
	for _, a := range slices.Clone(c.Gone) {
		_, err := d.store.digest(ctx, a.Key)
		gone := errors.Is(err, errGone)
		if err != nil && !gone {
			return err
		}
		if gone && d.Now().Sub(a.Since) < waitFor {
			continue
		}
		c.Gone = slices.DeleteFunc(c.Gone, func(b absent) bool { return a == b })
		if !gone { // by itself: what it follows on was checked by the next one
			if err := d.one(ctx, &chain{}, name, a.Key); err != nil {
				return err
			}
		}
	}
	return nil
}

// due says of each hour without a digest file that it is missing: else whoever
// deletes the newest one would leave no gap.
func (d *digests) due(ctx context.Context, c *chain, name digestName) error {
	at := later(c.Last.End, c.Told)
	for n := 0; n < maxOverdue && at.Add(time.Hour+overdue).Before(d.Now()); n++ {
		f := d.finding(name, at, at.Add(time.Hour))
		f.add(event.Missing, "no digest file after %s has come: the trail is stopped, or it was deleted", c.Last.Key)
		if err := f.publish(ctx); err != nil {
			return err
		}
		at = at.Add(time.Hour)
		c.Told = at
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
