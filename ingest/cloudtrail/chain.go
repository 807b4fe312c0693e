package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/objects"
)

// digestName is what the key of a digest file says. Those of one trail, region
// and account are a chain; those of a back-fill are one of their own.
type digestName struct{ organisation, account, region, trail, home, backfill string }

// digestForm is 111122223333_CloudTrail-Digest_eu-west-1_acme_eu-west-1_20261116T091241Z.json.gz;
// a trail's name may hold underscores.
var digestForm = regexp.MustCompile(`^(\d{12})_CloudTrail-Digest_([a-z0-9-]+)_([A-Za-z0-9._-]+)_([a-z0-9-]+)_\d{8}T\d{6}Z(_backfill)?\.json(?:\.gz)?$`)

// nameOfDigest reads a key. One whose name and folder disagree is none of a
// trail's: it would be looked for in one place and proven for another.
func nameOfDigest(key string) (digestName, bool) {
	l, ok := locate(key)
	m := digestForm.FindStringSubmatch(l.name)
	if !ok || m == nil || l.kind != digestFolder || l.account != m[1] || l.region != m[2] {
		return digestName{}, false
	}
	return digestName{l.organisation, m[1], m[2], m[3], m[4], m[5]}, true
}

// part names what the chain is about, as the part of a proof. It tells apart
// whatever trails can write to one bucket: what one proves must never stand for
// another of the same name.
func (n digestName) part() string {
	part := n.account + "/" + n.region + "/" + n.trail
	if n.organisation != "" {
		part = n.organisation + "/" + part
	}
	if n.home != n.region {
		part += "@" + n.home
	}
	if n.backfill != "" {
		part += "/backfill"
	}
	return part
}

// digestStore is where digest files are, and the log files that they name.
type digestStore interface {
	// digest returns a digest file, or an error that is errGone.
	digest(ctx context.Context, key string) (storedDigest, error)
	// logFile returns the digest of a log file as it was read, unpacked. It reads
	// the file if that was not done before; the error is errGone if it cannot.
	logFile(ctx context.Context, f logFile) (unpacked event.Digest, recovered bool, err error)
}

type storedDigest struct {
	packed    []byte
	bucket    string // as it is in the signature
	key       string
	signature signature
	written   time.Time    // by the store's clock; zero if it is not known
	signed    time.Time    // when, if it is told; that of a back-fill is long after
	sum       event.Digest // of its content, if the store has unpacked it
}

// errGone says that a file is not there.
var errGone = errors.New("it is gone")

// chain is how far the digest files of a trail were checked.
type chain struct {
	// Last is the last file that the trail wrote.
	Last link `json:"last"`
	// Refused are files behind it that the trail did not write, or that are gone,
	// which was told. They do not move the chain on: else one with a late name
	// would hide all that the trail writes before then.
	Refused []string `json:"refused,omitempty"`
	// Told is up to when digest files were told to be overdue.
	Told time.Time `json:"told,omitzero"`
	// Gone are digest files that were not there, or of which something could not be
	// had; they may come late.
	Gone []absent `json:"gone,omitempty"`
}

// accept moves the chain on to a file that the trail wrote.
func (c *chain) accept(l link) {
	c.Last = l
	c.Refused = slices.DeleteFunc(c.Refused, func(key string) bool { return key <= l.Key })
}

func (c *chain) refuse(key string) {
	if !slices.Contains(c.Refused, key) {
		c.Refused = append(c.Refused[max(0, len(c.Refused)-maxAbsent+1):], key)
	}
}

// await has a digest file be looked at again.
func (c *chain) await(key string, now time.Time) {
	if !slices.ContainsFunc(c.Gone, func(a absent) bool { return a.Key == key }) {
		c.Gone = append(c.Gone[max(0, len(c.Gone)-maxAbsent+1):], absent{key, now.UTC()})
	}
}

type absent struct {
	Key   string    `json:"key"`
	Since time.Time `json:"since"`
}

// auditor checks digest files, and publishes what they prove.
type auditor struct {
	ingest.Intake
	store digestStore
	keys  keyring // nil: the signatures are not checked
}

