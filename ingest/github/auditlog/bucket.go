package auditlog

import (
	"context"
	"path"
	"strings"
	"time"

	"sidedoor/ingest"
	"sidedoor/ingest/github"
	"sidedoor/ingest/objects"
	"sidedoor/ingest/records"
)

// months is how GitHub sorts its objects. Its documentation says YYYY/MM/HH/MM, with
// no day in it, which may be an error: the order by months is right either way.
const months = "2006/01/"

// objects returns what reads the objects that GitHub streams.
func (c *Config) objects(in ingest.Intake) (*objects.Reader, error) {
	return objects.Open(c.Config, in, objects.Kind{
		Identify: records.One(github.IdentifyAudit),
		PassOver: passOver,
		Dates:    months,
		Shelf:    func(key string) string { return path.Dir(path.Dir(key)) }, // of an hour
	})
}

// passOver knows what is no log, such as what GitHub writes to see whether it can.
func passOver(key string) string {
	if strings.HasSuffix(key, ".json.gz") || strings.HasSuffix(key, ".json") {
		return ""
	}
	return "other"
}

// afterwards is how long after it occurred an entry is in the bucket for sure, unless
// the stream was paused.
const afterwards = 24 * time.Hour

// backfillObjects reads whole objects, those that were put into the bucket in the
// period or in the day after it: so what it stores may be of other hours, too, and is
// no less true for that.
func (c *Config) backfillObjects(ctx context.Context, in ingest.Intake, p ingest.Period, progress func(ingest.Progress)) error {
	r, err := c.objects(in)
	if err != nil {
		return err
	}
	var done ingest.Progress
	first := c.Folder() + p.From.UTC().AddDate(0, 0, -1).Format(months)
	put := ingest.Period{From: p.From, To: p.To.Add(afterwards)}
	return r.ReadEach(ctx, func(read func(objects.Object) error) error {
		return r.Bucket().List(ctx, c.Folder(), first, func(o objects.Object) error {
			if !put.Contains(o.Modified) {
				return nil
			}
			return read(o)
		})
	}, func(got objects.Reading) {
		done.Done++
		done.Events += got.Events
		done.At = got.Key
		progress(done)
	})
}
