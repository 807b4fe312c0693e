package cloudtrail

import (
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sidedoor/event"
)

// folderDigests checks the digest files in a folder that has the layout of the
// trail's bucket below it, as a copy of it has.
//
// A digest file's signature is metadata of its object in S3, which a copy lacks;
// but the next digest file of the chain has it, too. So each is checked when the
// next one has come, and the newest is not.
type folderDigests struct {
	auditor
	folder *Folder
	// waiting are the digest files that were seen and not checked, by the parts
	// that they are about, sorted.
	waiting map[string][]inCopy
	// pointers are what the waiting ones say of those before them.
	pointers map[inCopy]pointer
	// absent is since when a log file is waited for that is not there.
	absent map[string]time.Time
}

// pointer is what a digest file says of the one before it.
type pointer struct{ key, signature string }

// inCopy is a digest file in a copy of a bucket.
type inCopy struct{ root, key string }

func (f *Folder) digestsOf() (*folderDigests, error) {
	keys, err := readKeys(f.DigestKeys)
	if err != nil {
		return nil, err
	}
	return &folderDigests{
		auditor: auditor{Intake: f.Intake, keys: keys}, folder: f,
		waiting: map[string][]inCopy{}, pointers: map[inCopy]pointer{}, absent: map[string]time.Time{},
	}, nil
}

// saw remembers a digest file. Its place is told from AWSLogs in its path: what
// is before is the folder that was copied to.
func (d *folderDigests) saw(file string) {
	slashed := filepath.ToSlash(file)
	at := strings.LastIndex("/"+slashed, "/AWSLogs/")
	if at < 0 {
		return
	}
	name, ok := nameOfDigest(slashed[at:])
	if !ok {
		return
	}
	// The prefix in the bucket, which is a part of every key, is in the file alone.
	all := append(slices.Clone(d.waiting[name.part()]), inCopy{root: slashed[:at], key: slashed[at:]})
	slices.SortFunc(all, func(a, b inCopy) int { return strings.Compare(path.Base(a.key), path.Base(b.key)) })
	d.waiting[name.part()] = slices.Compact(all)
}

// check checks the digest files that are followed by another one.
func (d *folderDigests) check(ctx context.Context) error {
	var faults []error
	for part := range d.waiting {
		if err := d.chain(ctx, part); err != nil && !errors.Is(err, errNotYet) {
			faults = append(faults, fmt.Errorf("digests of %s: %w", part, err))
		}
	}
	return errors.Join(faults...)
}

func (d *folderDigests) chain(ctx context.Context, part string) error {
	bookmark := d.Source.Name + " digests of " + part + " in " + d.folder.Folder
	kept, _, err := d.Bookmarks.Bookmark(ctx, bookmark)
	if err != nil {
		return err
	}
	c := &chain{}
	if len(kept) > 0 {
		if err := json.Unmarshal(kept, c); err != nil {
			return fmt.Errorf("its bookmark: %w", err)
		}
	}
	d.waiting[part] = slices.DeleteFunc(d.waiting[part], func(w inCopy) bool { return path.Base(w.key) <= path.Base(c.Last.Key) })
	for {
		this, signatures := d.followed(part)
		if len(signatures) == 0 {
			return nil
		}
		if err := d.next(ctx, c, d.waiting[part][:this+1], signatures); err != nil {
			return err
		}
		b, err := json.Marshal(c)
		if err != nil {
			return err
		}
		if err := d.Bookmarks.KeepBookmark(ctx, bookmark, b); err != nil {
			return err
		}
		for _, w := range d.waiting[part][:this+1] {
			delete(d.pointers, w)
		}
		d.waiting[part] = d.waiting[part][this+1:]
	}
}

// followed finds the first digest file that others follow on, and the signatures
// that these say it has: one of them, if the trail wrote one of them. It need not be
// the next one by name, for which there may be a file that is not the trail's.
func (d *folderDigests) followed(part string) (this int, signatures []string) {
	waiting := d.waiting[part]
	by := map[string][]string{}
	for _, w := range waiting {
		if p := d.pointer(w); p.key != "" {
			by[p.key] = append(by[p.key], p.signature)
		}
	}
	for i, w := range waiting {
		if len(by[w.key]) > 0 {
			return i, by[w.key]
		}
	}
	return 0, nil
}

// pointer is remembered once it can be read: a file may be in the copying.
func (d *folderDigests) pointer(w inCopy) pointer {
	if p, known := d.pointers[w]; known {
		return p
	}
	packed, err := os.ReadFile(inFolder{root: w.root}.path(w.key))
	if err != nil {
		return pointer{}
	}
	f, err := opened(storedDigest{packed: packed})
	if err != nil {
		return pointer{}
	}
	p := pointer{key: inLogs(f.previous())}
	if f.PrevSign != nil {
		p.signature = *f.PrevSign
	}
	if p.key >= w.key {
		p = pointer{} // nothing follows on what comes after it
	}
	d.pointers[w] = p
	return p
}