// maxBack bounds how many digest files that were not listed are looked for
// before one that was.
const maxBack = 200

// check checks the next digest file of a chain, those before it first that the
// chain has not come by.
func (a *auditor) check(ctx context.Context, c *chain, name digestName, key string) error {
	var ahead []string // the newest first
	for at := key; ; {
		ahead = append(ahead, at)
		d, bad, err := a.read(ctx, name, at)
		if err != nil {
			return err
		}
		// Whoever writes a digest file of his own may name anything.
		if bad != nil || c.Last.Key == "" || len(ahead) > maxBack {
			break
		}
		before, ok := nameOfDigest(d.previous())
		if !ok || before != name || d.previous() <= c.Last.Key || d.previous() >= at {
			break
		}
		at = d.previous()
	}
	for i := len(ahead) - 1; i >= 0; i-- {
		if err := a.one(ctx, c, name, ahead[i]); err != nil {
			return err
		}
	}
	return nil
}

// begun is a chain whose last file is the one with a key, if there is one and the
// trail wrote it. Nothing is told of it.
func (a *auditor) begun(ctx context.Context, name digestName, key string) (*chain, error) {
	c := &chain{}
	if key == "" {
		return c, nil
	}
	d, bad, err := a.read(ctx, name, key)
	switch {
	case err != nil:
		return nil, err
	case bad != nil:
		c.refuse(key)
	default:
		c.accept(link{Key: key, Sum: d.sum, Signature: d.signature, End: d.to})
	}
	return c, nil
}

// one checks one digest file.
func (a *auditor) one(ctx context.Context, c *chain, name digestName, key string) error {
	d, bad, err := a.read(ctx, name, key)
	if err != nil {
		return err
	}
	if bad != nil {
		return a.refuse(ctx, c, name, key, bad)
	}
	f := a.finding(name, d.from, d.to)
	if err := a.linked(ctx, c, f, name, d); err != nil {
		return err
	}
	whole, err := a.files(ctx, f, d)
	if err != nil {
		return err
	}
	if err := f.publish(ctx); err != nil {
		return err
	}
	if !whole {
		c.await(key, a.Now())
	}
	c.accept(link{Key: key, Sum: d.sum, Signature: d.signature, End: d.to})
	return nil
}

// refusal is why a digest file is not taken for the trail's.
type refusal struct {
	verdict event.Completeness
	why     error
	written time.Time // as in storedDigest
}

// read reads a digest file, and says why it is not taken for the trail's. The
// error says that this is not known.
func (a *auditor) read(ctx context.Context, name digestName, key string) (*digestFile, *refusal, error) {
	s, err := a.store.digest(ctx, key)
	switch {
	case errors.Is(err, errGone), a.refused(key, err):
		return nil, &refusal{verdict: event.Missing, why: err}, nil
	case err != nil:
		return nil, nil, err
	}
	d, err := opened(s)
	if err != nil {
		return nil, &refusal{event.Altered, err, s.written}, nil
	}
	why, err := a.distrust(ctx, name, d, s)
	if err != nil {
		return nil, nil, err
	}
	if why != nil {
		return nil, &refusal{event.Altered, why, s.written}, nil
	}
	return d, nil, nil
}

// refused says whether a file of the hour of a digest file is refused for so long
// that it is not waited for: it may have been put there for that.
func (a *auditor) refused(key string, err error) bool {
	return errors.Is(err, objects.ErrRefused) && a.Now().Sub(delivered(key)) > overdue
}

// opened reads a digest file.
func opened(s storedDigest) (*digestFile, error) {
	content, err := unpackDigest(s.packed)
	if err != nil {
		return nil, err
	}
	d, err := parseDigest(content)
	if err == nil {
		d.signature = s.signature.value
	}
	return d, err
}

