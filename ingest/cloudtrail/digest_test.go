package cloudtrail_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/cloudtrail/trailtest"
)

func TestADigestFileIsTheTrailsOwn(t *testing.T) {
	m := newMorning(trailtest.New("acme-trail", "111122223333", "eu-west-1"))
	d := m.digests[1]
	sign, public := d.Metadata["signature"], &m.Key.PublicKey
	for _, c := range []struct {
		name              string
		packed            []byte
		bucket, key       string
		signature, scheme string
		want              string // empty: it is right
	}{
		{"as it was written", d.Body, m.Bucket, d.Key, sign, "SHA256withRSA", ""},
		{"in another bucket", d.Body, "other", d.Key, sign, "SHA256withRSA", "it was moved"},
		{"under another key", d.Body, m.Bucket, m.digests[2].Key, sign, "SHA256withRSA", "it was moved"},
		{"without a signature", d.Body, m.Bucket, d.Key, "", "SHA256withRSA", "is missing"},
		{"without an algorithm", d.Body, m.Bucket, d.Key, sign, "", "a trail signs by SHA256withRSA"},
		{"with a signature that is none", d.Body, m.Bucket, d.Key, "hello", "SHA256withRSA", "not hexadecimal"},
		{"with a part of the signature", d.Body, m.Bucket, d.Key, sign[2:], "SHA256withRSA", "does not fit"},
		{"with the signature of the one before", d.Body, m.Bucket, d.Key, m.digests[0].Metadata["signature"], "SHA256withRSA", "does not fit"},
		{"unpacked", trailtest.Unpack(d.Body), m.Bucket, d.Key, sign, "SHA256withRSA", "gzip"},
		{"cut", d.Body[:len(d.Body)-9], m.Bucket, d.Key, sign, "SHA256withRSA", "gzip"},
		{"with a second packed part", append(append([]byte{}, d.Body...), trailtest.Pack([]byte(" "))...), m.Bucket, d.Key, sign, "SHA256withRSA", "bytes follow"},
		{"with a space more", trailtest.Pack(append(trailtest.Unpack(d.Body), ' ')), m.Bucket, d.Key, sign, "SHA256withRSA", "does not fit"},
		{"that ends before it begins", changed(d.Body, `"digestStartTime":"2026`, `"digestStartTime":"2027`), m.Bucket, d.Key, sign, "SHA256withRSA", "and ends at"},
		{"without times", trailtest.Pack([]byte("{}")), m.Bucket, d.Key, sign, "SHA256withRSA", "its times"},
		{"that is a list", trailtest.Pack([]byte("[]")), m.Bucket, d.Key, sign, "SHA256withRSA", "no JSON of a digest file"},
	} {
		err := cloudtrail.Checked(c.packed, c.bucket, c.key, c.signature, c.scheme, public)
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
	if err := cloudtrail.Checked(m.digests[0].Body, m.Bucket, m.digests[0].Key, m.digests[0].Metadata["signature"], "SHA256withRSA", public); err != nil {
		t.Errorf("the first of a chain, which has none before it: %v", err)
	}
	if err := cloudtrail.Checked(d.Body, m.Bucket, d.Key, sign, "SHA256withRSA", &trailtest.New("", "", "").Key.PublicKey); err == nil {
		t.Error("another key: no error")
	}
}

func changed(packed []byte, was, is string) []byte {
	return trailtest.Pack([]byte(strings.Replace(string(trailtest.Unpack(packed)), was, is, 1)))
}

func FuzzADigestFile(f *testing.F) {
	m := newMorning(trailtest.New("acme-trail", "111122223333", "eu-west-1"))
	for _, d := range m.digests {
		f.Add(d.Body, d.Metadata["signature"])
	}
	f.Add(trailtest.Pack([]byte(`{"digestStartTime":null,"logFiles":[null]}`)), "00")
	whole := map[string]bool{string(m.digests[0].Body): true, string(m.digests[1].Body): true, string(m.digests[2].Body): true}
	f.Fuzz(func(t *testing.T, packed []byte, sign string) {
		err := cloudtrail.Checked(packed, m.Bucket, m.digests[1].Key, sign, "SHA256withRSA", &m.Key.PublicKey)
		if err == nil && !whole[string(packed)] && string(trailtest.Unpack(packed)) != string(trailtest.Unpack(m.digests[1].Body)) {
			t.Errorf("%q is taken for the trail's own", packed)
		}
	})
}

func TestKeysAreReadAsAWSPrintsThem(t *testing.T) {
	trail := trailtest.New("b", "1", "r")
	keys, err := cloudtrail.Keys(trail.PublicKeys())
	if err != nil || !keys[trail.Fingerprint()].Equal(&trail.Key.PublicKey) {
		t.Errorf("got %v, %v", keys, err)
	}
	for _, b := range []string{"", "[]", "{}", `{"PublicKeyList":[]}`, `{"PublicKeyList":[{"Value":"!"}]}`, `{"PublicKeyList":[{"Value":"AAAA"}]}`} {
		if _, err := cloudtrail.Keys([]byte(b)); err == nil {
			t.Errorf("%q: no error", b)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add(trailtest.New("b", "1", "r").PublicKeys())
	f.Fuzz(func(t *testing.T, b []byte) {
		keys, err := cloudtrail.Keys(b)
		for fingerprint, k := range keys {
			if err == nil && k == nil {
				t.Errorf("%q has no key for %q", b, fingerprint)
			}
		}
	})
}

func TestKeysAreAskedForOfAWS(t *testing.T) {
	trail := trailtest.New("b", "1", "r")
	denied := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		if denied {
			w.WriteHeader(http.StatusBadRequest)
			w.Write([]byte(`{"__type":"AccessDeniedException","Message":"no"}`))
			return
		}
		var in struct{ StartTime, EndTime float64 }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil || !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ListPublicKeys") {
			t.Errorf("asked %s: %v", r.Header.Get("X-Amz-Target"), err)
		}
		if from, to := time.Unix(int64(in.StartTime), 0), time.Unix(int64(in.EndTime), 0); !from.Before(nine) || !to.Equal(nine.Add(time.Hour)) {
			t.Errorf("asked for keys from %s to %s", from, to)
		}
		json.NewEncoder(w).Encode(map[string]any{"PublicKeyList": []any{map[string]any{
			"Value": base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&trail.Key.PublicKey)), "Fingerprint": trail.Fingerprint(),
		}}})
	}))
	t.Cleanup(server.Close)
	k, err := cloudtrail.KeyOfAWS(t.Context(), server.URL, trail.Fingerprint(), nine, nine.Add(time.Hour))
	if err != nil || k == nil || !k.Equal(&trail.Key.PublicKey) {
		t.Errorf("got %v, %v", k, err)
	}
	if k, err := cloudtrail.KeyOfAWS(t.Context(), server.URL, "unknown", nine, nine.Add(time.Hour)); err != nil || k != nil {
		t.Errorf("a key that nobody knows: %v, %v", k, err)
	}
	denied = true
	if _, err := cloudtrail.KeyOfAWS(t.Context(), server.URL, "x", nine, nine); err == nil || !strings.Contains(err.Error(), "allow cloudtrail:ListPublicKeys, or name a file") {
		t.Errorf("access that is denied: %v", err)
	}
}