// inLogs is a key from AWSLogs on: what is before is not in a copy.
func inLogs(key string) string {
	if at := strings.LastIndex("/"+key, "/AWSLogs/"); at > 0 {
		return key[at:]
	}
	return key
}

// next checks the last of some digest files by what follows on it. On those before
// it nothing follows that is there, so nobody knows their signatures, and they
// prove nothing; the gap behind them is told with the one that is checked.
func (d *folderDigests) next(ctx context.Context, c *chain, files []inCopy, signatures []string) error {
	last := len(files) - 1
	for _, unknown := range files[:last] {
		s := inFolder{folderDigests: d, root: unknown.root}
		key := s.trueKey(unknown)
		stored, err := s.digest(ctx, key)
		if err != nil {
			return err
		}
		if _, to := nominal(key); stored.sum != (event.Digest{}) {
			c.accept(link{Key: key, Sum: stored.sum, End: to})
		}
	}
	this := files[last]
	name, _ := nameOfDigest(this.key)
	s := inFolder{folderDigests: d, root: this.root}
	key, a := s.trueKey(this), d.auditor
	for _, sign := range signatures {
		s.signed = sign
		a.store = s
		if _, bad, err := a.read(ctx, name, key); err != nil || bad == nil {
			break // it is told by what follows
		}
	}
	return a.one(ctx, c, name, key)
}

// inFolder finds a trail's files in a copy of its bucket.
type inFolder struct {
	*folderDigests
	root   string
	signed string // the signature of the digest file
}

// errNotYet says that a log file is not there that may still be copied.
var errNotYet = errors.New("it is not there yet")

// trueKey is the key that a digest file says it has: with the bucket's prefix,
// which a copy need not have.
func (s inFolder) trueKey(c inCopy) string {
	packed, err := os.ReadFile(s.path(c.key))
	if err != nil {
		return c.key
	}
	if d, err := opened(storedDigest{packed: packed}); err == nil && strings.HasSuffix(d.Object, c.key) {
		return d.Object
	}
	return c.key
}

// path is where the object with a key is.
func (s inFolder) path(key string) string {
	return filepath.Join(filepath.FromSlash(s.root), filepath.FromSlash(path.Clean("/"+inLogs(key))))
}

func (s inFolder) digest(_ context.Context, key string) (storedDigest, error) {
	packed, err := os.ReadFile(s.path(key))
	if errors.Is(err, fs.ErrNotExist) {
		return storedDigest{}, errGone
	}
	if err != nil {
		return storedDigest{}, err
	}
	stored := storedDigest{packed: packed, key: key, signature: signature{value: s.signed}}
	if d, err := opened(stored); err == nil {
		stored.bucket = d.Bucket // a copy does not say; the signature does
		stored.signature.algorithm = d.Algorithm
		stored.sum = d.sum
	}
	return stored, nil
}

func (s inFolder) logFile(ctx context.Context, f logFile) (unpacked event.Digest, recovered bool, err error) {
	file := s.path(f.Object)
	info, err := os.Lstat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if since, waited := s.absent[f.Object]; waited && s.Now().Sub(since) >= lateness {
			delete(s.absent, f.Object)
			return unpacked, false, errGone
		} else if !waited {
			s.absent[f.Object] = s.Now()
		}
		return unpacked, false, errNotYet
	case err != nil:
		return unpacked, false, err
	case !info.Mode().IsRegular():
		return unpacked, false, errGone
	}
	delete(s.absent, f.Object)
	// Whatever a digest file names was to be read, under any name.
	if _, err := s.folder.news(ctx, file, info); err != nil {
		return unpacked, false, err
	}
	unpacked, err = unpackedDigest(file)
	return unpacked, false, err
}

// unpackedDigest is the digest of a file's content. One that is not packed well
// has none that fits.
func unpackedDigest(file string) (event.Digest, error) {
	r, err := os.Open(file)
	if err != nil {
		return event.Digest{}, err
	}
	defer r.Close() //nolint:errcheck // it was only read
	h := sha256.New()
	z, err := gzip.NewReader(r)
	if err != nil {
		return event.Digest{}, nil
	}
	if _, err := io.Copy(h, io.LimitReader(z, maxUnpacked)); err != nil {
		return event.Digest{}, nil
	}
	return event.Digest(h.Sum(nil)), nil
}

// maxUnpacked bounds what a log file may be unpacked to.
const maxUnpacked = 8 << 30
