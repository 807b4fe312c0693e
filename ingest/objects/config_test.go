package objects_test

import (
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"sidedoor/ingest/objects"
)

func TestWhatIsWrongWithTheConfigurationIsSaid(t *testing.T) {
	for _, c := range []struct {
		cfg  objects.Config
		want string // empty: it is right
	}{
		{objects.Config{Bucket: "acme-trail", Prefix: "a/b", Every: time.Minute}, ""},
		{objects.Config{Queue: "https://sqs.eu-west-1.amazonaws.com/111122223333/trail"}, ""},
		{objects.Config{Queue: "http://127.0.0.1:1/0/trail", Bucket: "b-1", Endpoint: "http://localhost:9000"}, ""},
		{objects.Config{}, "queue and bucket are missing"},
		{objects.Config{Queue: "trail"}, "is no URL"},
		{objects.Config{Queue: "http://sqs.eu-west-1.amazonaws.com/111122223333/trail"}, "not encrypted"},
		{objects.Config{Queue: "https://sqs.eu-west-1.amazonaws.com/"}, "names no queue"},
		{objects.Config{Bucket: "s3 bucket"}, "is no bucket's name"},
		{objects.Config{Queue: "https://sqs.eu-west-1.amazonaws.com/1/trail", Prefix: "logs"}, "goes together with a bucket"},
		{objects.Config{Bucket: "acme-trail", Prefix: "/logs"}, "begins with /"},
		{objects.Config{Bucket: "acme-trail", Every: time.Millisecond}, "less than a second"},
		{objects.Config{Bucket: "acme-trail", Queue: "https://sqs.eu-west-1.amazonaws.com/1/trail", Every: time.Minute}, "only without a queue"},
		{objects.Config{Bucket: "acme-trail", RoleARN: "sidedoor"}, "arn:aws:iam"},
		{objects.Config{Bucket: "acme-trail", Endpoint: "https://me:secret@s3.acme.example"}, "credentials do not belong there"},
	} {
		err := c.cfg.Validate()
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v, want %q", c.cfg, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("a secret is told: %v", err)
		}
	}
}

func TestAConfigurationIsInline(t *testing.T) {
	var kind struct {
		objects.Config `yaml:",inline"`
		Digests        string `yaml:"digests"`
	}
	err := yaml.UnmarshalWithOptions([]byte("bucket: acme-trail\ndigests: off\nrole-arn: arn:aws:iam::1:role/x\nevery: 1m\n"), &kind, yaml.Strict())
	if err != nil || kind.Bucket != "acme-trail" || kind.RoleARN == "" || kind.Every != time.Minute || kind.Digests != "off" {
		t.Errorf("got %+v, %v", kind, err)
	}
	if err := yaml.UnmarshalWithOptions([]byte("bucket: acme-trail\nbuckets: x\n"), &kind, yaml.Strict()); err == nil {
		t.Error("an unknown key is taken")
	}
}
