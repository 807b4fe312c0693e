package testserver_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sidedoor/internal/testserver"
)

// keys are credentials that never change.
func keys(access, secret string) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: access, SecretAccessKey: secret}, nil
	})
}

func s3Client(s *testserver.S3Server) *s3.Client {
	return s3.New(s3.Options{
		BaseEndpoint: aws.String(s.Endpoint), Region: s.Region, UsePathStyle: true,
		Credentials: keys(s.AccessKey, s.SecretKey),
	})
}

func TestAnObjectComesBackWithItsMetadata(t *testing.T) {
	client := s3Client(testserver.S3(t))
	ctx := t.Context()
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    aws.String("trail"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("trail"), Key: aws.String("AWSLogs/1.json"), Body: strings.NewReader("{}"),
		Metadata: map[string]string{"signature": "abc"},
	}); err != nil {
		t.Fatal(err)
	}
	got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("trail"), Key: aws.String("AWSLogs/1.json")})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(got.Body)
	if err != nil || string(body) != "{}" || got.Metadata["signature"] != "abc" {
		t.Errorf("got %q, %v with metadata %v", body, err, got.Metadata)
	}
}

func TestALockedObjectCannotBeDeletedNorChanged(t *testing.T) {
	client := s3Client(testserver.S3(t))
	ctx := t.Context()
	bucket, key := aws.String("worm"), aws.String("checkpoint")
	if _, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket: bucket, ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}); err != nil {
		t.Fatal(err)
	}
	put := func(body string) string {
		out, err := client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: bucket, Key: key, Body: strings.NewReader(body),
			ObjectLockMode:            types.ObjectLockModeCompliance,
			ObjectLockRetainUntilDate: aws.Time(time.Now().Add(time.Hour)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return aws.ToString(out.VersionId)
	}
	first := put("one")
	if second := put("two"); first == "" || first == second {
		t.Fatalf("versions %q and %q; each write has to make one of its own", first, second)
	}
	if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucket, Key: key, VersionId: &first}); err == nil {
		t.Error("a locked version was deleted")
	}
	got, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: bucket, Key: key, VersionId: &first})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(got.Body); err != nil || string(body) != "one" {
		t.Errorf("the first version reads %q, %v", body, err)
	}
}

func TestAnotherSecretKeyIsRefused(t *testing.T) {
	s := testserver.S3(t)
	s.SecretKey = "wrong"
	if _, err := s3Client(s).ListBuckets(t.Context(), &s3.ListBucketsInput{}); err == nil {
		t.Error("a request signed with the wrong key was answered")
	}
}
