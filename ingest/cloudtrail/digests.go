package cloudtrail

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
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
	// maxAbsent bounds how many digest files of a chain are waited for, or are
	// known to be none of it, and
	// waitFor how long; a trail that writes none for that long is at an end.
	maxAbsent = 50
	waitFor   = 7 * 24 * time.Hour
	// maxErrors bounds how many errors are told at once.
	maxErrors = 5
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
		packed: packed, bucket: o.Bucket, key: key, written: o.Modified,
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
	return apart.Poll(ctx, digestsEvery, func(ctx context.Context) (time.Time, error) { return time.Time{}, d.all(ctx) })
}

// all checks what is new in all folders. A folder that had a chain is looked after
// though it is not found any more: whoever deletes all that is in it deletes it,
// too.
func (d *digests) all(ctx context.Context) error {
	known, err := d.known(ctx)
	if err != nil {
		return err
	}
	found, err := folders(ctx, d.reader.Bucket(), d.prefix, ofDigests)
	faults := []error{err}
	var busy []string
	for _, folder := range sorted(known, found) {
		chains, err := d.folder(ctx, folder)
		if err != nil {
			faults = append(faults, fmt.Errorf("digests in %s: %w", folder, err))
		}
		if chains > 0 || err != nil && slices.Contains(known, folder) {
			busy = append(busy, folder)
		}
	}
	if ctx.Err() == nil && !slices.Equal(busy, known) {
		faults = append(faults, d.keep(ctx, d.folders(), busy))
	}
	return few(faults)
}

// few joins errors, as many as somebody reads.
func few(all []error) error {
	all = slices.DeleteFunc(all, func(err error) bool { return err == nil })
	if more := len(all) - maxErrors; more > 0 {
		all = append(all[:maxErrors:maxErrors], fmt.Errorf("and %d more", more))
	}
	return errors.Join(all...)
}

func sorted(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// folders is the bookmark of the folders that have a chain.
func (d *digests) folders() string {
	return fmt.Sprintf("%s digest folders s3://%s/%s", d.Source.Name, d.reader.Bucket().Name, d.prefix)
}

func (d *digests) known(ctx context.Context) (folders []string, err error) {
	kept, found, err := d.Bookmarks.Bookmark(ctx, d.folders())
	if err != nil || !found {
		return nil, err
	}
	if err := json.Unmarshal(kept, &folders); err != nil {
		return nil, fmt.Errorf("bookmark %q: %w", d.folders(), err)
	}
	return folders, nil
}

func (d *digests) keep(ctx context.Context, key string, value any) error {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("bookmark %q: %w", key, err)
	}
	return d.Bookmarks.KeepBookmark(ctx, key, b)
}

// chains is how far the digest files of an account and region were checked, by
// the parts that they are about.
type chains struct {
	Since  time.Time         `json:"since"`
	Chains map[string]*chain `json:"chains"`
}

// folder checks what is new in the digest files of an account and region, and
// says how many chains there are.
func (d *digests) folder(ctx context.Context, folder string) (int, error) {
	begun := d.Now().UTC()
	key := fmt.Sprintf("%s digests s3://%s/%s", d.Source.Name, d.reader.Bucket().Name, folder)
	c := chains{Since: begun.Add(-time.Hour)}
	kept, _, err := d.Bookmarks.Bookmark(ctx, key)
	if err != nil {
		return 0, err
	}
	if len(kept) > 0 {
		if err := json.Unmarshal(kept, &c); err != nil {
			d.Log.Warn("the digest chain is begun anew: its bookmark cannot be read", "source", d.Source.Name, "err", err)
		}
	}
	if c.Chains == nil {
		c.Chains = map[string]*chain{}
	}
	if c.Since.After(begun) { // our clock was ahead
		c.Since = begun.Add(-time.Hour)
	}
	err = d.news(ctx, folder, &c)
	if err == nil {
		c.Since = begun
	}
	return len(c.Chains), errors.Join(err, d.keep(ctx, key, c))
}

