package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awstrail "github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"golang.org/x/sync/errgroup"

	"sidedoor/event"
	"sidedoor/ingest"
	"sidedoor/ingest/objects"
	"sidedoor/ingest/records"
)

// Config is where a trail's files are: in a folder, in whatever layout below it,
// or in a bucket.
type Config struct {
	Folder         string `yaml:"folder"`
	objects.Config `yaml:",inline"`
	// Digests says whether the trail's digest files are checked: validate, which
	// is the default where there is a bucket, or off.
	Digests string `yaml:"digests"`
	// DigestKeys is a file with the public keys that they are signed by.
	DigestKeys string `yaml:"digest-keys"`
}

// What is done with digest files.
const (
	digestsValidate = "validate"
	digestsOff      = "off"
)

// Validate says all that is wrong.
func (c *Config) Validate() error {
	var faults []error
	switch {
	case c.Folder == "" && !c.IsSet():
		faults = append(faults, errors.New("folder, queue and bucket are missing: name the folder that log files are put into, the bucket that they are in, or the queue that announces them"))
	case c.Folder != "" && c.IsSet():
		faults = append(faults, errors.New("folder: it is another way in than queue and bucket; take one of them"))
	case c.Folder == "":
		faults = append(faults, c.Config.Validate())
	}
	switch c.Digests {
	case "", digestsOff:
	case digestsValidate:
		if c.Folder != "" && c.DigestKeys == "" {
			faults = append(faults, errors.New("digest-keys is missing: the digest files in a folder are checked with the keys of a file"))
		}
		if c.Folder == "" && c.Bucket == "" {
			faults = append(faults, errors.New("digests: they are in the trail's bucket; name it as bucket"))
		}
	default:
		faults = append(faults, fmt.Errorf("digests: %q is none of validate, off", c.Digests))
	}
	if c.DigestKeys != "" && c.Digests == digestsOff {
		faults = append(faults, errors.New("digest-keys: digests are off"))
	}
	return errors.Join(faults...)
}

// Resolve implements [ingest.Kind].
func (c *Config) Resolve(path func(string) string) {
	c.Folder, c.DigestKeys = path(c.Folder), path(c.DigestKeys)
}

// lateness is how late CloudTrail delivers: AWS says within about 5 minutes on
// average and 15 at the most for nearly all (CloudTrail FAQ).
const lateness = 15 * time.Minute

// Defaults implements [ingest.Kind].
func (c *Config) Defaults() ingest.Source {
	return ingest.Source{Product: Product, Service: Service, Lateness: lateness}
}

// URLPath implements [ingest.Kind].
func (c *Config) URLPath() string { return "" }

// Open implements [ingest.Kind].
func (c *Config) Open(in ingest.Intake) (ingest.Running, error) {
	if c.Folder != "" {
		return c.openFolder(in)
	}
	reader, err := c.reader(in)
	if err != nil {
		return ingest.Running{}, err
	}
	if !c.validates() {
		return ingest.Running{Run: reader.Run}, nil
	}
	d, err := c.digests(in, reader)
	if err != nil {
		return ingest.Running{}, err
	}
	return ingest.Running{Run: func(ctx context.Context) error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return reader.Run(ctx) })
		g.Go(func() error { return d.run(ctx) })
		return g.Wait()
	}}, nil
}

func (c *Config) openFolder(in ingest.Intake) (ingest.Running, error) {
	f := &Folder{Config: *c, Intake: in}
	if c.DigestKeys != "" {
		var err error
		if f.digests, err = f.digestsOf(); err != nil {
			return ingest.Running{}, err
		}
	}
	return ingest.Running{Run: f.Run}, nil
}

func (c *Config) validates() bool { return c.Bucket != "" && c.Digests != digestsOff }

// reader reads log files from S3, and records that EventBridge brings.
func (c *Config) reader(in ingest.Intake) (*objects.Reader, error) {
	return objects.Open(c.Config, in, objects.Kind{
		Identify: records.One(Identify),
		PassOver: passOver,
		Message: func(ctx context.Context, m objects.Message) (time.Time, error) {
			e, err := Identify(m.Detail)
			if err != nil {
				return time.Time{}, &objects.Unreadable{Reason: "it announces no object, and is no record from EventBridge: " + err.Error()}
			}
			return e.Occurred, in.Store(ctx, m.Envelope, []event.Event{e}, nil)
		},
		Folders: func(ctx context.Context, b *objects.Bucket) ([]string, error) {
			return folders(ctx, b, c.Config.Folder(), ofLogs)
		},
		Dates: dates, Shelf: shelf,
	})
}

func (c *Config) digests(in ingest.Intake, reader *objects.Reader) (*digests, error) {
	d := &digests{auditor: auditor{Intake: in, store: inBucket{reader}}, reader: reader, prefix: c.Config.Folder()}
	if c.DigestKeys != "" {
		keys, err := readKeys(c.DigestKeys)
		d.keys = keys
		return d, err
	}
	d.keys = &api{now: in.Now, client: func(region string) (*awstrail.Client, error) {
		session, err := c.Session(context.Background(), region)
		if err != nil {
			return nil, err
		}
		return awstrail.NewFromConfig(session, func(o *awstrail.Options) {
			if c.Endpoint != "" {
				o.BaseEndpoint = aws.String(c.Endpoint)
			}
		}), nil
	}}
	return d, nil
}
