package objects

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"sidedoor/ingest"
)

// Config is where objects are, and who may read them. A kind's own configuration
// has it inline.
type Config struct {
	// Queue is the URL of an SQS queue that announces objects.
	Queue string `yaml:"queue"`
	// Bucket is where the objects are. Those that are announced of another
	// bucket, or outside of the folder Prefix, are refused.
	Bucket string `yaml:"bucket"`
	Prefix string `yaml:"prefix"`
	// Every is how often the bucket is listed, without a queue; default 5m.
	Every time.Duration `yaml:"every"`

	Region  string `yaml:"region"`  // default: the queue's, or what AWS's tools take
	Profile string `yaml:"profile"` // in AWS's configuration files
	RoleARN string `yaml:"role-arn"`
	// Endpoint is the URL of another S3 than AWS's.
	Endpoint string `yaml:"endpoint"`
}

// defaultEvery is how often a bucket is listed: CloudTrail delivers about every
// five minutes.
const defaultEvery = 5 * time.Minute

// IsSet says whether anything is configured.
func (c *Config) IsSet() bool { return *c != Config{} }

// bucketName is the form of bucket names, those of access points included.
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/-]{1,254}$`)

// Validate says all that is wrong.
func (c *Config) Validate() error {
	var faults []error
	if c.Queue == "" && c.Bucket == "" {
		faults = append(faults, errors.New("queue and bucket are missing: name the SQS queue that announces objects, the bucket that they are in, or both"))
	}
	if c.Queue != "" {
		faults = append(faults, ingest.ValidateURL("queue", c.Queue))
		if u, err := url.Parse(c.Queue); err == nil && len(u.Path) < 2 {
			faults = append(faults, fmt.Errorf("queue: %q names no queue; its URL is such as https://sqs.eu-west-1.amazonaws.com/111122223333/trail", c.Queue))
		}
	}
	if c.Bucket != "" && !bucketName.MatchString(c.Bucket) {
		faults = append(faults, fmt.Errorf("bucket: %q is no bucket's name, such as acme-trail; a folder in it is the prefix", c.Bucket))
	}
	if c.Prefix != "" && c.Bucket == "" {
		faults = append(faults, errors.New("prefix: it goes together with a bucket, and there is none"))
	}
	if strings.HasPrefix(c.Prefix, "/") {
		faults = append(faults, fmt.Errorf("prefix: %q begins with /, and no key does", c.Prefix))
	}
	if c.Every < 0 || (c.Every > 0 && c.Every < time.Second) {
		faults = append(faults, fmt.Errorf("every: %v is less than a second", c.Every))
	}
	if c.Every > 0 && c.Queue != "" {
		faults = append(faults, errors.New("every: the bucket is listed only without a queue; leave it out"))
	}
	if c.RoleARN != "" && !strings.HasPrefix(c.RoleARN, "arn:") {
		faults = append(faults, fmt.Errorf("role-arn: %q does not begin with arn:, as in arn:aws:iam::111122223333:role/sidedoor", c.RoleARN))
	}
	if c.Endpoint != "" {
		faults = append(faults, ingest.ValidateURL("endpoint", c.Endpoint))
	}
	return errors.Join(faults...)
}

// Folder is the prefix as a folder, with a '/' at its end, or "".
func (c *Config) Folder() string {
	if c.Prefix == "" {
		return ""
	}
	return strings.TrimRight(c.Prefix, "/") + "/"
}

func (c *Config) every() time.Duration {
	if c.Every == 0 {
		return defaultEvery
	}
	return c.Every
}

// Timeouts of a connection to AWS. A long poll answers after 20 s.
const (
	headerTimeout = time.Minute
	maxAttempts   = 3 // of the SDK, before the source's own back-off
)

// Session returns what clients of AWS are made of, for a region, or for the
// configured one. Credentials are looked for when they are needed.
func (c *Config) Session(ctx context.Context, region string) (aws.Config, error) {
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.ResponseHeaderTimeout = headerTimeout
	})
	options := []func(*awsconfig.LoadOptions) error{
		awsconfig.WithHTTPClient(client), awsconfig.WithLogger(logging.Nop{}), awsconfig.WithRetryMaxAttempts(maxAttempts), awsconfig.WithSharedConfigProfile(c.Profile),
	}
	for _, r := range []string{region, c.Region, queueRegion(c.Queue)} {
		if r != "" {
			options = append(options, awsconfig.WithRegion(r))
			break
		}
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return cfg, fmt.Errorf("aws: %w", err)
	}
	if cfg.Region == "" {
		return cfg, errors.New("region is missing: name the AWS region that the bucket or the queue is in")
	}
	if c.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), c.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "sidedoor"
		})
		cfg.Credentials = aws.NewCredentialsCache(role)
	}
	return cfg, nil
}

// queueRegion is the region in the URL of one of AWS's own queues, or "".
func queueRegion(queue string) string {
	u, err := url.Parse(queue)
	if err != nil {
		return ""
	}
	parts := strings.Split(u.Hostname(), ".")
	switch {
	case len(parts) > 3 && parts[0] == "sqs": // sqs.eu-west-1.amazonaws.com
		return parts[1]
	case len(parts) > 3 && parts[1] == "queue": // eu-west-1.queue.amazonaws.com
		return parts[0]
	}
	return ""
}

// atEndpoint addresses a bucket by path where it is not AWS's: other hosts seldom
// have a sub-domain for each.
func (c *Config) atEndpoint(o *s3.Options) {
	o.DisableLogOutputChecksumValidationSkipped = true // older objects have none
	if c.Endpoint != "" {
		o.BaseEndpoint, o.UsePathStyle = aws.String(c.Endpoint), true
	}
}

// atQueue asks the host that the queue's URL names: the SDK would take the
// region's, though the queue may be behind an endpoint of its own.
func (c *Config) atQueue(o *sqs.Options) {
	if u, err := url.Parse(c.Queue); err == nil {
		o.BaseEndpoint = aws.String(u.Scheme + "://" + u.Host)
	}
}
