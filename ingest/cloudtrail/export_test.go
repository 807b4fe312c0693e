package cloudtrail

import (
	"context"
	"crypto/rsa"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awstrail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
)

// Checked reads a packed digest file and checks its signature.
func Checked(packed []byte, bucket, key, sign, algorithm string, public *rsa.PublicKey) error {
	content, err := unpackDigest(packed)
	if err != nil {
		return err
	}
	d, err := parseDigest(content)
	if err != nil {
		return err
	}
	return d.verify(bucket, key, signature{sign, algorithm}, public)
}

// KeyOfAWS asks an API for a key.
func KeyOfAWS(ctx context.Context, endpoint, fingerprint string, at, now time.Time) (*rsa.PublicKey, error) {
	a := &api{now: func() time.Time { return now }, client: func(region string) (*awstrail.Client, error) {
		return awstrail.New(awstrail.Options{
			Region: region, BaseEndpoint: aws.String(endpoint), RetryMaxAttempts: 1,
			Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{AccessKeyID: "a", SecretAccessKey: "b"}, nil
			}),
		}), nil
	}}
	if k, err := a.key(ctx, "eu-west-1", fingerprint, at); err != nil || k == nil {
		return k, err
	}
	a.client = nil // it is remembered
	return a.key(ctx, "eu-west-1", fingerprint, at)
}

// Keys reads a file of keys.
func Keys(b []byte) (map[string]*rsa.PublicKey, error) { return parseKeys(b) }

// Delivered is the time in the name of a file.
func Delivered(key string) time.Time { return delivered(key) }

// PassOver says what an object holds that is no log file.
func PassOver(key string) string { return passOver(key) }

// Shelf says with what an object is remembered.
func Shelf(key string) string { return shelf(key) }

// PartOf says what a digest file is about.
func PartOf(key string) string {
	n, ok := nameOfDigest(key)
	if !ok {
		return ""
	}
	return n.part()
}
