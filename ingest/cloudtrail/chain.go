package cloudtrail

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"regexp"
	"time"

	"sidedoor/event"
	"sidedoor/ingest"
)

// digestName is what the name of a digest file says. Those of one trail, region
// and account are a chain; those of a back-fill are one of their own.
type digestName struct{ account, region, trail, home, backfill string }

// digestForm is 111122223333_CloudTrail-Digest_eu-west-1_acme_eu-west-1_20261116T091241Z.json.gz;
// a trail's name may hold underscores.
var digestForm = regexp.MustCompile(`(\d{12})_CloudTrail-Digest_([a-z0-9-]+)_(.+)_([a-z0-9-]+)_\d{8}T\d{6}Z(_backfill)?\.json(?:\.gz)?$`)

func nameOfDigest(key string) (digestName, bool) {
	m := digestForm.FindStringSubmatch(key)
	if m == nil {
		return digestName{}, false
	}
	return digestName{m[1], m[2], m[3], m[4], m[5]}, true
}

// part names what the chain is about, as the part of a proof.
func (n digestName) part() string {
	part := n.account + "/" + n.region + "/" + n.trail
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
	signed    time.Time    // when, if it is told; that of a back-fill is long after
	sum       event.Digest // of its content, if the store has unpacked it
}

// errGone says that a file is not there.
var errGone = errors.New("it is gone")

