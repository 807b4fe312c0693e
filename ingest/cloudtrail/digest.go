package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"sidedoor/event"
)

// digestFile is a digest file: what a trail says of the log files that it
// delivered in an hour.
//
//	{"awsAccountId":"111122223333","digestStartTime":"2026-11-16T08:12:41Z","digestEndTime":"2026-11-16T09:12:41Z",
//	 "digestS3Bucket":"acme-trail","digestS3Object":"AWSLogs/…","digestPublicKeyFingerprint":"31e8…",
//	 "previousDigestS3Object":"AWSLogs/…","previousDigestHashValue":"97fb…","previousDigestSignature":"50887c…",
//	 "logFiles":[{"s3Bucket":"acme-trail","s3Object":"AWSLogs/…","hashValue":"9bb6…","hashAlgorithm":"SHA-256"}]}
//
// Source: CloudTrail User Guide, "CloudTrail digest file structure" and
// "Custom implementations of CloudTrail log file integrity validation".
type digestFile struct {
	Start       string  `json:"digestStartTime"`
	End         string  `json:"digestEndTime"`
	Bucket      string  `json:"digestS3Bucket"`
	Object      string  `json:"digestS3Object"`
	Fingerprint string  `json:"digestPublicKeyFingerprint"`
	Algorithm   string  `json:"digestSignatureAlgorithm"`
	PrevBucket  *string `json:"previousDigestS3Bucket"`
	PrevObject  *string `json:"previousDigestS3Object"`
	PrevHash    *string `json:"previousDigestHashValue"`
	PrevSign    *string `json:"previousDigestSignature"`

	from, to  time.Time
	content   []byte // of which the list of log files is read when it is trusted
	sum       event.Digest
	signature string
}

type logFile struct {
	Bucket    string `json:"s3Bucket"`
	Object    string `json:"s3Object"`
	Hash      string `json:"hashValue"`
	Algorithm string `json:"hashAlgorithm"`
}

// The algorithms of a trail.
const (
	signatureAlgorithm = "SHA256withRSA"
	hashAlgorithm      = "SHA-256"
)

// maxDigest bounds a digest file as it is unpacked: an hour of an account that
// writes a hundred thousand files.
const maxDigest = 64 << 20

// unpackDigest returns the content of a digest file. What follows the packed
// content is signed by nobody.
func unpackDigest(packed []byte) ([]byte, error) {
	r := bytes.NewReader(packed)
	z, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("gzip: %w", err)
	}
	z.Multistream(false)
	content, err := io.ReadAll(io.LimitReader(z, maxDigest+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("gzip: %w", err)
	case len(content) > maxDigest:
		return nil, fmt.Errorf("it is unpacked to more than %d bytes", maxDigest)
	case r.Len() > 0:
		return nil, fmt.Errorf("%d bytes follow its packed content", r.Len())
	}
	return content, nil
}

func parseDigest(content []byte) (*digestFile, error) {
	d := &digestFile{content: content, sum: event.DigestOf(content)}
	if err := json.Unmarshal(content, d); err != nil {
		return nil, fmt.Errorf("it is no JSON of a digest file: %w", err)
	}
	var faults [2]error
	d.from, faults[0] = time.Parse(time.RFC3339, d.Start)
	d.to, faults[1] = time.Parse(time.RFC3339, d.End)
	if err := errors.Join(faults[:]...); err != nil {
		return nil, fmt.Errorf("its times: %w", err)
	}
	if !d.from.Before(d.to) {
		return nil, fmt.Errorf("it begins at %s and ends at %s", d.Start, d.End)
	}
	return d, nil
}

// files are the log files that the digest file names. A list takes many times its
// size in memory, so it is not read before it is known who wrote it.
func (d *digestFile) files() ([]logFile, error) {
	var named struct {
		Files []logFile `json:"logFiles"`
	}
	if err := json.Unmarshal(d.content, &named); err != nil {
		return nil, fmt.Errorf("its log files: %w", err)
	}
	return named.Files, nil
}

// signature is what is with a digest file and not in it.
type signature struct{ value, algorithm string }

// signedText is what a trail signs.
func (d *digestFile) signedText(bucket, key string) string {
	before := "null"
	if d.PrevSign != nil {
		before = *d.PrevSign
	}
	return d.End + "\n" + bucket + "/" + key + "\n" + d.sum.String() + "\n" + before
}

// inPlace says whether the file is where it says that it is.
func (d *digestFile) inPlace(bucket, key string) error {
	if d.Bucket != bucket || d.Object != key {
		return fmt.Errorf("it was moved: it says that it is s3://%s/%s", d.Bucket, d.Object)
	}
	return nil
}

// verify says whether the trail wrote the file, for the place where it was read.
func (d *digestFile) verify(bucket, key string, s signature, public *rsa.PublicKey) error {
	if err := d.inPlace(bucket, key); err != nil {
		return err
	}
	if s.value == "" {
		return errors.New("its signature is missing in the object's metadata")
	}
	if s.algorithm != signatureAlgorithm || d.Algorithm != signatureAlgorithm {
		return fmt.Errorf("it is signed by %q, and says %q; a trail signs by %s", s.algorithm, d.Algorithm, signatureAlgorithm)
	}
	raw, err := hex.DecodeString(s.value)
	if err != nil {
		return fmt.Errorf("its signature is not hexadecimal: %w", err)
	}
	hashed := sha256.Sum256([]byte(d.signedText(bucket, key)))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, hashed[:], raw); err != nil {
		return errors.New("its signature does not fit: it was changed, or written by somebody else")
	}
	return nil
}

// link is the end of a chain of digest files that were checked.
type link struct {
	Key       string       `json:"key"`
	Sum       event.Digest `json:"sum"`
	Signature string       `json:"signature,omitempty"` // empty if it is not known
	End       time.Time    `json:"end"`
}

// follows says whether the file fits to the one before it.
func (d *digestFile) follows(before link) error {
	switch {
	case d.PrevHash == nil || !strings.EqualFold(*d.PrevHash, before.Sum.String()):
		return fmt.Errorf("the digest file before it, %s, has another hash than it says: that one was changed", before.Key)
	case before.Signature != "" && (d.PrevSign == nil || *d.PrevSign != before.Signature):
		return fmt.Errorf("the digest file before it, %s, has another signature than it says: that one was replaced", before.Key)
	}
	return nil
}

// previous is the key of the digest file before, or "" at the beginning of a chain.
func (d *digestFile) previous() string {
	if d.PrevObject == nil {
		return ""
	}
	return *d.PrevObject
}

// check says whether what was read of a log file is what the digest file says.
func (f logFile) check(unpacked event.Digest) error {
	if f.Algorithm != hashAlgorithm {
		return fmt.Errorf("%s: its hash is by %q; a trail hashes by %s", f.Object, f.Algorithm, hashAlgorithm)
	}
	if !strings.EqualFold(f.Hash, unpacked.String()) {
		return fmt.Errorf("%s: it is not what the trail wrote: it was changed", f.Object)
	}
	return nil
}