// refuse tells of a digest file that is not the trail's. Its times are no more to
// be trusted than the rest of it; so is its name, if that is of the future.
func (a *auditor) refuse(ctx context.Context, c *chain, name digestName, key string, bad *refusal) error {
	from, to := nominal(key)
	if now := a.Now().UTC(); to.After(now.Add(time.Hour)) {
		if to = now.Truncate(time.Hour); !bad.written.IsZero() {
			to = bad.written
		}
		from = to.Add(-time.Hour)
	}
	f := a.finding(name, from, to)
	f.add(bad.verdict, "the digest file %s: %v", key, bad.why)
	if err := f.publish(ctx); err != nil {
		return err
	}
	if bad.verdict == event.Missing {
		c.await(key, a.Now())
	}
	c.refuse(key)
	return nil
}

// nominal is the hour that the name of a digest file stands for.
func nominal(key string) (from, to time.Time) {
	to = delivered(key)
	return to.Add(-time.Hour), to
}

// distrust says why what a digest file says cannot be trusted, or nil.
func (a *auditor) distrust(ctx context.Context, name digestName, d *digestFile, s storedDigest) (why, err error) {
	if err := d.inPlace(s.bucket, s.key); err != nil || a.keys == nil {
		return err, nil
	}
	// When it was signed is for the name to say, or for what is with the file:
	// neither may have us ask for the keys of a time that is not yet.
	at := later(delivered(s.key), s.signed)
	if now := a.Now(); at.After(now) {
		at = now
	}
	public, err := a.keys.key(ctx, name.region, d.Fingerprint, at)
	if err != nil {
		return nil, err
	}
	if public == nil {
		return fmt.Errorf("it is signed with the key %q, which is none of CloudTrail's in %s", d.Fingerprint, name.region), nil
	}
	return d.verify(s.bucket, s.key, s.signature, public), nil
}

// linked says whether the file stands where the chain ends.
func (a *auditor) linked(ctx context.Context, c *chain, f *finding, name digestName, d *digestFile) error {
	const anew = "the chain of digest files begins anew with %s: the trail was stopped or made anew, or the files before were deleted"
	switch before := d.previous(); {
	case c.Last.Key == "": // the first that is looked at
	case before == c.Last.Key:
		if err := d.follows(c.Last); err != nil {
			f.add(event.Altered, "%v", err)
		}
	case before != "" && slices.Contains(c.Refused, before): // which was told
	case before == "" && c.Last.End.Before(d.from):
		return a.gap(ctx, name, c.Last.End, d.from, anew, d.Object)
	case before == "": // within the hour, so that there is no gap to be seen
		f.add(event.Missing, anew, d.Object)
	case !c.Last.End.Before(d.from):
		f.add(event.Altered, "there are two chains of one trail: the digest file %s follows on %s, and not on %s, which was there", d.Object, before, c.Last.Key)
	default:
		return a.gap(ctx, name, c.Last.End, d.from, "the digest file %s follows on %s, which is not there", d.Object, before)
	}
	return nil
}

// gap says that nothing is proven between two digest files.
func (a *auditor) gap(ctx context.Context, name digestName, from, to time.Time, text string, args ...any) error {
	f := a.finding(name, from, to)
	f.add(event.Missing, text, args...)
	return f.publish(ctx)
}

// files compares the log files that a digest file names with what was read; whole
// says that each of them could be had, or is gone.
func (a *auditor) files(ctx context.Context, f *finding, d *digestFile) (whole bool, err error) {
	files, err := d.files()
	if err != nil {
		f.add(event.Altered, "the digest file %s: %v", d.Object, err)
	}
	f.Items, whole = len(files), true
	for _, file := range files {
		unpacked, recovered, err := a.store.logFile(ctx, file)
		switch {
		case errors.Is(err, errGone), a.refused(d.Object, err):
			whole = whole && errors.Is(err, errGone)
			f.add(event.Missing, "%s: %v", file.Object, err)
			continue
		case err != nil:
			return false, fmt.Errorf("log file %s: %w", file.Object, err)
		}
		if recovered {
			f.Recovered++
		}
		if err := file.check(unpacked); err != nil {
			f.add(event.Altered, "%v", err)
		}
	}
	return whole, nil
}