// chain is how far the digest files of a trail were checked.
type chain struct {
	Last link `json:"last"`
	// Bad says that the last file is not what the trail wrote, which was told.
	Bad bool `json:"bad,omitempty"`
	// Told is up to when digest files were told to be overdue.
	Told time.Time `json:"told,omitzero"`
	// Gone are digest files that were not there; they may come late.
	Gone []absent `json:"gone,omitempty"`
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
		s, err := a.store.digest(ctx, at)
		if err != nil && !errors.Is(err, errGone) {
			return err
		}
		d, _ := opened(s, err)
		if d == nil || c.Last.Key == "" || len(ahead) > maxBack {
			break
		}
		// Whoever writes a digest file of his own may name anything.
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

// opened reads a digest file; it is nil if that cannot be done.
func opened(s storedDigest, err error) (*digestFile, error) {
	if err != nil {
		return nil, err
	}
	content, err := unpackDigest(s.packed)
	if err != nil {
		return nil, err
	}
	return parseDigest(content)
}

// one checks one digest file.
func (a *auditor) one(ctx context.Context, c *chain, name digestName, key string) error {
	s, err := a.store.digest(ctx, key)
	if err != nil && !errors.Is(err, errGone) {
		return err
	}
	d, err := opened(s, err)
	if err != nil {
		return a.unreadable(ctx, c, name, key, err)
	}
	f := a.finding(name, d.from, d.to)
	trusted, err := a.signatures(ctx, f, name, d, s)
	if err != nil {
		return err
	}
	if trusted {
		if err := errors.Join(a.linked(ctx, c, f, name, d), a.files(ctx, f, d)); err != nil {
			return err
		}
	} else { // its times are no more to be trusted than the rest of it
		f.From, f.To = nominal(key)
	}
	if err := f.publish(ctx); err != nil {
		return err
	}
	c.Last = link{Key: key, Sum: d.sum, Signature: s.signature.value, End: f.To}
	c.Bad = !trusted
	return nil
}

// unreadable deals with a digest file that is gone or no digest file.
func (a *auditor) unreadable(ctx context.Context, c *chain, name digestName, key string, why error) error {
	from, to := nominal(key)
	f := a.finding(name, from, to)
	if errors.Is(why, errGone) {
		f.add(event.Missing, "the digest file %s: %v", key, why)
		c.Gone = append(c.Gone[max(0, len(c.Gone)-maxAbsent+1):], absent{key, a.Now().UTC()})
	} else {
		f.add(event.Altered, "the digest file %s: %v", key, why)
	}
	if err := f.publish(ctx); err != nil {
		return err
	}
	c.Last, c.Bad = link{Key: key, End: to}, true
	return nil
}

// nominal is the hour that the name of a digest file stands for.
func nominal(key string) (from, to time.Time) {
	to = delivered(key)
	return to.Add(-time.Hour), to
}

// signatures says whether what the digest file says can be trusted.
func (a *auditor) signatures(ctx context.Context, f *finding, name digestName, d *digestFile, s storedDigest) (bool, error) {
	if d.Bucket != s.bucket || d.Object != s.key {
		f.add(event.Altered, "the digest file %s was moved: it says that it is s3://%s/%s", s.key, d.Bucket, d.Object)
		return false, nil
	}
	if a.keys == nil {
		return true, nil
	}
	at := d.to
	if !s.signed.IsZero() {
		at = s.signed
	}
	public, err := a.keys.key(ctx, name.region, d.Fingerprint, at)
	if err != nil {
		return false, err
	}
	if public == nil {
		f.add(event.Altered, "the digest file %s: it is signed with the key %q, which is none of CloudTrail's in %s", s.key, d.Fingerprint, name.region)
		return false, nil
	}
	return a.verified(f, d, s, public), nil
}

func (a *auditor) verified(f *finding, d *digestFile, s storedDigest, public *rsa.PublicKey) bool {
	if err := d.verify(s.bucket, s.key, s.signature, public); err != nil {
		f.add(event.Altered, "the digest file %s: %v", s.key, err)
		return false
	}
	return true
}

// linked says whether the file stands where the chain ends.
func (a *auditor) linked(ctx context.Context, c *chain, f *finding, name digestName, d *digestFile) error {
	switch before := d.previous(); {
	case c.Last.Key == "": // the first that is looked at
		return nil
	case before == c.Last.Key:
		if err := d.follows(c.Last); err != nil && !c.Bad {
			f.add(event.Altered, "%v", err)
		}
		return nil
	case before == "":
		return a.gap(ctx, name, c.Last.End, d.from,
			"the chain of digest files begins anew with %s: the trail was stopped or made anew, or the files before were deleted", d.Object)
	case !c.Last.End.Before(d.from):
		f.add(event.Altered, "the digest file %s follows on %s, and not on %s, which was there: there are two chains of one trail", d.Object, before, c.Last.Key)
		return nil
	default:
		return a.gap(ctx, name, c.Last.End, d.from, "the digest file %s follows on %s, which is not there", d.Object, before)
	}
}

// gap says that nothing is proven between two digest files.
func (a *auditor) gap(ctx context.Context, name digestName, from, to time.Time, text string, args ...any) error {
	if !from.Before(to) {
		return nil
	}
	f := a.finding(name, from, to)
	f.add(event.Missing, text, args...)
	return f.publish(ctx)
}

// files compares the log files that a digest file names with what was read.
func (a *auditor) files(ctx context.Context, f *finding, d *digestFile) error {
	f.Items = len(d.Files)
	for _, file := range d.Files {
		unpacked, recovered, err := a.store.logFile(ctx, file)
		switch {
		case errors.Is(err, errGone):
			f.add(event.Missing, "%s: %v", file.Object, err)
			continue
		case err != nil:
			return fmt.Errorf("log file %s: %w", file.Object, err)
		}
		if recovered {
			f.Recovered++
		}
		if err := file.check(unpacked); err != nil {
			f.add(event.Altered, "%v", err)
		}
	}
	return nil
}

// finding is a proof in the making.
type finding struct {
	event.Proof
	sink ingest.Sink
}

func (a *auditor) finding(name digestName, from, to time.Time) *finding {
	return &finding{sink: a.Sink, Proof: event.Proof{
		Source: a.Source.Name, Kind: event.DigestChain, Part: name.part(),
		From: from.UTC(), To: to.UTC(), Verdict: event.Complete,
	}}
}

func (f *finding) add(v event.Completeness, text string, args ...any) {
	if v.Worse(f.Verdict) {
		f.Verdict = v
	}
	f.Faults = append(f.Faults, fmt.Sprintf(text, args...))
}

func (f *finding) publish(ctx context.Context) error {
	if err := f.sink.PublishProof(ctx, f.Bound()); err != nil {
		return fmt.Errorf("source %s: proof: %w", f.Source, err)
	}
	return nil
}