func TestTheKeyOfAFileSaysWhatItIs(t *testing.T) {
	for _, c := range []struct{ key, passOver, shelf, part string }{
		{"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/16/111122223333_CloudTrail_eu-west-1_20261116T0905Z_x.json.gz", "", "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/16/T09", ""},
		{"p/AWSLogs/o-1/111122223333/CloudTrail-Insight/eu-west-1/2026/11/16/111122223333_CloudTrail-Insight_eu-west-1_20261116T2305Z_x.json.gz", "", "p/AWSLogs/o-1/111122223333/CloudTrail-Insight/eu-west-1/2026/11/16/T23", ""},
		{"AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/16/111122223333_CloudTrail-Digest_eu-west-1_my_trail_us-east-1_20261116T091241Z.json.gz", "digest", "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/16/T09", "111122223333/eu-west-1/my_trail@us-east-1"},
		{"AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/16/111122223333_CloudTrail-Digest_eu-west-1_t_us-east-1_20261116T091241Z_backfill.json.gz", "digest", "AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/16/T09", "111122223333/eu-west-1/t@us-east-1/backfill"},
		{"AWSLogs/o-acme1/111122223333/CloudTrail-Digest/eu-west-1/2026/11/16/111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20261116T091241Z.json.gz", "digest", "AWSLogs/o-acme1/111122223333/CloudTrail-Digest/eu-west-1/2026/11/16/T09", "o-acme1/111122223333/eu-west-1/t"},
		{"AWSLogs/444455556666/CloudTrail-Digest/eu-west-1/2026/11/16/111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20261116T091241Z.json.gz", "digest", "AWSLogs/444455556666/CloudTrail-Digest/eu-west-1/2026/11/16/T09", ""},
		{"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/11/16/111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20261116T091241Z.json.gz", "digest", "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/11/16/T09", ""},
		{"AWSLogs/111122223333/Config/eu-west-1/2026/11/16/x.json.gz", "other", "AWSLogs/111122223333/Config/eu-west-1/2026/11/16", ""},
		{"copies/trail.json", "", "copies", ""},
		{"copies/trail.csv", "other", "copies", ""},
	} {
		got := []string{cloudtrail.PassOver(c.key), cloudtrail.Shelf(c.key), cloudtrail.PartOf(c.key)}
		if want := []string{c.passOver, c.shelf, c.part}; strings.Join(got, "|") != strings.Join(want, "|") {
			t.Errorf("%s: got %q, want %q", c.key, got, want)
		}
	}
}