// news checks what is new. That it cannot be had is no reason not to say that
// it is missing.
func (d *digests) news(ctx context.Context, folder string, c *chains) error {
	from := c.Since
	for _, one := range c.Chains { // those of which a file failed are behind
		if one.Last.End.Before(from) {
			from = one.Last.End
		}
	}
	failures, err := d.list(ctx, folder, from, c.Since, c.Chains)
	faults := append(slices.Collect(maps.Values(failures)), err)
	for part, one := range c.Chains {
		name, ok := nameOfDigest(one.Last.Key)
		if !ok || name.part() != part {
			delete(c.Chains, part) // of a version that named parts otherwise
			continue
		}
		failed := cmp.Or(failures[part], err)
		faults = append(faults, d.late(ctx, one, name))
		if name.backfill == "" { // those come when somebody asks for them
			faults = append(faults, d.due(ctx, one, name, failed))
		}
		if d.Now().Sub(one.Last.End) > waitFor && failed == nil {
			d.Log.Warn("a trail has written no digest file for a week, and is waited for no more", "source", d.Source.Name, "trail", part)
			delete(c.Chains, part)
		}
	}
	return few(faults)
}

// list checks the digest files of a folder that are new in their chains. A chain
// that is not known begins with the first file after begin that a trail wrote.
// What goes wrong in one chain does not hold up the others.
func (d *digests) list(ctx context.Context, folder string, from, begin time.Time, all map[string]*chain) (failed map[string]error, err error) {
	after := folder + from.Add(-24*time.Hour).UTC().Format(dates)
	failed = map[string]error{}
	err = d.reader.Bucket().List(ctx, folder, after, func(o objects.Object) error {
		name, ok := nameOfDigest(o.Key)
		part := name.part()
		c := all[part]
		switch {
		case !ok, failed[part] != nil, c == nil && delivered(o.Key).Before(begin):
			return ctx.Err()
		case c == nil:
			c = &chain{}
		case o.Key <= c.Last.Key, slices.Contains(c.Refused, o.Key):
			return ctx.Err()
		}
		if err := d.check(ctx, c, name, o.Key); err != nil {
			failed[part] = err
		}
		if c.Last.Key != "" {
			all[part] = c
		}
		return ctx.Err()
	})
	return failed, err
}

// late looks again at digest files that were not there, or of which something
// could not be had.
func (d *digests) late(ctx context.Context, c *chain, name digestName) error {
	for _, a := range slices.Clone(c.Gone) {
		// By itself: what it follows on was checked by the next one.
		alone := &chain{}
		_, bad, err := d.read(ctx, name, a.Key)
		if err == nil && (bad == nil || bad.verdict != event.Missing) {
			err = d.one(ctx, alone, name, a.Key)
		}
		if err != nil {
			return err
		}
		waits := len(alone.Gone) > 0 || bad != nil && bad.verdict == event.Missing
		if !waits || d.Now().Sub(a.Since) >= waitFor {
			c.Gone = slices.DeleteFunc(c.Gone, func(b absent) bool { return a == b })
		}
	}
	return nil
}

// due says of each hour without a digest file that it is missing: else whoever
// deletes the newest one would leave no gap. failed is why it may be that one is
// there, and could not be checked.
func (d *digests) due(ctx context.Context, c *chain, name digestName, failed error) error {
	if c.Told.After(d.Now()) { // our clock was ahead
		c.Told = time.Time{}
	}
	why := "has come: the trail is stopped, or it was deleted"
	if failed != nil {
		why = fmt.Sprintf("could be checked: %v", failed)
	}
	at := later(c.Last.End, c.Told)
	for n := 0; n < maxOverdue && at.Add(time.Hour+overdue).Before(d.Now()); n++ {
		f := d.finding(name, at, at.Add(time.Hour))
		f.add(event.Missing, "no digest file after %s %s", c.Last.Key, why)
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
