// Package trailtest makes what a CloudTrail trail puts into its bucket: log files,
// and digest files signed with a key of its own.
package trailtest

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"crypto"
	"crypto/md5" //nolint:gosec // names a key, as AWS does
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"time"
)

// Object is an object as it is in the bucket.
type Object struct {
	Key      string
	Body     []byte
	Metadata map[string]string
}

// Trail is the files of a trail in one account and region.
type Trail struct {
	Bucket       string
	Prefix       string // with a '/' at its end, or empty
	Organisation string // o-…, or empty
	Account      string
	Region       string
	Home         string // region of the trail; empty: Region
	Name         string
	Key          *rsa.PrivateKey
	Backfill     bool // its digests are of a back-fill

	before *digest // the digest before
	sum    string
	signed string
	files  int
}

// New returns a trail of an account and region with a new key.
func New(bucket, account, region string) *Trail {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // there is no randomness
	}
	return &Trail{Bucket: bucket, Account: account, Region: region, Name: "acme", Key: key}
}

// Beside returns another trail of the same organisation and key.
func (t *Trail) Beside(account, region string) *Trail {
	return &Trail{Bucket: t.Bucket, Prefix: t.Prefix, Organisation: t.Organisation, Account: account, Region: region, Name: t.Name, Key: t.Key}
}

// Fingerprint is the name of the trail's key.
func (t *Trail) Fingerprint() string {
	sum := md5.Sum(x509.MarshalPKCS1PublicKey(&t.Key.PublicKey)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// PublicKeys is the key as `aws cloudtrail list-public-keys` prints it.
func (t *Trail) PublicKeys() []byte {
	return marshal(map[string]any{"PublicKeyList": []any{map[string]any{
		"Value":             base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&t.Key.PublicKey)),
		"ValidityStartTime": "2026-01-01T00:00:00+00:00", "ValidityEndTime": 1830297600.0, "Fingerprint": t.Fingerprint(),
	}}})
}

// Record is a record of the trail.
func (t *Trail) Record(id, name string, at time.Time) string {
	return fmt.Sprintf(`{"eventVersion":"1.11","eventID":%q,"eventName":%q,"eventSource":"iam.amazonaws.com","eventTime":%q,"awsRegion":%q,"recipientAccountId":%q}`,
		id, name, at.UTC().Format(time.RFC3339), t.Region, t.Account)
}

// Log is a log file that was delivered at a time.
func (t *Trail) Log(at time.Time, records ...string) Object {
	t.files++
	var all bytes.Buffer
	all.WriteString(`{"Records":[`)
	for i, r := range records {
		if i > 0 {
			all.WriteByte(',')
		}
		all.WriteString(r)
	}
	all.WriteString(`]}`)
	name := fmt.Sprintf("%s_CloudTrail_%s_%s_u%06d.json.gz", t.Account, t.Region, at.UTC().Format("20060102T1504Z"), t.files)
	return Object{Key: t.folder("CloudTrail") + at.UTC().Format("2006/01/02/") + name, Body: Pack(all.Bytes())}
}

func (t *Trail) folder(kind string) string {
	return path.Join(t.Prefix+"AWSLogs", t.Organisation, t.Account, kind, t.Region) + "/"
}

type digest struct {
	Account     string  `json:"awsAccountId"`
	Start       string  `json:"digestStartTime"`
	End         string  `json:"digestEndTime"`
	Bucket      string  `json:"digestS3Bucket"`
	Object      string  `json:"digestS3Object"`
	Fingerprint string  `json:"digestPublicKeyFingerprint"`
	Algorithm   string  `json:"digestSignatureAlgorithm"`
	Newest      *string `json:"newestEventTime"`
	Oldest      *string `json:"oldestEventTime"`
	PrevBucket  *string `json:"previousDigestS3Bucket"`
	PrevObject  *string `json:"previousDigestS3Object"`
	PrevHash    *string `json:"previousDigestHashValue"`
	PrevAlg     *string `json:"previousDigestHashAlgorithm"`
	PrevSign    *string `json:"previousDigestSignature"`
	Files       []file  `json:"logFiles"`
}

type file struct {
	Bucket    string `json:"s3Bucket"`
	Object    string `json:"s3Object"`
	Hash      string `json:"hashValue"`
	Algorithm string `json:"hashAlgorithm"`
	Newest    string `json:"newestEventTime"`
	Oldest    string `json:"oldestEventTime"`
}

// Digest is the digest file of the hour that ends at a time.
func (t *Trail) Digest(end time.Time, logs ...Object) Object {
	end = end.UTC()
	name := fmt.Sprintf("%s_CloudTrail-Digest_%s_%s_%s_%s", t.Account, t.Region, t.Name, cmp.Or(t.Home, t.Region), end.Format("20060102T150405Z"))
	if t.Backfill {
		name += "_backfill"
	}
	d := &digest{
		Account: t.Account, Start: end.Add(-time.Hour).Format(time.RFC3339), End: end.Format(time.RFC3339), Bucket: t.Bucket,
		Object:      t.folder("CloudTrail-Digest") + end.Format("2006/01/02/") + name + ".json.gz",
		Fingerprint: t.Fingerprint(), Algorithm: "SHA256withRSA", Files: []file{},
	}
	if t.before != nil {
		d.PrevBucket, d.PrevObject, d.PrevHash, d.PrevSign = &t.before.Bucket, &t.before.Object, &t.sum, &t.signed
		alg := "SHA-256"
		d.PrevAlg = &alg
	}
	for _, l := range logs {
		d.Files = append(d.Files, file{t.Bucket, l.Key, sum(Unpack(l.Body)), "SHA-256", d.End, d.Start})
	}
	content := marshal(d)
	signature := t.Sign(d.End, d.Object, content, d.PrevSign)
	before, hash, signed := d, sum(content), signature
	t.before, t.sum, t.signed = before, hash, signed
	meta := map[string]string{"signature": signature, "signature-algorithm": "SHA256withRSA"}
	if t.Backfill {
		meta["backfill-generation-timestamp"] = end.Add(24 * time.Hour).Format(time.RFC3339)
	}
	return Object{Key: d.Object, Body: Pack(content), Metadata: meta}
}

// Restart makes the next digest the first of a new chain, as after StopLogging.
func (t *Trail) Restart() { t.before = nil }

// Sign returns the signature of a digest file.
func (t *Trail) Sign(end, key string, content []byte, previous *string) string {
	before := "null"
	if previous != nil {
		before = *previous
	}
	text := end + "\n" + t.Bucket + "/" + key + "\n" + sum(content) + "\n" + before
	hashed := sha256.Sum256([]byte(text))
	b, err := rsa.SignPKCS1v15(nil, t.Key, crypto.SHA256, hashed[:])
	if err != nil {
		panic(err) // the key is our own
	}
	return hex.EncodeToString(b)
}

func sum(b []byte) string {
	d := sha256.Sum256(b)
	return hex.EncodeToString(d[:])
}

func marshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // they are structs of ours
	}
	return b
}

// Pack compresses by gzip.
func Pack(b []byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	_, _ = z.Write(b) // a buffer takes everything
	_ = z.Close()
	return out.Bytes()
}

// Unpack undoes Pack.
func Unpack(b []byte) []byte {
	var out bytes.Buffer
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		panic(err) // it was packed here
	}
	if _, err := out.ReadFrom(z); err != nil {
		panic(err)
	}
	return out.Bytes()
}
