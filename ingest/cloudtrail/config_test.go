package cloudtrail_test

import (
	"strings"
	"testing"

	"sidedoor/ingest/cloudtrail"
	"sidedoor/ingest/objects"
)

func TestWhatIsWrongWithATrailsConfigurationIsSaid(t *testing.T) {
	bucket := objects.Config{Bucket: "acme-trail"}
	queue := objects.Config{Queue: "https://sqs.eu-west-1.amazonaws.com/111122223333/trail"}
	for _, c := range []struct {
		cfg  cloudtrail.Config
		want string // empty: it is right
	}{
		{cloudtrail.Config{Folder: "logs"}, ""},
		{cloudtrail.Config{Folder: "logs", DigestKeys: "keys.json"}, ""},
		{cloudtrail.Config{Config: bucket, Digests: "validate"}, ""},
		{cloudtrail.Config{Config: queue}, ""},
		{cloudtrail.Config{}, "folder, queue and bucket are missing"},
		{cloudtrail.Config{Folder: "logs", Config: bucket}, "take one of them"},
		{cloudtrail.Config{Folder: "logs", Digests: "validate"}, "digest-keys is missing"},
		{cloudtrail.Config{Config: queue, Digests: "validate"}, "name it as bucket"},
		{cloudtrail.Config{Config: bucket, Digests: "yes"}, `"yes" is none of validate, off`},
		{cloudtrail.Config{Config: bucket, Digests: "off", DigestKeys: "keys.json"}, "digests are off"},
		{cloudtrail.Config{Config: objects.Config{Bucket: "acme-trail", Prefix: "/x"}}, "begins with /"},
	} {
		err := c.cfg.Validate()
		if (err == nil) != (c.want == "") || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: got %v, want %q", c.cfg, err, c.want)
		}
	}
}
